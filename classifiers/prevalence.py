"""From predicted scores and an audit sample to corrected shares with 95 % intervals.

Counting predicted labels is biased as soon as the classifier errs, and by how much depends on
the true shares themselves. Here each cell (a day, or a part of one) has true shares that walk
in time around a mean; the classifier turns them into scores as people's labels of random posts
(the audit) tell, plus an error of the cell's own that walks in time too. How far both stray and
how long they stay is learnt (`learn`), from cells and audit together; then shares are drawn
many times, each time with another idea of the classifier's errors (`estimate_shares`).

Predictions teach how far both stray, never which way the classifier errs, so that a wrong model
of the days cannot bend that ("cut"). Audited posts count with their true label where they fall.
The worse the classifier, the more a cell leans on its neighbours, on the mean of all and so on
the audit.

The parts: `classifiers.audit_errors` (errors), `classifiers.series_model` (equations),
`classifiers.drift` (cells whose scores the audit does not explain). See docs/statistics.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from classifiers.audit_errors import Audit, Errors, Floats, Integers, audit_errors, coordinates
from classifiers.drift import unexplained
from classifiers.series_model import (
    Cells,
    Draw,
    Habits,
    SeriesModel,
    Solvable,
    blocks,
    sorted_cells,
)

__all__ = [
    "Audit",
    "Cells",
    "Estimate",
    "Floats",
    "Learnt",
    "Shares",
    "estimate_shares",
    "learn",
]

METHOD = "series"
PRIOR_CENTRE = np.array([np.log(1 / 10), np.log(1 / 20), 0.0, 0.0, np.log(1 / 10), np.log(1 / 20)])
PRIOR_SPREAD = np.array([0.6, 0.8, 1.5, 1.5, 0.6, 0.5])
"""Of the habits, normal; see `Habits`."""
SETTLING = 80
"""Metropolis steps of the habits, with the most likely errors, that are thrown away."""
IDEAS, TRIES, STEPS = 40, 3, 2
"""Ideas of the classifier's errors drawn; for each, other ideas tried while the habits are learnt,
and Metropolis steps of the habits after each of those; the last one counts."""
FOLLOW = (1.0, 3.0)
"""Of `Errors.follow`, a beta distribution; the truth of real series says 0 to 1 (ADR 18)."""
STEP = np.array([0.5, 0.5, 1.0, 1.0, 0.5, 0.5])
LEARNING_CELLS = 1200
"""Habits are learnt from at most so many cells: those around most audited posts."""
REACH = 2.2
"""Standard deviations to each side. A normal's would be 1.96, but spreads and errors are told by
few labels: by simulation, this is what holds 95 % (see docs/statistics.md)."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What all cells share: enough to estimate one day again without learning anew.

    Attributes:
        ideas: Draws of the classifier's errors, each with how shares and errors then stray, and
            each series' level.
        series: The numbers of the series whose levels are told.
        typical: (labels,) shares by and large.
    """

    ideas: tuple[tuple[Errors, Habits, Draw], ...]
    series: Integers
    typical: Floats


@dataclass(frozen=True, slots=True)
class Shares:
    """Corrected shares; arrays (cells, labels) of numbers from 0 to 1.

    Attributes:
        share: Mean, among the cells' very posts; sums to 1.
        low, high: 95 % interval.
        draws: (draws, cells, labels) joint draws of shares among the posts, not cut to [0, 1]:
            for differences between cells.
        drifted: (cells,) whether the audit does not explain the cell's scores.
    """

    share: Floats
    low: Floats
    high: Floats
    draws: Floats
    drifted: Integers


@dataclass(frozen=True, slots=True)
class Estimate:
    """The share of one label in one cell, with what it rests on.

    Attributes:
        draws: Joint draws of the share, in the same order for all cells: for differences.
        drifted: Whether the audit does not explain the cell's scores.
    """

    share: float
    low: float
    high: float
    posts: int
    authors: int
    method: str = METHOD
    draws: Floats | None = field(default=None, compare=False, repr=False)
    drifted: bool = False


def estimate_shares(
    cells: Cells, audit: Audit, *, seed: int = 0, draws: int = 120, learnt: Learnt | None = None
) -> Shares:
    """Estimates the true shares of labels from scores.

    The interval holds both the share among the cell's very posts and the share that they are a
    sample of: a cell of ten posts has a wide one even if the classifier never errs.

    Args:
        cells: Their order makes no difference.
        audit: See there; its posts are among those of their cells.
        seed: The same seed and input give the same result.
        draws: How many.
        learnt: From all the cells of a topic, to estimate some of them (the series' levels are
            then those that were learnt); learnt from these cells where None.

    Raises:
        ValueError: An index of the audit is out of range, or a shape does not fit.
    """
    _check(cells, audit)
    if not len(cells.posts):
        empty = np.zeros(cells.sums.shape)
        return Shares(empty, empty, empty, empty[None], np.zeros(0, dtype=np.int64))
    rng = np.random.default_rng(seed)
    is_part = learnt is not None
    learnt = learnt or learn(cells, audit, seed=seed)
    arranged, audit, back = sorted_cells(cells, audit)
    follow = float(np.mean([errors.follow for errors, _, _ in learnt.ideas]))
    likely = _following(audit_errors(audit), audit, follow)
    drift = unexplained(arranged, audit)
    model = SeriesModel(arranged, audit, learnt.typical, looser=drift)
    _settle(model, likely, _middle(learnt))
    crowd, posts = [], []
    for draw in range(draws):
        if draw * len(learnt.ideas) % draws < len(learnt.ideas):
            errors, habits, levels = learnt.ideas[draw * len(learnt.ideas) // draws]
            solvable = model.given(errors)
            told = (learnt.series, levels) if is_part else None
        found = solvable.draw(habits, rng, told)
        crowd.append(model.shares(found.shares)[back].astype(np.float32))
        posts.append(model.of_posts(solvable, found, rng)[back].astype(np.float32))
    return _summarise(np.stack(crowd), np.stack(posts), (drift > 1)[back].astype(np.int64))


def learn(cells: Cells, audit: Audit, *, seed: int = 0) -> Learnt:
    """Learns how shares and errors stray, by Metropolis steps.

    The habits are learnt together with the classifier's errors, as all scores make them likely:
    with errors that are wrong, equal scores on all days would else be taken for equal shares. The
    ideas that shares are drawn with come from the audit alone (docs/adr/0011).

    Raises:
        ValueError: See `estimate_shares`.
    """
    _check(cells, audit)
    rng = np.random.default_rng((seed, 1))
    arranged, audit, _ = sorted_cells(cells, audit)
    typical = np.bincount(audit.truth, minlength=cells.sums.shape[1]) + 0.5
    some, among = _most_audited(arranged, audit)
    model = SeriesModel(some, among, typical / typical.sum())
    likely = _following(audit_errors(audit), audit, FOLLOW[0] / sum(FOLLOW))
    at = PRIOR_CENTRE.copy()
    for _ in range(2):
        _settle(model, likely, Habits(*at))
        at = _walk(model.given(likely), at, SETTLING // 2, rng)
    believed, ideas = model.given(likely), []
    for _ in range(IDEAS):
        for _ in range(TRIES):
            other = _following(audit_errors(audit, rng), audit, float(rng.beta(*FOLLOW)))
            believed = _rather(believed, model.given(other), at, rng)
            at = _walk(believed, at, STEPS, rng)
        idea = _following(audit_errors(audit, rng), audit, believed.follow)
        ideas.append((idea, Habits(*map(float, at))))
    whole = SeriesModel(arranged, audit, model.typical)
    _settle(whole, ideas[-1][0], ideas[-1][1])
    return Learnt(
        tuple((idea, how, whole.given(idea).levels(how, rng)) for idea, how in ideas),
        whole.series,
        model.typical,
    )


def _following(errors: Errors, audit: Audit, follow: float) -> Errors:
    labels = audit.scores.shape[1]
    shares = np.bincount(audit.truth, minlength=labels) / max(len(audit.truth), 1)
    return replace(errors, follow=follow, middle=shares @ coordinates(labels))


def _rather(believed: Solvable, other: Solvable, at: Floats, rng: np.random.Generator) -> Solvable:
    """A Metropolis step from one idea of the classifier's errors to another from the audit."""
    habits = Habits(*at)
    better = other.log_likelihood(habits) - believed.log_likelihood(habits)
    return other if np.log(rng.random()) < better else believed


