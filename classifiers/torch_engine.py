"""Runs the model with torch: slower, for machines where OpenVINO cannot load."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from classifiers.model_files import load_model
from classifiers.tokenisation import Ids


class TorchEngine:
    """The model of a version, run by torch in 32-bit floats."""

    def __init__(self, folder: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        self._model = load_model(folder)

    def run(self, batches: Iterator[tuple[Ids, Ids]]) -> Iterator[tuple[NDArray[np.float32], ...]]:
        """Yield what the model reads in each batch, in the order of the batches."""
        return (self._read(posts, targets) for posts, targets in batches)

    def _read(self, posts: Ids, targets: Ids) -> tuple[NDArray[np.float32], ...]:
        with torch.inference_mode():
            found = self._model.read(torch.from_numpy(posts), torch.from_numpy(targets))
            return tuple(part.numpy() for part in found)
