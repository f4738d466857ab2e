"""What a topic's labels teach: a linear correction of a head's logits on the encoder's features.

The encoder stays as it is. For each head (and target) with labels, multinomial logistic regression
on the features that the encoder reads from a post (and its target) is fitted with the base's
logits as offset, so that with few labels the answer stays near the base's and with many it follows
them. A linear probe on frozen features is as good with a few hundred labels as training the upper
layers, and leaves everything else that the base knows alone (Kumar et al., ICLR 2022); it takes
seconds and a few kilobytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch.nn import functional

from classifiers.errors import ModelFilesError
from classifiers.fitting import class_weights

CORRECTIONS_FILE = "model-corrections.safetensors"
CLASS_WEIGHT_POWER = 0.25
ITERATIONS = 60

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Asked = tuple[str, str]
"""A head's name and a target's text, "" where the head takes none."""


@dataclass(frozen=True)
class Correction:
    """Turns a base's logits into ``scale * logits + features @ weights + bias``.

    Attributes:
        weights: (features, labels).
        bias: (labels,).
        scale: Of the base's logits, (1,).
    """

    weights: Array
    bias: Array
    scale: Array

    def corrected(self, logits: Array, features: Array) -> Array:
        """Return corrected logits, (rows, labels).

        Args:
            logits: The base's, (rows, labels); zeros where it does not know the head.
            features: What the encoder read, (rows, features).
        """
        found: Array = self.scale * logits + features @ self.weights + self.bias
        return found


class Space:
    """The features of some rows, standardised, in as few dimensions as hold them exactly.

    Of n rows the features span n dimensions at most, and the penalty on the weights does not
    change when the features are rotated: so fitting takes as long as there are rows.

    Args:
        features: (rows, features).
    """

    def __init__(self, features: Array) -> None:
        self._mean = features.mean(axis=0)
        spread = features.std(axis=0)
        self._unit = np.where(spread > 1e-6, spread, 1.0) * np.sqrt(features.shape[1])
        standard = (features - self._mean) / self._unit
        self._axes: Array | None = None
        if len(features) < features.shape[1]:
            self._axes = np.linalg.svd(standard, full_matrices=False)[2].T
            standard = standard @ self._axes
        self.rows: Array = standard.astype(np.float32)

    def fitted(self, rows: Labels, logits: Array, labels: Labels, penalty: float) -> Correction:
        """Return the correction that some of the rows teach.

        Minimises the log loss, summed over the rows with rare labels weighing a little more,
        plus ``penalty`` times the squared weights (of standardised features).

        Args:
            rows: The numbers of the rows to learn from.
            logits: The base's, of all rows.
            labels: Label indices of all rows.
            penalty: What holds the answers near the base's.
        """
        known = torch.from_numpy(labels[rows])
        features, offset = torch.from_numpy(self.rows[rows]), torch.from_numpy(logits[rows])
        count = logits.shape[1]
        importance = class_weights(known.tolist(), count, CLASS_WEIGHT_POWER)
        weights = torch.zeros(features.shape[1], count, requires_grad=True)
        bias = torch.zeros(count, requires_grad=True)
        scale = torch.ones(1, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [weights, bias, scale], max_iter=ITERATIONS, line_search_fn="strong_wolfe"
        )

        def loss() -> torch.Tensor:
            optimizer.zero_grad()
            answers = scale * offset + features @ weights + bias
            missed = functional.cross_entropy(answers, known, weight=importance, reduction="sum")
            held = penalty * weights.square().sum() + (scale - 1).square().sum()
            whole: torch.Tensor = missed + held + 0.01 * bias.square().sum()
            torch.autograd.backward(whole)
            return whole

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the matrices are small: two threads take ten times as long
        try:
            optimizer.step(loss)  # type: ignore[no-untyped-call]
        finally:
            torch.set_num_threads(threads)
        return self._of_features(weights, bias, scale)

    def _of_features(
        self, weights: torch.Tensor, bias: torch.Tensor, scale: torch.Tensor
    ) -> Correction:
        """Return a correction of this space as one of plain features."""
        found = weights.detach().numpy()
        along = (found if self._axes is None else self._axes @ found) / self._unit[:, None]
        moved = bias.detach().numpy() - self._mean @ along
        return Correction(
            along.astype(np.float32), moved.astype(np.float32), scale.detach().numpy().copy()
        )


def save_corrections(folder: Path, corrections: Mapping[Asked, Correction]) -> Path:
    """Write a version's corrections to its folder and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{head}/{target}:{part}": np.ascontiguousarray(getattr(correction, part))
        for (head, target), correction in sorted(corrections.items())
        for part in ("weights", "bias", "scale")
    }
    path = folder / CORRECTIONS_FILE
    save_file(tensors, path)
    path.chmod(0o644)
    return path


def read_corrections(folder: Path) -> dict[Asked, Correction]:
    """Return the corrections of the version in a folder; none for a base.

    Raises:
        ModelFilesError: The file is damaged.
    """
    path = folder / CORRECTIONS_FILE
    if not path.is_file():
        return {}
    try:
        tensors = load_file(path)
        names = sorted({name.rpartition(":")[0] for name in tensors})
        return {
            (name.partition("/")[0], name.partition("/")[2]): Correction(
                *(tensors[f"{name}:{part}"] for part in ("weights", "bias", "scale"))
            )
            for name in names
        }
    except (OSError, KeyError, SafetensorError) as exc:
        raise ModelFilesError(
            f"{path} cannot be read as corrections ({type(exc).__name__})",
            hint="retrain the topic, or roll back to an earlier version",
        ) from exc
