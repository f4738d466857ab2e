"""Real tweets with people's labels: intervals hold however weak the classifier is.

The classifier knows the words of 200 labelled posts alone, so nothing needs the shipped model and
this takes seconds; with the model, `benchmarks/prevalence.py` prints the same and more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SEEDS = 3
LABELS = 200


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    import prevalence

    yield prevalence
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("labels_of", ["adapted", "of_one_half"])
def test_intervals_hold_what_people_said(
    bench: ModuleType, labels_of: str, shared_data: Path, tmp_path: Path
) -> None:
    kept = bench.real.Kept(tmp_path, by_model=False)
    series = bench.real.airline_days(kept)
    cases = getattr(bench, labels_of)(lambda: series, LABELS)
    tables = [dict(bench.measured(cases(seed), seed)) for seed in range(SEEDS)]
    ours = np.mean([table["ours"] for table in tables], axis=0)
    plain = np.mean([table["plain"] for table in tables], axis=0)
    assert ours[0] <= plain[0]  # error
    assert ours[2] >= 0.9  # intervals that hold
    assert ours[4] <= 0.35  # and that say something


@pytest.mark.timeout(300)
def test_parts_of_days_are_no_further_off_than_plain_counts(
    bench: ModuleType, shared_data: Path, tmp_path: Path
) -> None:
    kept = bench.real.Kept(tmp_path, by_model=False)
    series = bench.real.airline_parts(kept)
    cases = bench.adapted(lambda: series, 300)
    tables = [dict(bench.measured(cases(seed), seed)) for seed in range(4)]
    ours = np.mean([table["ours"] for table in tables], axis=0)
    plain = np.mean([table["plain"] for table in tables], axis=0)
    assert ours[0] <= plain[0]
    assert ours[2] >= 0.88
