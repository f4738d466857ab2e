"""Loaded by Dask into a worker process, before its work: a fake in the classifier's place."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from cluster_fakes import RecordingScorers

from monitor.bootstrap.application import Application

SECONDS = 0.1


def dask_setup(_worker: object) -> None:
    """Called by the worker when it starts."""

    def scorers(app: Application) -> Any:
        return RecordingScorers(app.settings.home / "scored.txt", SECONDS)

    made = cached_property(scorers)
    made.__set_name__(Application, "scorers")
    Application.scorers = made
