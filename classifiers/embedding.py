"""Where texts stand for the encoder: the mean state of a post's tokens."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from classifiers.model_config import TOKENIZER_FILE, base_folder
from classifiers.model_files import load_model
from classifiers.tokenisation import Tokeniser

BATCH_POSTS = 32


def embed(
    folder: Path,
    texts: Sequence[str],
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Return the embeddings of texts by a version of the model, (texts, width).

    Costs about as much as scoring the texts with torch: tens of texts a second.

    Args:
        folder: The version's.
        texts: Any strings.
        progress: Told the share that is done.

    Raises:
        ModelFilesError: The version's files are missing or damaged.
    """
    model = load_model(folder)
    padding = model.shape.padding
    ids = Tokeniser(base_folder(folder) / TOKENIZER_FILE).posts(list(texts))
    order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    found = np.zeros((len(ids), model.shape.width), dtype=np.float32)
    for start in range(0, len(order), BATCH_POSTS):
        rows = order[start : start + BATCH_POSTS]
        width = max(len(ids[row]) for row in rows)
        posts = torch.full((len(rows), width), padding, dtype=torch.long)
        for place, row in enumerate(rows):
            posts[place, : len(ids[row])] = torch.tensor(ids[row])
        with torch.inference_mode():
            *_, features, _ = model.read(posts, torch.zeros((len(rows), 0, 1), dtype=torch.long))
        found[rows] = features[:, -model.shape.width :].numpy()
        progress((start + len(rows)) / len(order))
    return found
