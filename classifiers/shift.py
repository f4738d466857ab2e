"""Whether posts have changed since a version was made: scores, words, embeddings.

Each is told as points, and two sets of points are compared by the maximum mean discrepancy with
a Gaussian kernel as wide as the median distance (Gretton et al., "A Kernel Two-Sample Test",
JMLR 2012); how often chance alone would show as much is told by exchanging the points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from classifiers.normalise import normalise

Points = NDArray[np.float32]

PERMUTATIONS = 200
WORD_DIMENSIONS = 256
FEWEST = 50
"""Fewer posts on either side are not compared."""


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
    kernel = _kernel(points)
    count = len(before)
    order = np.arange(len(points))
    found = _discrepancy(kernel, order, count)
    random = np.random.default_rng(seed)
    as_much = sum(
        _discrepancy(kernel, random.permutation(order), count) >= found for _ in range(PERMUTATIONS)
    )
    return Shift(of, found, (1 + as_much) / (1 + PERMUTATIONS))


def word_points(texts: Sequence[str]) -> Points:
    """Return texts as square roots of their words' shares, hashed to ``WORD_DIMENSIONS``."""
    points = np.zeros((len(texts), WORD_DIMENSIONS), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in normalise(text).lower().split():
            points[row, crc32(word.encode("utf-8", "replace")) % WORD_DIMENSIONS] += 1
    totals = np.maximum(points.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.sqrt(points / totals))


def keep_reference(path: Path, points: Mapping[str, Points]) -> None:
    """Keep points to compare later ones with; nothing in them gives a text back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(each, np.float32) for name, each in points.items()}, path)


def read_reference(path: Path) -> dict[str, Points]:
    """Return the points in a file, none where there is no such file."""
    return dict(load_file(path)) if path.is_file() else {}


def _kernel(points: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (points**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0)
    apart = distances[np.triu_indices(len(points), 1)]
    width = float(np.median(apart)) or float(apart.mean()) or 1.0
    return np.asarray(np.exp(-distances / width))


def _discrepancy(kernel: NDArray[np.float64], order: NDArray[np.int64], count: int) -> float:
    """Return the unbiased squared discrepancy of the first ``count`` of the order and the rest."""
    sides = np.where(np.arange(len(order)) < count, 1.0, 0.0)[np.argsort(order)]
    others = 1 - sides
    rest = len(order) - count
    within = sides @ kernel @ sides - kernel.diagonal() @ sides
    without = others @ kernel @ others - kernel.diagonal() @ others
    between = sides @ kernel @ others
    return float(
        within / (count * (count - 1))
        + without / (rest * (rest - 1))
        - 2 * between / (count * rest)
    )
