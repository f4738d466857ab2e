"""Whether posts have changed since a version was made: scores, words, embeddings.

Each is told as points, and two sets of points are compared by the maximum mean discrepancy with
a Gaussian kernel as wide as the median distance (Gretton et al., "A Kernel Two-Sample Test",
JMLR 2012); how often chance alone would show as much is told by exchanging the points.
"""

import importlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

Points = NDArray[np.float32]
Marks = NDArray[np.int64]

PERMUTATIONS = 200
WORD_DIMENSIONS = 256
FEWEST = 50
"""Fewer posts on either side are not compared."""
_MARKS = "marks of "


@dataclass(frozen=True)
class PointSet:
    """Points, and whose they are.

    Attributes:
        points: (posts, dimensions).
        marks: By which each point's post is known again, (posts, numbers).
    """

    points: Points
    marks: Marks


@dataclass(frozen=True)
class Shift:
    """One comparison.

    Attributes:
        discrepancy: The squared maximum mean discrepancy, about 0 where nothing changed.
        chance: How often exchanged points show as much, 0 to 1.
    """

    of: str
    discrepancy: float
    chance: float


def compare(before: Points, after: Points, of: str, *, seed: int = 0) -> Shift:
    """Return how far two sets of points, (posts, dimensions), differ."""
    points = np.vstack([before, after]).astype(np.float64)
    as_they_are = np.arange(len(points)) < len(before)
    random = np.random.default_rng(seed)
    exchanged = random.permuted(np.tile(as_they_are, (PERMUTATIONS, 1)), axis=1)
    found, *by_chance = _discrepancies(_kernel(points), np.vstack([as_they_are, exchanged]))
    as_much = sum(other >= found for other in by_chance)
    return Shift(of, found, (1 + as_much) / (1 + PERMUTATIONS))


def word_points(texts: Sequence[str]) -> Points:
    """Return texts as square roots of their words' shares, hashed to ``WORD_DIMENSIONS``."""
    # It brings the names of all emoji, which `monitor status` rarely needs.
    normalise = importlib.import_module("classifiers.normalise").normalise
    points = np.zeros((len(texts), WORD_DIMENSIONS), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in normalise(text).lower().split():
            points[row, crc32(word.encode("utf-8", "replace")) % WORD_DIMENSIONS] += 1
    totals = np.maximum(points.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.sqrt(points / totals))


def keep_reference(path: Path, reference: Mapping[str, PointSet]) -> None:
    """Keep points to compare later ones with, all or nothing.

    None gives its text back, but whoever guesses the text knows its point.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, each in reference.items():
        arrays[name] = np.ascontiguousarray(each.points, np.float32)
        arrays[_MARKS + name] = np.ascontiguousarray(each.marks, np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    draft.write_bytes(save(arrays))
    draft.replace(path)


def read_reference(path: Path) -> dict[str, PointSet]:
    """Return the points in a file.

    None where there is no such file, it is damaged, or does not tell whose they are, as those of
    earlier programs.
    """
    try:
        found = load_file(path)
    except (OSError, SafetensorError):
        return {}
    return {
        name: PointSet(points, found[_MARKS + name])
        for name, points in found.items()
        if _MARKS + name in found
    }


def _kernel(points: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (points**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0)
    apart = distances[np.triu_indices(len(points), 1)]
    width = float(np.median(apart)) or float(apart.mean()) or 1.0
    return np.asarray(np.exp(-distances / width))


def _discrepancies(kernel: NDArray[np.float64], sides: NDArray[np.bool_]) -> list[float]:
    """Return the unbiased squared discrepancy of each division of the points in two.

    Args:
        kernel: (points, points).
        sides: Which points are of the first part, (divisions, points); all equally many.
    """
    first = sides.astype(np.float64)
    count, points = int(first[0].sum()), len(kernel)
    rest = points - count
    towards_first = first @ kernel
    own = kernel.diagonal()
    within = (towards_first * first).sum(axis=1)
    between = towards_first.sum(axis=1) - within
    without = kernel.sum() - within - 2 * between
    alone = first @ own
    found = (
        (within - alone) / (count * (count - 1))
        + (without - (own.sum() - alone)) / (rest * (rest - 1))
        - 2 * between / (count * rest)
    )
    return [float(one) for one in found]
