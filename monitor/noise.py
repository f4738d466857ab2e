"""Differential privacy for exports: counts with noise, paid from a daily budget.

Each cell's number of posts of each label gets discrete Laplace noise by OpenDP, from its
thread-safe, unpredictable source of randomness. One author changes a day's counts by at most
`posts_per_author` (more of their posts are possible, and then not covered; see docs/privacy.md),
so that an export of `epsilon` is `epsilon`-differentially private for an author's day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import opendp.prelude as dp

dp.enable_features("contrib")


def noisy_counts(counts: Sequence[int], *, epsilon: float, posts_per_author: int) -> list[int]:
    """Adds discrete Laplace noise to counts that an author changes by so many posts together.

    Args:
        counts: Disjoint counts, such as a day's by cell and label.
        epsilon: The privacy loss of all of them together.
        posts_per_author: By how much one author can change their sum of absolute differences.

    Returns:
        The counts with noise, none below zero (which costs no privacy).
    """
    if not counts:
        return []
    space = dp.vector_domain(dp.atom_domain(T=int)), dp.l1_distance(T=int)
    measurement: Any = dp.m.make_laplace(*space, scale=posts_per_author / epsilon)
    spent = measurement.map(d_in=posts_per_author)
    if spent > epsilon * (1 + 1e-9):
        raise ValueError(f"the noise costs {spent}, not {epsilon}")
    return [max(int(count), 0) for count in measurement(list(counts))]
