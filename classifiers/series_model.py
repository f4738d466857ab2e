"""The joint model of shares and classifier errors over cells that follow each other in time.

Each cell has two unknown points: its shares, and how far the classifier's mean scores are off
in it from what the audit says (its error). Along a series (one platform's days, say) both are
Ornstein-Uhlenbeck processes, random walks that are drawn back to the series' own level: cells far
apart are independent draws around it, and the levels of series around the mean of all. Six
numbers, learnt from the data (`Habits`), say how far shares, errors and levels stray and how long
the first two stay.

Everything observed is linear in the unknowns and close to normal: mean scores of the posts that
nobody labelled, labels of those audited, and by how much the latter's scores are off. So the
unknowns of all cells are jointly normal, with a precision matrix that is zero away from a narrow
band, and one banded Cholesky factor gives their likelihood, their means and exact joint draws.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from classifiers.audit_errors import Audit, Errors, Floats, Integers, coordinates, label_spread

LEAST_SHARE = 0.02
"""Spreads are reckoned with shares of at least this: a cell without a label may yet have it."""
USUAL_POSTS = 60.0
"""Errors usually differ between cells as samples of so many posts do."""
SLACK = 0.01
"""Sums of probabilities are exact to this: they are kept rounded."""
MEAN_PRECISION = 0.5
"""Of the mean's prior, in labels: hardly anything."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What is counted of each cell.

    Attributes:
        posts: (cells,) scored posts.
        sums: (cells, labels) sums of their probabilities.
        series: (cells,) which cells follow each other in time: those of the same number.
        day: (cells,) when, in days.
        counts: (cells, labels) posts by most probable label, None where nobody counted.
    """

    posts: Floats
    sums: Floats
    series: Integers
    day: Integers
    counts: Floats | None = None

    def at(self, rows: Integers) -> Cells:
        """These cells alone, in this order."""
        counts = None if self.counts is None else self.counts[rows]
        return Cells(self.posts[rows], self.sums[rows], self.series[rows], self.day[rows], counts)


@dataclass(frozen=True, slots=True)
class Habits:
    """Logarithms of how much, and logits of how persistently, shares and errors stray.

    Attributes:
        stray: Variance of shares between cells, as part of that between single posts.
        err: Variance of errors between cells, as part of that of a label's single posts: its
            inverse is how many posts a cell's scores can weigh at most.
        stay, err_stay: Correlation of a day's shares (errors) with the next day's.
        apart, err_apart: Variance of what a series' shares (errors) have in common, as `stray`
            and `err`.
    """

    stray: float
    err: float
    stay: float
    err_stay: float
    apart: float
    err_apart: float

    def as_array(self) -> Floats:
        """All six, in order."""
        return np.array(
            [self.stray, self.err, self.stay, self.err_stay, self.apart, self.err_apart]
        )


@dataclass(frozen=True, slots=True)
class _Observed:
    """Cells with their audit, in the coordinates of shares; sums where not said otherwise.

    Attributes:
        labelled: Audited posts by true label.
        residual: Mean audited score, before what the labels explain is taken out.
        rest: Posts that nobody labelled.
        heard: How many of them their scores weigh; none where what the audited posts leave of
            the sums cannot be theirs.
        scores: Their mean point.
        gap: Days from each cell to the next of its series, infinite at a series' end.
        starts: (series,) the first cell of each.
        of_series: (cells,) which of these each belongs to.
        free: (series,) how far the errors of each are free to be apart: those that the audit
            is about are none by definition, as it tells what errors are usual.
    """

    labelled: Floats
    audited: Floats
    residual: Floats
    rest: Floats
    heard: Floats
    scores: Floats
    gap: Floats
    starts: Integers
    of_series: Integers
    free: Floats


class SeriesModel:
    """The model of some cells, given one idea of the classifier's errors.

    Args:
        cells: Sorted by series and day.
        audit: Its cells are indices into these.
        typical: (labels,) the labels' shares by and large.
        looser: (cells,) how many times the usual variance of errors between cells each has.
    """

    def __init__(
        self, cells: Cells, audit: Audit, typical: Floats, looser: Floats | None = None
    ) -> None:
        self._labels = cells.sums.shape[1]
        self._basis = coordinates(self._labels)
        self._seen = _observed(cells, audit, np.ones(1) if looser is None else looser)
        self._posts = cells.posts
        self.series = cells.series[self._seen.starts]
        self.typical = typical
        self.plausible = np.tile(typical, (len(cells.posts), 1))

    def suppose(self, plausible: Floats) -> None:
        """Takes these shares to be about those of the cells, where spreads depend on them."""
        bounded = np.clip(plausible, LEAST_SHARE / 2, None)
        self.plausible = bounded / bounded.sum(axis=1, keepdims=True)
        self.typical = (self.typical + self.plausible.mean(axis=0)) / 2

    def given(self, errors: Errors) -> Solvable:
        """The model's equations with these errors."""
        return Solvable(self._seen, errors, self.plausible, self.typical, self.series)

    def of_posts(self, solvable: Solvable, draw: Draw, rng: np.random.Generator) -> Floats:
        """Shares among the very posts of each cell, (cells, labels), given the crowd's.

        Of the posts that nobody labelled the scores tell how they differ from the crowd they
        are a sample of; the others' labels are known. (There can be more of these than posts, where
        some have been removed.)
        """
        rest = solvable.shares_of_rest(draw, rng)
        mixed = self._seen.rest[:, None] * self.shares(rest) + self._seen.labelled
        known = mixed / np.maximum(self._seen.rest + self._seen.audited, 1)[:, None]
        return np.where(self._posts[:, None] > 0, known, self.shares(draw.shares))

    def shares(self, points: Floats) -> Floats:
        """From points to shares that sum to 1."""
        return np.asarray(1 / self._labels + points @ self._basis.T)


