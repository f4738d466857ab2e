"""What a topic's labels teach: a linear correction of a head's logits on the encoder's features.

The encoder stays as it is. For each head (and target) with labels, multinomial logistic regression
on the features that the encoder reads from a post (and its target) is fitted with the base's
logits as offset, so that with few labels the answer stays near the base's and with many it follows
them. A linear probe on frozen features is as good with a few hundred labels as training the upper
layers, and leaves everything else that the base knows alone (Kumar et al., ICLR 2022); it takes
seconds and a few kilobytes.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from classifiers.errors import ModelFilesError
from classifiers.heads import head
from classifiers.label_mix import class_weights

CORRECTIONS_FILE = "model-corrections.safetensors"
CLASS_WEIGHT_POWER = 0.25
ITERATIONS = 100
ROWS_AT_ONCE = 4096

_LABELS = "labels"
"""What the file of corrections calls the labels; as they are in it, a version's id tells them."""

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

    @classmethod
    def nothing(cls, features: int, labels: int) -> Self:
        """Return the correction that leaves the logits as they are."""
        zeros = np.zeros((features + 1, labels), dtype=np.float32)
        return cls(zeros[1:], zeros[0], np.ones(1, dtype=np.float32))

    def corrected(self, logits: Array, features: Array) -> Array:
        """Return corrected logits, (rows, labels).

        Args:
            logits: The base's, (rows, labels); zeros where it does not know the head.
            features: What the encoder read, (rows, features).
        """
        found: Array = self.scale * logits + features @ self.weights + self.bias
        return found

    def divided(self, by: float) -> Self:
        """Return what gives these corrected logits divided by a number."""
        return replace(self, weights=self.weights / by, bias=self.bias / by, scale=self.scale / by)


class Space:
    """The features of some rows, standardised, in as few dimensions as hold them exactly.

    Of n rows the features span n dimensions at most, and the penalty on the weights does not
    change when the features are rotated: so fitting takes as long as there are rows.

    Args:
        features: (rows, features), float32.
    """

    def __init__(self, features: Array) -> None:
        self._mean: Array = features.mean(axis=0, dtype=np.float64).astype(np.float32)
        spread = _spread(features, self._mean)
        width = np.float32(np.sqrt(features.shape[1]))  # a plain root would make all of it float64
        self._unit: Array = np.where(spread > 1e-6, spread, np.float32(1)) * width
        standard: Array = features - self._mean
        standard /= self._unit
        self._axes: Array | None = None
        if len(features) < features.shape[1]:
            with _one_thread():
                self._axes = np.linalg.svd(standard, full_matrices=False)[2].T
                standard = standard @ self._axes
        self.rows = standard

    def fitted(
        self,
        rows: Labels,
        logits: Array,
        labels: Labels,
        penalty: float,
        start: Correction | None = None,
    ) -> Correction:
        """Return the correction that some of the rows teach.

        Minimises the log loss, summed over the rows with rare labels weighing a little more, as
        if each label had been given once more (a part of it to every row), plus ``penalty`` times
        the squared weights (of standardised features), by L-BFGS.

        Args:
            rows: The numbers of the rows to learn from.
            logits: The base's, of all rows.
            labels: Label indices of all rows.
            penalty: What holds the answers near the base's.
            start: Where to begin, such as what another penalty gave: it saves steps.
        """
        problem = _Problem.of(self.rows[rows], logits[rows], labels[rows])
        with _one_thread():
            found = minimize(
                problem.loss,
                problem.start() if start is None else self._standard(start),
                (penalty,),
                method="L-BFGS-B",
                jac=True,
                options={"maxiter": ITERATIONS, "ftol": 1e-9, "gtol": 1e-4},
            )
            return self._plain(*problem.parts(found.x))

    def _plain(self, weights: Array, bias: Array, scale: Array) -> Correction:
        """Return a correction of this space as one of plain features."""
        along = (weights if self._axes is None else self._axes @ weights) / self._unit[:, None]
        return Correction(along, bias - self._mean @ along, scale)

    def _standard(self, plain: Correction) -> NDArray[np.float64]:
        """Return the place in this space that a correction of plain features stands for."""
        weights = plain.weights * self._unit[:, None]
        weights = weights if self._axes is None else self._axes.T @ weights
        bias = plain.bias + self._mean @ plain.weights
        place: NDArray[np.float64] = np.r_[weights.ravel(), bias, plain.scale].astype(np.float64)
        return place


