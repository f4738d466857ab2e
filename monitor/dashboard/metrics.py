"""`/metrics` for Prometheus: how the program does, never what anybody said."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fastapi import Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from monitor.dashboard import gauges
from monitor.dashboard.board import Dashboard
from monitor.dashboard.shield import CallNext, route_of
from monitor.errors import StoreError
from monitor.observability import get_logger

FIGURES_EVERY = 120.0
"""Seconds for which what is told of figures stays as it is."""
_UP = ("monitor_database_up", "Whether the database answers.")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One dashboard's metrics; the store's state is read when somebody asks.

    Args:
        board: What the routes answer from.
    """

    def __init__(self, board: Dashboard) -> None:
        self._registry = CollectorRegistry()
        self._state = _State(board)
        self._registry.register(self._state)
        ProcessCollector(registry=self._registry)
        self._answered = Histogram(
            "monitor_http_request_seconds",
            "Time to answer, by route and status.",
            ("route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answer(self) -> Response:
        """Returns everything in Prometheus's text format."""
        return Response(
            generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    def without_database(self, error: StoreError) -> Response:
        """Returns that the database does not answer, and nothing else: who asks is not known."""
        self._state.note(error)
        registry = CollectorRegistry()
        Gauge(*_UP, registry=registry).set(0)
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def count(self, request: Request, call_next: CallNext) -> Response:
        """Measures an answer; it is counted under its route, never under its address."""
        started = time.perf_counter()
        status = 500  # What a page that breaks is answered with, further out.
        try:
            response = await call_next(request)
            status = response.status_code
        finally:
            self._answered.labels(route_of(request), status).observe(time.perf_counter() - started)
        return response


class _State(Collector):
    """What the store tells, at the moment it is asked."""

    def __init__(self, board: Dashboard) -> None:
        self._board = board
        self._figures: list[Metric] = []
        self._made_at = -FIGURES_EVERY
        self._is_up = True

    def describe(self) -> Iterator[Metric]:
        """Names nothing beforehand, so that registering does not read the database."""
        return iter(())

    def note(self, error: StoreError | None) -> None:
        """Logs why the database does not answer, once for each time that it goes away."""
        if error is not None and self._is_up:
            get_logger().warning("database_unreachable", error=str(error))
        self._is_up = error is None

    def collect(self) -> Iterator[Metric]:
        up = gauges.gauge(*_UP)
        board = self._board
        try:
            found = [
                *gauges.stored(board),
                *gauges.collecting(board),
                *gauges.jobs(board),
                *gauges.scheduler(board),
                *gauges.machine(board),
                *self._of_figures(),
            ]
            up.add_metric([], 1)
            self.note(None)
        except StoreError as error:
            found = []
            up.add_metric([], 0)
            self.note(error)
        yield up
        yield from found

    def _of_figures(self) -> list[Metric]:
        """Estimating takes a second; who asks every few does not need it anew each time."""
        if time.monotonic() - self._made_at >= FIGURES_EVERY:
            self._figures = list(gauges.figures(self._board))
            self._made_at = time.monotonic()
        return self._figures
