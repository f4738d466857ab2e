"""Where texts stand for the encoder: the mean state of a post's tokens."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.runtime import Scorer

TEXTS_AT_ONCE = 256


def embed(
    scorer: Scorer,
    texts: Sequence[str],
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Return the embeddings of texts, (texts, width); costs as much as scoring them.

    Args:
        scorer: Of any version: all versions of a base read texts alike.
        texts: Any strings.
        progress: Told the share that is done.
    """
    found = np.zeros((len(texts), scorer.width), dtype=np.float32)
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        found[start : start + len(some)] = scorer.read(some).embedding
        progress((start + len(some)) / len(texts))
    return found