@dataclass(frozen=True, slots=True)
class Draw:
    """One joint draw (or the mean) of shares and errors, as points: cells' or series' levels."""

    shares: Floats
    errors: Floats


@dataclass(frozen=True, slots=True)
class _Factor:
    """A banded Cholesky factor and what follows from it; see `Solvable._factor`.

    Attributes:
        forward: (unknowns, 1 + 2 rank) the equations' right sides, and what a series' own
            level takes from them, through the factor.
        level_precision: (series, 2 rank, 2 rank) of the levels, given the mean of all.
        level_pull: (series, 2 rank) their linear terms, without the mean's.
        towards: (series, 2 rank) precision with which the mean draws them.
    """

    band: Floats
    forward: Floats
    level_precision: Floats
    level_pull: Floats
    towards: Floats
    mean_precision: Floats
    mean: Floats
    log_likelihood: float


class Solvable:
    """Linear equations of all cells; unknowns are scaled so that single posts have variance 1."""

    def __init__(
        self,
        seen: _Observed,
        errors: Errors,
        plausible: Floats,
        typical: Floats,
        series: Integers,
    ) -> None:
        self._seen, self._rank, self._series = seen, errors.means.shape[1], series
        self.follow = errors.follow
        basis = coordinates(len(errors.means))
        bounded = np.clip(plausible, LEAST_SHARE, None)
        bounded /= bounded.sum(axis=1, keepdims=True)
        usual = np.clip(typical, LEAST_SHARE, None)
        usual /= usual.sum()
        self._label_spread = label_spread(bounded)
        self._score_spread = np.asarray(np.tensordot(bounded, errors.spreads, 1), np.float64)
        self._share_scale = np.linalg.cholesky(label_spread(usual))
        self._error_scale = np.linalg.cholesky(np.tensordot(usual, errors.spreads, 1))
        self._slope = errors.means.T @ basis
        # What posts of the same label add where cells differ: see `Errors.follow`.
        self._follow = errors.follow * self._slope @ (np.eye(self._rank) - self._slope)
        self._at_middle = self._follow @ np.broadcast_to(errors.middle, self._rank)
        self._origin = errors.means.mean(axis=0) - self._at_middle
        spread = _turned(self._label_spread, self._slope.T)
        self._certainty: Floats = np.asarray(np.linalg.inv(spread + self._score_spread), np.float64)
        self._precision, self._pull, self._alone = self._evidence(errors, basis)
        self._last: tuple[Habits, _Factor] | None = None

    def _evidence(self, errors: Errors, basis: Floats) -> tuple[Floats, Floats, float]:
        """Each cell's precision matrix and linear term, from scores, labels and residuals.

        And the part of the log-likelihood that the unknowns have no part in.
        """
        seen, rank = self._seen, self._rank
        follow = self._follow @ self._share_scale
        both = np.hstack([self._slope @ self._share_scale + follow, self._error_scale])
        weight = self._certainty * seen.heard[:, None, None]
        precision = _turned(weight, both)
        pull = np.einsum("tij,tj->ti", weight, seen.scores - self._origin) @ both
        alone = _log_density(self._certainty, seen.heard, seen.scores - self._origin)
        audited = np.maximum(seen.audited, 1)[:, None]
        labelled = seen.labelled @ basis / audited
        off = seen.residual - seen.labelled @ errors.means / audited + self._at_middle
        for scale, spread, value in (
            (np.hstack([self._share_scale, np.zeros((rank, rank))]), self._label_spread, labelled),
            (np.hstack([follow, self._error_scale]), self._score_spread, off),
        ):
            of_one = np.asarray(np.linalg.inv(spread), np.float64)
            certain = of_one * seen.audited[:, None, None]
            precision += _turned(certain, scale)
            pull += np.einsum("tij,tj->ti", certain, value) @ scale
            alone += _log_density(of_one, seen.audited, value)
        return precision, pull, alone

    def log_likelihood(self, habits: Habits) -> float:
        """Of everything observed, shares, cells' errors and the mean integrated out.

        Up to a constant that is the same for all habits and all ideas of the classifier's errors.
        """
        return self._factor(habits).log_likelihood + self._alone

    def draw(
        self,
        habits: Habits,
        rng: np.random.Generator | None,
        told: tuple[Integers, Draw] | None = None,
    ) -> Draw:
        """Draws all unknowns jointly, or gives their means where `rng` is None.

        `told` has numbers of series and their levels, where these are known from more cells.
        """
        if self._last is None or self._last[0] != habits:
            self._last = habits, self._factor(habits)
        factor, rank = self._last[1], self._rank
        levels = self._levels(factor, rng)
        if told is not None:
            self._put_in(levels, *told)
        level = levels[self._seen.of_series]
        taken = factor.forward[:, 1:].reshape(len(level), 2 * rank, 2 * rank)
        right = factor.forward[:, 0] - np.einsum("tab,tb->ta", taken, level).reshape(-1)
        if rng is not None:
            right = right + rng.standard_normal(len(right))
        found = _lapack().dtbtrs(factor.band, right[:, None], uplo="L", trans="T")[0]
        return self._unscaled(found.reshape(-1, 2 * rank) + level)

    def levels(self, habits: Habits, rng: np.random.Generator) -> Draw:
        """Draws the levels of the series alone."""
        return self._unscaled(self._levels(self._factor(habits), rng))

    def _levels(self, factor: _Factor, rng: np.random.Generator | None) -> Floats:
        rank, mean = self._rank, factor.mean
        if rng is not None:
            root = np.linalg.cholesky(factor.mean_precision)
            mean = mean + np.linalg.solve(root.T, rng.standard_normal(rank))
        pull = factor.level_pull.copy()
        pull[:, :rank] += factor.towards[:, :rank] * mean
        levels = np.linalg.solve(factor.level_precision, pull[..., None])[..., 0]
        if rng is not None:
            root = np.linalg.cholesky(factor.level_precision)
            noise = rng.standard_normal(levels.shape)[..., None]
            levels = levels + np.linalg.solve(root.transpose(0, 2, 1), noise)[..., 0]
        return np.asarray(levels)

    def _put_in(self, levels: Floats, series: Integers, told: Draw) -> None:
        """Replaces the levels of those series that are told."""
        places = np.searchsorted(series, self._series).clip(0, len(series) - 1)
        known = series[places] == self._series
        scaled = np.hstack(
            [
                np.linalg.solve(self._share_scale, told.shares.T).T,
                np.linalg.solve(self._error_scale, told.errors.T).T,
            ]
        )
        levels[known] = scaled[places[known]]

    def _unscaled(self, found: Floats) -> Draw:
        shares, errors = found[:, : self._rank], found[:, self._rank :]
        return Draw(shares @ self._share_scale.T, errors @ self._error_scale.T)

    def shares_of_rest(self, draw: Draw, rng: np.random.Generator) -> Floats:
        """Points of the shares among the posts that nobody labelled, given the crowd's."""
        seen = self._seen
        heard = seen.heard / np.maximum(seen.rest, 1)
        slope = np.einsum("tij,mj->tim", self._label_spread, self._slope)
        gain = np.einsum("tim,tml->til", slope, self._certainty)
        expected = self._origin + draw.errors + draw.shares @ (self._slope + self._follow).T
        ahead = seen.scores - expected
        point = draw.shares + np.einsum("til,tl->ti", gain, ahead) * heard[:, None]
        left = self._label_spread - np.einsum("til,tjl->tij", gain, slope)
        left = left / np.maximum(seen.rest, 1)[:, None, None] + 1e-12 * np.eye(self._rank)
        noise = rng.standard_normal(point.shape)
        return np.asarray(point + np.einsum("tij,tj->ti", np.linalg.cholesky(left), noise))

    def _factor(self, habits: Habits) -> _Factor:
        """Factorises prior and evidence, with the series' levels as further right-hand sides.

        A series' cells stray around its own level, and the levels of shares around the mean of
        all (those of errors around none): both are small normal unknowns, integrated out.
        """
        rank, cells = self._rank, len(self._pull)
        band, log_prior = self._prior(habits)
        for row in range(2 * rank):
            for column in range(row, 2 * rank):
                band[column - row, :, row] += self._precision[:, column, row]
        lower, failed = _lapack().dpbtrf(band.reshape(2 * rank + 1, -1), lower=1)
        if failed:  # pragma: no cover - the prior alone is positive definite
            raise ValueError(f"the cells' precision matrix is not positive definite ({failed})")
        of_level = self._precision.reshape(cells * 2 * rank, 2 * rank)
        right = np.column_stack([self._pull.reshape(-1), of_level])
        forward = _lapack().dtbtrs(lower, right, uplo="L", trans="N")[0]
        through = forward.reshape(cells, 2 * rank, 1 + 2 * rank)
        starts = self._seen.starts
        explained = np.add.reduceat(np.einsum("tia,tib->tab", through, through), starts)
        known = np.add.reduceat(self._precision, starts) - explained[:, 1:, 1:]
        pull = np.add.reduceat(self._pull, starts) - explained[:, 1:, 0]
        towards = self._towards(habits)
        level = known + towards[:, :, None] * np.eye(2 * rank)
        from_pull = np.linalg.solve(level, pull[..., None])[..., 0]
        back = np.linalg.inv(level)[:, :rank, :rank]
        drawn = towards[:, :rank]
        certain = np.diag(drawn.sum(axis=0) + MEAN_PRECISION)
        certain -= np.einsum("sa,sab,sb->ab", drawn, back, drawn)
        pulled = (drawn * from_pull[:, :rank]).sum(axis=0)
        mean = np.linalg.solve(certain, pulled)
        fit = log_prior - 2 * np.log(lower[0]).sum() + forward[:, 0] @ forward[:, 0]
        fit += np.log(towards).sum() - np.linalg.slogdet(level)[1].sum() + (pull * from_pull).sum()
        fit += pulled @ mean - np.linalg.slogdet(certain)[1]
        return _Factor(lower, forward, level, pull, towards, certain, mean, float(fit) / 2)

    def _towards(self, habits: Habits) -> Floats:
        """Precision of the levels' priors, (series, 2 rank)."""
        free = self._seen.free
        apart = np.full(len(free), np.exp(habits.apart))
        variances = np.stack([apart, np.exp(habits.err_apart) * free + 1e-9], axis=1)
        return np.repeat(1 / variances, self._rank, axis=1)

    def _prior(self, habits: Habits) -> tuple[Floats, float]:
        """The band of the prior's precision matrix, and the logarithm of its determinant."""
        rank, cells = self._rank, len(self._pull)
        band, log_determinant = np.zeros((2 * rank + 1, cells, 2 * rank)), 0.0
        for part, stray, stay in (
            (slice(0, rank), habits.stray, habits.stay),
            (slice(rank, 2 * rank), habits.err, habits.err_stay),
        ):
            kept = (1 / (1 + np.exp(-stay))) ** self._seen.gap
            fresh = 1 / (1 - kept**2 + 1e-9)
            before = np.concatenate([[1.0], fresh])
            after = np.concatenate([kept**2 * fresh, [0.0]])
            band[0, :, part] = ((before + after) * np.exp(-stray))[:, None]
            band[2 * rank, :-1, part] = (-kept * fresh * np.exp(-stray))[:, None]
            log_determinant += rank * float(np.log(before).sum() - cells * stray)
        return band, log_determinant