def _walk(solvable: Solvable, at: Floats, steps: int, rng: np.random.Generator) -> Floats:
    """Metropolis steps of the habits, some of them moved at a time."""
    fit = _fit(solvable, at)
    for _ in range(steps):
        move = at + STEP * rng.standard_normal(len(at)) * (rng.random(len(at)) < 0.5)
        moved = _fit(solvable, move)
        if np.log(rng.random()) < moved - fit:
            at, fit = move, moved
    return at


def _middle(learnt: Learnt) -> Habits:
    return Habits(*np.mean([habits.as_array() for _, habits, _ in learnt.ideas], axis=0))


def _fit(solvable: Solvable, habits: Floats) -> float:
    off = (habits - PRIOR_CENTRE) / PRIOR_SPREAD
    return solvable.log_likelihood(Habits(*habits)) - 0.5 * float((off**2).sum())


def _settle(model: SeriesModel, errors: Errors, habits: Habits) -> None:
    """Gives the model about the right shares: its spreads depend on them."""
    model.suppose(model.shares(model.given(errors).draw(habits, None).shares))


def _most_audited(cells: Cells, audit: Audit) -> tuple[Cells, Audit]:
    """Cuts sorted cells to runs around most of the audit."""
    if len(cells.posts) <= LEARNING_CELLS:
        return cells, audit
    chosen = np.sort(np.concatenate(list(blocks(cells, audit, LEARNING_CELLS))))
    place = np.full(len(cells.posts) + 1, -1)
    place[chosen] = np.arange(len(chosen))
    return cells.at(chosen), replace(audit, cell=place[audit.cell])


