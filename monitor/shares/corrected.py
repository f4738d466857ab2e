"""Corrected shares of a split's cells: scores and audit labels handed to the estimator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from classifiers.audit_errors import Integers
from classifiers.drift import deviations
from classifiers.prevalence import Audit, Cells, Estimate, Floats, Shares, estimate_shares
from monitor.figure import DIGITS
from monitor.privacy import Cell, coarsen
from monitor.shares.rollup import CellCounts, Unit
from monitor.store.scores import SCALE
from monitor.store.values import AuditLabel

Place = tuple[date, Cell]


def corrected_shares(
    cells: Mapping[Place, CellCounts],
    audit: Sequence[AuditLabel],
    labels: Sequence[str],
    *,
    by: Collection[str],
    unit: Unit = "posts",
) -> dict[Place, dict[str, Estimate]]:
    """Estimates every label's share in every cell, all days of the topic together.

    Args:
        cells: The shown cells of one split.
        audit: Labels from anywhere in the topic; those outside these cells teach only how the
            classifier errs.
        labels: The head's.
        by: The split's dimensions.
        unit: What the shares are shares of. Audit labels are of posts: where another unit is
            meant, they teach only how the classifier errs, and in which series.
    """
    keys = sorted(cells)
    known = keys if unit == "posts" else []
    found = _audit(audit, known, labels, by=by)
    if unit != "posts":
        series, alike = _drawn_from(audit, keys, by), _alike(cells, unit)
        found = replace(found, series=series, alike=alike)
    shares = estimate_shares(_cells(cells, keys, labels, unit), found)
    return {
        key: {
            label: _estimate(shares, row, column, cells[key]) for column, label in enumerate(labels)
        }
        for row, key in enumerate(keys)
    }


def deviating(
    cells: Mapping[Place, CellCounts], audit: Sequence[AuditLabel], labels: Sequence[str]
) -> dict[Place, float]:
    """How far each cell is from what the audit explains: see `classifiers.drift.deviations`."""
    keys = sorted(cells)
    found = deviations(
        _cells(cells, keys, labels, "posts"), _audit(audit, [], labels, by=frozenset())
    )
    return {key: float(one) for key, one in zip(keys, found, strict=True)}


def _estimate(shares: Shares, row: int, column: int, counts: CellCounts) -> Estimate:
    return Estimate(
        share=round(float(shares.share[row, column]), DIGITS),
        low=round(float(shares.low[row, column]), DIGITS),
        high=round(float(shares.high[row, column]), DIGITS),
        posts=counts.posts,
        authors=counts.authors,
        draws=shares.draws[:, row, column],
        drifted=bool(shares.drifted[row]),
    )


def _cells(
    cells: Mapping[Place, CellCounts], keys: Sequence[Place], labels: Sequence[str], unit: Unit
) -> Cells:
    series = _series(keys)
    counted = [cells[key].in_unit(unit) for key in keys]
    return Cells(
        posts=np.array([one.count for one in counted], dtype=np.float64),
        sums=_table([one.soft for one in counted], labels),
        series=np.array([series[cell] for _, cell in keys], dtype=np.int64),
        day=np.array([day.toordinal() for day, _ in keys], dtype=np.int64),
        counts=_table([one.labels for one in counted], labels),
    )


def _series(keys: Sequence[Place]) -> dict[Cell, int]:
    return {cell: number for number, cell in enumerate(sorted({cell for _, cell in keys}))}


def _drawn_from(
    audit: Sequence[AuditLabel], keys: Sequence[Place], by: Collection[str]
) -> Integers:
    """Which series each label was drawn from, whatever its day."""
    series = _series(keys)
    return np.array([series.get(_cell_of(one, by), -1) for one in audit], dtype=np.int64)


def _alike(cells: Mapping[Place, CellCounts], unit: Unit) -> float:
    """How many of the unit there are for each post: 1 where everybody wrote once."""
    posts = sum(one.posts for one in cells.values())
    return min(sum(one.in_unit(unit).count for one in cells.values()) / max(posts, 1), 1.0)


def _cell_of(one: AuditLabel, by: Collection[str]) -> Cell:
    return coarsen((one.platform, one.cohort, one.language), by)


def _table(counted: Sequence[Mapping[str, float]], labels: Sequence[str]) -> Floats:
    rows = [[one.get(label, 0) for label in labels] for one in counted]
    return np.array(rows, dtype=np.float64).reshape(len(counted), len(labels))


def _audit(
    audit: Sequence[AuditLabel],
    keys: Sequence[Place],
    labels: Sequence[str],
    *,
    by: Collection[str],
) -> Audit:
    rows = {key: row for row, key in enumerate(keys)}
    index = {label: column for column, label in enumerate(labels)}
    places = [rows.get((one.day, _cell_of(one, by)), -1) for one in audit]
    scores = np.array([one.scores for one in audit], dtype=np.float64)
    return Audit(
        cell=np.array(places, dtype=np.int64),
        truth=np.array([index[one.truth] for one in audit], dtype=np.int64),
        scores=scores.reshape(len(audit), len(labels)) / SCALE,
    )
