"""How far annotators agree beyond chance."""

from __future__ import annotations

import importlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of those posts that several annotators answered.

    Attributes:
        posts: How many posts that are.
        same: Part of the pairs of answers that are equal; None without a pair.
        alpha: Krippendorff's alpha for nominal labels, 1 for perfect agreement and 0 for chance;
            None where it is not defined (no pair, or one label alone).
        low, high: Its 95% interval over the posts (percentile bootstrap), None where too few.
    """

    posts: int
    same: float | None
    alpha: float | None
    low: float | None
    high: float | None


def agreement(answers: Iterable[Sequence[str]]) -> Agreement:
    """Measures agreement.

    Alpha is NLTK's. Its interval draws the posts a thousand times, which NLTK would take too
    long for: those by Krippendorff, "Content Analysis" (2018),
    chapter 12: with o the coincidences of labels within posts and n their marginals,
    alpha = 1 - (n. - 1) * sum(o_ck) / sum(n_c n_k) over c != k.

    Args:
        answers: The labels that each post was given, one per annotator.
    """
    units = [Counter(labels) for labels in answers if len(labels) > 1]
    if not units:
        return Agreement(0, None, None, None, None)
    labels = sorted({label for unit in units for label in unit})
    counts = np.array([[unit[label] for label in labels] for unit in units], dtype=float)
    given = counts.sum(axis=1)
    pairs = given * (given - 1)
    unequal = pairs - (counts * (counts - 1)).sum(axis=1)
    disagreeing = unequal / (given - 1)
    alpha = None
    if len(labels) > 1:
        alpha = _nltk_alpha(units)
    low, high = _interval(counts, disagreeing) if len(units) >= 10 else (None, None)
    same = 1 - float(unequal.sum() / pairs.sum())
    return Agreement(len(units), same, alpha, low, high)


def annotator_agreement(answers: Iterable[Mapping[str, str]]) -> dict[str, Agreement]:
    """Measures how far each annotator agrees with the others' majority.

    Args:
        answers: Each post's labels by annotator. Where the others are even, each of their
            labels counts.
    """
    of: dict[str, list[list[str]]] = defaultdict(list)
    for given in answers:
        for annotator, label in given.items():
            others = Counter(said for who, said in given.items() if who != annotator)
            most = max(others.values(), default=0)
            leading = [said for said, times in others.items() if times == most]
            if leading:
                of[annotator].append([label, *leading])
    return {annotator: agreement(units) for annotator, units in sorted(of.items())}


def _nltk_alpha(units: Sequence[Counter[str]]) -> float:
    nltk = importlib.import_module("nltk.metrics.agreement")  # a second, and seldom needed
    answers = [
        (annotator, unit, label)
        for unit, labels in enumerate(units)
        for annotator, label in enumerate(labels.elements())
    ]
    return float(nltk.AnnotationTask(answers).alpha())


def _interval(
    counts: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    disagreeing: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float | None, float | None]:
    """Draws the posts again and again, always the same way."""
    posts = len(counts)
    drawn = np.random.default_rng(0).multinomial(posts, [1 / posts] * posts, size=_RESAMPLES)
    found = _alpha(drawn.astype(float), counts, disagreeing)
    found = found[~np.isnan(found)]
    if len(found) < _RESAMPLES / 2:
        return None, None
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def _alpha(
    weights: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    counts: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    disagreeing: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Alpha of each row of weights; not a number where one label alone was given."""
    marginals = weights @ counts
    total = marginals.sum(axis=1)
    expected = total**2 - (marginals**2).sum(axis=1)
    observed = (weights @ disagreeing) * (total - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - observed / expected, np.nan))
