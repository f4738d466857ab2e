"""The real command line with a fake in the classifier's place: as a program, or called.

    python tests/faked_monitor.py import posts.jsonl + classify + aggregate

runs one command after the other until one fails; it says `ready` when everything is loaded.
"""

from __future__ import annotations

import importlib
import sys
from itertools import groupby

import structlog

from monitor import cli
from monitor.bootstrap.application import Application
from monitor.testing import FakeScorers


def run(arguments: list[str]) -> int:
    """Runs a command and returns its exit code."""
    Application.scorers = property(lambda _: FakeScorers())  # type: ignore[assignment]
    try:
        return cli.run(arguments)
    finally:
        structlog.reset_defaults()  # it would go on writing to a test's captured stream


def main(arguments: list[str]) -> int:
    """Runs commands that are separated by `+`; returns the exit code of the last."""
    commands = [list(words) for is_end, words in groupby(arguments, "+".__eq__) if not is_end]
    for command in commands:
        importlib.import_module(cli.COMMANDS[command[0]])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    return next((code for code in map(run, commands) if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
