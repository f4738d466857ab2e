"""Structured logs: one event per finished unit of work, to standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logging(*, verbose: bool = False) -> None:
    """Logs for a person on a terminal, one JSON object a line elsewhere."""
    level = logging.DEBUG if verbose else logging.INFO
    terminal = sys.stderr.isatty()
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard module; what they warn of is worth a line.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # A run that is skipped because the last one is still at work is how a job does not overlap.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def get_logger() -> structlog.stdlib.BoundLogger:
    """The application's logger; event names are fixed words, ids go into fields."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger
