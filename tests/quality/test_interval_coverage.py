"""Nominal 95 % intervals hold about 95 % of truths, whatever the classifier is like.

Few series of each kind, so the band is wider than what many show (`benchmarks/prevalence.py`): over
six series of 90 figures, whose errors hang together, the part held has a standard error of 1.5
percent points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from classifiers.prevalence import estimate_shares
from tests.simulated_series import FAIR, held, series

SERIES = 6
LOWEST, HIGHEST = 0.90, 0.995


@pytest.mark.parametrize(
    ("ability", "options"),
    [
        pytest.param(FAIR, {"varying": 0.3, "size": 1000}, id="errors vary by day"),
    ],
)
def test_intervals_hold_the_shares_that_posts_are_drawn_from(
    ability: float, options: dict[str, Any]
) -> None:
    found = []
    for seed in range(100, 100 + SERIES):
        one = series(seed, ability, **options)
        found.append(held(estimate_shares(one.cells, one.audit, seed=seed), one.crowd))
    assert LOWEST <= np.mean(found) <= HIGHEST
