"""The workers of a Dask cluster, for who scores or counts on them; Dask loads only then."""

from __future__ import annotations

import importlib
import importlib.util
import os
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from monitor.settings import DistributionSettings


def connected(where: DistributionSettings) -> AbstractContextManager[Any]:
    """The workers of a Dask cluster.

    Raises:
        ConfigurationError: Dask is not installed.
        ClusterError: No scheduler answers.
    """
    workers = where.workers or os.cpu_count() or 1
    made: AbstractContextManager[Any] = cluster_module().connected(where.scheduler, workers)
    return made


def cluster_module() -> ModuleType:
    """What speaks with a Dask cluster; brings Dask.

    Raises:
        ConfigurationError: Dask is not installed.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ConfigurationError(
            "engine 'dask' needs Dask, which is not installed",
            hint="pip install 'employee-sentiment-monitor[dask]', or --engine local",
        )
    return importlib.import_module("monitor.cluster")