def _turned(middle: Floats, by: Floats) -> Floats:
    """Matrices (cells, a, a) between one (a, b) on both sides: (cells, b, b)."""
    both = np.einsum("ia,jb->ijab", by, by).reshape(middle[0].size, -1)
    turned = middle.reshape(len(middle), -1) @ both
    return np.asarray(turned.reshape(len(middle), by.shape[1], by.shape[1]))


def _log_density(certainty: Floats, posts: Floats, off: Floats) -> float:
    """Of mean points of so many posts that are `off`, up to a constant."""
    some = posts > 0
    weighted = np.einsum("tij,tj->ti", certainty[some], off[some]) * off[some]
    squared = float(weighted.sum(axis=1) @ posts[some])
    return float(np.linalg.slogdet(certainty[some])[1].sum() - squared) / 2


def _observed(cells: Cells, audit: Audit, looser: Floats) -> _Observed:
    count, labels = cells.sums.shape
    basis = coordinates(labels)
    inside = audit.cell >= 0
    where = audit.cell[inside]
    labelled, scored = np.zeros((count, labels)), np.zeros((count, labels))
    np.add.at(labelled, (where, audit.truth[inside]), 1)
    np.add.at(scored, where, audit.scores[inside])
    audited = labelled.sum(axis=1)
    rest = np.maximum(cells.posts - audited, 0)
    left = cells.sums - scored
    # Audited posts that the counts do not hold leave sums that no posts can have.
    is_told = ((left >= -SLACK) & (left <= rest[:, None] + SLACK)).all(axis=1)
    same = cells.series[1:] == cells.series[:-1]
    gap = np.where(same, np.maximum(cells.day[1:] - cells.day[:-1], 0.5), np.inf)
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    of_series = np.cumsum(np.concatenate([[True], ~same])) - 1
    drawn = np.add.reduceat(audited, starts)
    if audit.series is not None:
        drawn = audit.alike * (audit.series[:, None] == cells.series[starts]).sum(axis=0)
    return _Observed(
        labelled=labelled,
        audited=audited,
        residual=scored @ basis / np.maximum(audited, 1)[:, None],
        rest=rest,
        heard=is_told * rest / (1 + rest * (looser - 1) / USUAL_POSTS),
        scores=left @ basis / np.maximum(rest, 1)[:, None],
        gap=gap,
        starts=starts,
        of_series=of_series,
        free=1 - drawn / max(len(audit.truth), 1),
    )


def sorted_cells(cells: Cells, audit: Audit) -> tuple[Cells, Audit, Integers]:
    """Sorts cells by series and day, the audit's indices with them; and the way back."""
    order = np.lexsort((cells.day, cells.series))
    back = np.argsort(order)
    place = np.where(audit.cell >= 0, back[audit.cell], -1)
    return cells.at(order), replace(audit, cell=place), back


def blocks(cells: Cells, audit: Audit, most: int, size: int = 100) -> Iterator[Integers]:
    """Gives runs of consecutive sorted cells, those with most audit posts first, `most` in all."""
    starts = range(0, len(cells.posts), size)
    audited = np.bincount(audit.cell[audit.cell >= 0], minlength=len(cells.posts))
    ranked = sorted(starts, key=lambda start: (-audited[start : start + size].sum(), start))
    for start in ranked[: max(most // size, 1)]:
        yield np.arange(start, min(start + size, len(cells.posts)))


@cache
def _lapack() -> Any:
    """LAPACK's routines for banded matrices; loading scipy takes longer than most commands."""
    return importlib.import_module("scipy.linalg.lapack")