def _one_thread() -> AbstractContextManager[object]:
    """Return what lets sums be taken by one thread: the same for any number of processors."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _spread(features: Array, mean: Array) -> Array:
    """Return the standard deviation of each feature; a part of the rows at a time, to save room."""
    squares = np.zeros(features.shape[1])
    for start in range(0, len(features), ROWS_AT_ONCE):
        squares += ((features[start : start + ROWS_AT_ONCE] - mean) ** 2).sum(axis=0)
    found: Array = np.sqrt(squares / max(1, len(features))).astype(np.float32)
    return found


@dataclass(frozen=True)
class _Problem:
    """What a correction minimises, as a function of weights, bias and scale in one row.

    Attributes:
        features: (rows, dimensions).
        offset: The base's logits, (rows, labels).
        truth: How much each label of each row counts, (rows, labels): what the row's own does by
            its class weight, and of every label one more that all rows share.
        importance: Of each row, (rows, 1): the sum over its labels.
    """

    features: Array
    offset: Array
    truth: Array
    importance: Array

    @classmethod
    def of(cls, features: Array, offset: Array, labels: Labels) -> Self:
        """Return the problem of some rows."""
        count = offset.shape[1]
        weights = class_weights(labels, count, CLASS_WEIGHT_POWER)
        shared = 1 / max(1, len(labels))  # without it labels that all agree allow no doubt
        truth = (np.eye(count)[labels] * weights + shared).astype(np.float32)
        return cls(features, offset, truth, truth.sum(axis=1, keepdims=True))

    def start(self) -> NDArray[np.float64]:
        """Return where nothing is corrected."""
        count = self.offset.shape[1]
        place: NDArray[np.float64] = np.r_[np.zeros((self.features.shape[1] + 1) * count), 1.0]
        return place

    def parts(self, place: NDArray[np.float64]) -> tuple[Array, Array, Array]:
        """Return weights, bias and scale."""
        flat, count = place.astype(np.float32), self.offset.shape[1]
        return flat[: -count - 1].reshape(-1, count), flat[-count - 1 : -1], flat[-1:]

    def loss(self, place: NDArray[np.float64], penalty: float) -> tuple[float, NDArray[np.float64]]:
        """Return what is minimised and its gradient."""
        weights, bias, scale = self.parts(place)
        answers = scale * self.offset + self.features @ weights + bias
        answers -= answers.max(axis=1, keepdims=True)
        shares = np.exp(answers)
        whole = shares.sum(axis=1, keepdims=True)
        missed = self.importance * np.log(whole) - (answers * self.truth).sum(1, keepdims=True)
        wrong = self.importance * shares / whole - self.truth
        apart = float(scale[0]) - 1
        held = penalty * float(np.square(place[: weights.size]).sum()) + apart**2
        slope = np.r_[
            (self.features.T @ wrong).ravel() + 2 * penalty * place[: weights.size],
            wrong.sum(axis=0, dtype=np.float64) + 0.02 * bias,
            (wrong * self.offset).sum(dtype=np.float64) + 2 * apart,
        ]
        return float(missed.sum(dtype=np.float64) + held + 0.01 * np.square(bias).sum()), slope


def save_corrections(folder: Path, corrections: Mapping[Asked, Correction]) -> Path:
    """Write a version's corrections, and the labels they are about, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{name}/{target}:{part}": np.ascontiguousarray(getattr(correction, part))
        for (name, target), correction in sorted(corrections.items())
        for part in ("weights", "bias", "scale")
    }
    labels = {name: head(name).labels for name, _ in corrections}
    path = folder / CORRECTIONS_FILE
    save_file(tensors, path, {_LABELS: json.dumps(labels, sort_keys=True)})
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
        raise _damaged(path, exc) from exc


def read_labels(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the labels that the corrections in a folder are about, by head.

    None for a base, and where they were written before labels were kept.

    Raises:
        ModelFilesError: The file is damaged.
    """
    path = folder / CORRECTIONS_FILE
    if not path.is_file():
        return {}
    try:
        with safe_open(path, "numpy") as file:
            told = dict(json.loads((file.metadata() or {}).get(_LABELS, "{}")))
        return {name: tuple(map(str, labels)) for name, labels in told.items()}
    except (OSError, ValueError, TypeError, RecursionError, SafetensorError) as exc:
        raise _damaged(path, exc) from exc


def _damaged(path: Path, exc: Exception) -> ModelFilesError:
    return ModelFilesError(
        f"{path} cannot be read as corrections ({type(exc).__name__})",
        hint="retrain the topic, or roll back to an earlier version",
    )
