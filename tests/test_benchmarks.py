"""Every benchmark still fits the program: it can be imported and says how it is used."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
NEEDS_MORE = {"reference": "quapy"}
"""What a benchmark needs beside what the tests install."""


@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")  # of the package that brings PostgreSQL
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in NEEDS_MORE:
        pytest.importorskip(NEEDS_MORE[name])
    monkeypatch.syspath_prepend(str(FOLDER))
    assert importlib.import_module(name).__doc__
