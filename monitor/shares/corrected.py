"""Corrected shares of a split's cells: counts and audit labels handed to the estimator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np

from classifiers.prevalence import Audit, Estimate, estimate_shares
from monitor.privacy import Cell, coarsen
from monitor.shares.rollup import CellCounts
from monitor.store.values import AuditLabel

DIGITS = 4
"""Shares are rounded to this, so that equal evidence gives equal bytes."""


def corrected_shares(
    cells: Mapping[tuple[date, Cell], CellCounts],
    audit: Sequence[AuditLabel],
    labels: Sequence[str],
    *,
    by: Collection[str],
) -> dict[tuple[date, Cell], dict[str, Estimate]]:
    """Estimates every label's share in every cell, all days of the topic together.

    Args:
        cells: The shown cells of one split.
        audit: Labels from anywhere in the topic; those outside these cells teach only how the
            classifier errs.
        labels: The head's.
        by: The split's dimensions.
    """
    keys = sorted(cells)
    counts = np.array(
        [[cells[key].label_counts.get(label, 0) for label in labels] for key in keys],
        dtype=np.int64,
    ).reshape(len(keys), len(labels))
    shares = estimate_shares(counts, _audit(audit, keys, labels, by=by))
    return {
        key: {
            label: Estimate(
                share=round(float(shares.share[row, column]), DIGITS),
                low=round(float(shares.low[row, column]), DIGITS),
                high=round(float(shares.high[row, column]), DIGITS),
                posts=cells[key].posts,
                authors=cells[key].authors,
            )
            for column, label in enumerate(labels)
        }
        for row, key in enumerate(keys)
    }


def _audit(
    audit: Sequence[AuditLabel],
    keys: Sequence[tuple[date, Cell]],
    labels: Sequence[str],
    *,
    by: Collection[str],
) -> Audit:
    rows = {key: row for row, key in enumerate(keys)}
    index = {label: column for column, label in enumerate(labels)}
    places = [
        rows.get((one.day, coarsen((one.platform, one.cohort, one.language), by)), -1)
        for one in audit
    ]
    return Audit(
        cell=np.array(places, dtype=np.int64),
        truth=np.array([index[one.truth] for one in audit], dtype=np.int64),
        predicted=np.array([index[one.predicted] for one in audit], dtype=np.int64),
    )
