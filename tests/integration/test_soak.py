"""An hour of faults in small; `python benchmarks/soak.py` runs the whole day."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import soak


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it forks to kill
def test_figures_after_an_hour_of_faults_are_those_of_an_undisturbed_one(tmp_path: Path) -> None:
    report = soak(tmp_path, hours=2, seed=3)
    assert report["different"] == []
    assert report["calm_runs_failed"] == 0
    assert report["faults_total"] >= 10
    assert report["runs_failed"] >= 5
    assert report["cells"] > 0
