"""MLflow is told where it is wanted, and not even imported elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from monitor.errors import ConfigurationError
from monitor.tracking import track
from tests.desk_fakes import VERSIONS


def test_without_an_address_nothing_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    track("", VERSIONS[1], tmp_path)


def test_an_address_without_mlflow_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        track("file:runs", VERSIONS[1], tmp_path)
    assert "mlflow" in caught.value.hint


def test_a_version_becomes_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told: dict[str, Any] = {}

    @contextmanager
    def start_run(**named: Any) -> Any:
        told.update(named)
        yield

    fake = ModuleType("mlflow")
    for name in ("set_tracking_uri", "set_experiment", "log_params", "log_metrics", "log_artifact"):
        setattr(fake, name, lambda value, name=name: told.update({name: value}))
    fake.start_run = start_run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    track("file:runs", VERSIONS[1], tmp_path)
    assert (told["set_tracking_uri"], told["set_experiment"]) == ("file:runs", "walkout")
    assert told["run_name"] == VERSIONS[1].id
    assert told["log_metrics"]["audit/stance/candidate_log_loss"] == 0.6
    assert told["log_artifact"].endswith("MODEL_CARD.md")
