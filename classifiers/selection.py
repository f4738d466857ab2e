"""Which posts to label next: those of which the model is unsure, and unlike one another.

BADGE, after Ash et al., "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower
Bounds" (ICLR 2020): each post stands where the gradient of the last layer would point if its
most probable label were true. Posts far out are doubted, and a draw by k-means++ (Arthur and
Vassilvitskii, SODA 2007) spreads over them. A gradient is the outer product of what is missing
from certainty and of the embedding, so distances need neither to be written out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def choose(
    probabilities: Sequence[NDArray[np.floating]],
    embeddings: NDArray[np.floating],
    count: int,
    *,
    seed: int = 0,
) -> list[int]:
    """Return the numbers of the posts to label, the most doubted first, then drawn.

    Args:
        probabilities: For each question, (posts, labels).
        embeddings: (posts, width).
        count: How many; all where there are fewer.
        seed: Of the draw.
    """
    posts = len(embeddings)
    if not posts or count < 1:
        return []
    doubt = np.hstack([_doubt(each) for each in probabilities])
    places = _unit(np.asarray(embeddings, dtype=np.float64))
    random = np.random.default_rng(seed)
    size = (doubt**2).sum(axis=1)
    chosen = [int(size.argmax())]
    nearest = _distances(doubt, places, size, chosen[0])
    while len(chosen) < min(count, posts):
        nearest[chosen] = 0
        total = nearest.sum()
        if total <= 0:  # all that is left is like what was chosen
            rest = np.setdiff1d(np.arange(posts), chosen)
            chosen += random.permutation(rest)[: count - len(chosen)].tolist()
            break
        chosen.append(int(random.choice(posts, p=nearest / total)))
        nearest = np.minimum(nearest, _distances(doubt, places, size, chosen[-1]))
    return chosen


def _doubt(probabilities: NDArray[np.floating]) -> Floats:
    """Return what is missing from certainty of the most probable label, (posts, labels)."""
    missing = np.array(probabilities, dtype=np.float64)
    missing[np.arange(len(missing)), missing.argmax(axis=1)] -= 1
    return missing


def _unit(embeddings: Floats) -> Floats:
    """Return the embeddings around their mean, each of length 1."""
    centred = embeddings - embeddings.mean(axis=0)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-9, centred / np.maximum(length, 1e-9), 1.0))


def _distances(doubt: Floats, places: Floats, size: Floats, of: int) -> Floats:
    """Return the squared distance of each gradient from one of them."""
    length = (places**2).sum(axis=1)
    product = (doubt @ doubt[of]) * (places @ places[of])
    return np.asarray(np.maximum(size * length + size[of] * length[of] - 2 * product, 0))