def _check(cells: Cells, audit: Audit) -> None:
    shape = cells.sums.shape
    if len(shape) != 2 or shape[1] < 2:
        raise ValueError(f"cells.sums must be (cells, labels), not {shape}")
    if not len(cells.posts) == len(cells.series) == len(cells.day) == shape[0]:
        raise ValueError("the cells' arrays differ in length")
    if audit.scores.shape != (len(audit.truth), shape[1]) or len(audit.cell) != len(audit.truth):
        raise ValueError("the audit's arrays do not fit together")
    if audit.series is not None and len(audit.series) != len(audit.truth):
        raise ValueError("the audit's series are not those of its posts")
    for name, values, low, high in (
        ("cell", audit.cell, -1, shape[0]),
        ("truth", audit.truth, 0, shape[1]),
    ):
        if len(values) and not (low <= values.min() and values.max() < high):
            raise ValueError(f"audit.{name} is outside [{low}, {high})")


def _summarise(crowd: Floats, posts: Floats, drifted: Integers) -> Shares:
    """Mean over the posts; interval over posts and crowd, whichever reaches further."""
    middle, around = posts.mean(axis=0, dtype=np.float64), crowd.mean(axis=0, dtype=np.float64)
    reach = REACH * posts.std(axis=0, dtype=np.float64)
    reach_crowd = REACH * crowd.std(axis=0, dtype=np.float64)
    share = np.clip(middle, 0, 1)
    share /= share.sum(axis=1, keepdims=True)
    low = np.minimum(np.minimum(middle - reach, around - reach_crowd), share)
    high = np.maximum(np.maximum(middle + reach, around + reach_crowd), share)
    return Shares(share, np.clip(low, 0, 1), np.clip(high, 0, 1), posts, drifted)
