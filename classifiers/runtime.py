"""The fast path: from texts to calibrated probabilities.

A text's probabilities do not depend on the texts scored with it. Every batch has one of a
few fixed shapes (a text's own length decides which), incomplete batches are filled up with
blank rows, and nothing is measured on the batch. Identical texts are scored once.
"""

import importlib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import apply_temperature
from classifiers.errors import BadTargetError, ModelFilesError
from classifiers.heads import LabelHead, head
from classifiers.model_config import TOKENIZER_FILE, base_folder, read_config
from classifiers.tokenisation import PADDING, POST_TOKENS, TARGET_TOKENS, Ids, Tokeniser, pad
from classifiers.version import ModelVersion, read_version

POST_WIDTHS = (16, 24, 32, 40, 48, 64, 80, 96, POST_TOKENS)
TARGET_WIDTHS = (8, 16, TARGET_TOKENS)
BATCH_ROWS = 8
NO_TARGETS: Mapping[str, str] = MappingProxyType({})

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """One head's answers about a list of texts.

    Attributes:
        head: The head's name.
        target: The target's name; "" where the head takes none.
        version: The id of the model's version.
        labels: The labels, in the order of the columns.
        probabilities: Calibrated, (texts, labels), float32, in the order of the texts.
    """

    head: str
    target: str
    version: str
    labels: tuple[str, ...]
    probabilities: NDArray[np.float32]


class Engine(Protocol):
    """What runs the model."""

    def run(self, batches: Iterator[tuple[Ids, Ids]]) -> list[tuple[Logits, ...]]:
        """Return each batch's logits per head, in the order of the batches."""


class Scorer:
    """Answers what one version of the model says about texts; see ``load_scorer``."""

    def __init__(self, version: ModelVersion, tokeniser: Tokeniser, engine: Engine) -> None:
        self.version = version.id
        self.heads = version.heads
        self._temperature = version.temperature
        self._tokeniser = tokeniser
        self._engine = engine

    def score(
        self,
        texts: Sequence[str],
        targets: Mapping[str, str] = NO_TARGETS,
        *,
        heads: Sequence[str] | None = None,
    ) -> list[Scores]:
        """Return calibrated probabilities for each text.

        Args:
            texts: Any strings; see ``classifiers.normalise`` for what is read of them.
            targets: From a target's name to its text.
            heads: The heads to answer; all of the model's where None (those that take a
                target only if there is one).

        Returns:
            In the order of ``self.heads``: one ``Scores`` for a head without a target, and
            for a head with one, a ``Scores`` per target, in the order of ``targets``.

        Raises:
            BadTargetError: A target's text is empty, or a head that takes a target was
                asked for without one.
            UnknownHeadError: A head was asked for that does not exist.
        """
        asked = self._asked(targets, heads)
        rows, posts = self._distinct(texts)
        found: list[Scores] = []
        passes = self._passes(posts, targets, asked)
        for known in asked:
            names = list(targets) if known.takes_target else [""]
            for name in names:
                logits = passes[name or next(iter(passes))][self.heads.index(known.name)]
                found.append(self._scores(known, name, logits[rows]))
        return found

    def _asked(self, targets: Mapping[str, str], heads: Sequence[str] | None) -> list[LabelHead]:
        """Return the heads to answer, in the order of the model's."""
        empty = [name for name, text in targets.items() if not name or not text.strip()]
        if empty:
            raise BadTargetError(
                f"the target {empty[0]!r} has no text or no name",
                hint="give every target a name and a text such as 'the walkout'",
            )
        if heads is None:
            known = [head(name) for name in self.heads]
            return [each for each in known if targets or not each.takes_target]
        wanted = {head(name) for name in heads}
        for each in wanted:
            if each.takes_target and not targets:
                raise BadTargetError(
                    f"{each.name} is asked towards a target, and none was given",
                    hint="give at least one target",
                )
        return [each for each in map(head, self.heads) if each in wanted]

    def _distinct(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], list[list[int]]]:
        """Return each text's row among the distinct posts, and those posts' token ids."""
        row_of: dict[tuple[int, ...], int] = {}
        rows = [row_of.setdefault(tuple(ids), len(row_of)) for ids in self._tokeniser.posts(texts)]
        return np.array(rows, dtype=np.int64), [list(ids) for ids in row_of]

    def _passes(
        self, posts: list[list[int]], targets: Mapping[str, str], asked: Sequence[LabelHead]
    ) -> dict[str, list[Logits]]:
        """Return the logits per head for each target's name (or for "" without a target)."""
        if any(each.takes_target for each in asked):
            ids = dict(zip(targets, self._tokeniser.targets(list(targets.values())), strict=True))
        else:
            ids = {"": self._tokeniser.targets([""])[0]}
        return {name: self._run(posts, target) for name, target in ids.items()}

    def _run(self, posts: list[list[int]], target: list[int]) -> list[Logits]:
        """Return the logits per head of every post with one target."""
        groups = list(_groups(posts))
        width = _width(target, TARGET_WIDTHS)
        targets = np.repeat(pad([target], width), BATCH_ROWS, axis=0)
        batches = ((_filled([posts[i] for i in group]), targets) for group in groups)
        outputs = self._engine.run(batches)
        sizes = [len(head(name).labels) for name in self.heads]
        logits = [np.zeros((len(posts), size), dtype=np.float32) for size in sizes]
        for group, output in zip(groups, outputs, strict=True):
            for gathered, found in zip(logits, output, strict=True):
                gathered[group] = found[: len(group)]
        return logits

    def _scores(self, known: LabelHead, target: str, logits: Logits) -> Scores:
        """Return the logits as calibrated probabilities."""
        probabilities = apply_temperature(logits, self._temperature[known.name])
        return Scores(known.name, target, self.version, known.labels, probabilities)


def load_scorer(path: Path, *, threads: int | None = None, cache: Path | None = None) -> Scorer:
    """Return a scorer of the version in a folder.

    Args:
        path: The version's folder.
        threads: Processor threads to use; all there are where None.
        cache: A folder where the model may be kept as the runtime likes it. Without it the
            model is exported again each time, which takes some seconds.

    Raises:
        ModelFilesError: The version's files are missing, damaged or do not fit.
    """
    version = read_version(path)
    base = base_folder(path)
    for name in read_config(base).heads:
        if name not in version.heads:
            raise ModelFilesError(f"the version in {path} lacks the head {name}", hint="retrain")
    count = threads or len(os.sched_getaffinity(0))
    return Scorer(version, Tokeniser(base / TOKENIZER_FILE), _engine(path, count, cache))


def _engine(path: Path, threads: int, cache: Path | None) -> Engine:
    """Return OpenVINO, or torch with a warning where OpenVINO cannot load."""
    try:
        runtime = importlib.import_module("classifiers.openvino_engine")
        engine: Engine = runtime.OpenVinoEngine(path, threads, cache)
    except (ImportError, RuntimeError) as exc:
        warnings.warn(
            f"OpenVINO cannot load the model ({exc}): scoring with torch, several times slower",
            RuntimeWarning,
            stacklevel=3,
        )
        engine = importlib.import_module("classifiers.torch_engine").TorchEngine(path, threads)
    return engine


def _width(ids: Sequence[int], widths: Sequence[int]) -> int:
    """Return the smallest of the widths that holds the ids."""
    return next(width for width in widths if len(ids) <= width)


def _groups(posts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the posts' indices in groups that fit a batch and share a width."""
    by_width: dict[int, list[int]] = {width: [] for width in POST_WIDTHS}
    for index, post in enumerate(posts):
        by_width[_width(post, POST_WIDTHS)].append(index)
    for indices in by_width.values():
        for start in range(0, len(indices), BATCH_ROWS):
            yield indices[start : start + BATCH_ROWS]


def _filled(posts: list[list[int]]) -> Ids:
    """Return the posts of one width as a full batch; blank rows repeat the first token."""
    width = max(_width(post, POST_WIDTHS) for post in posts)
    batch = np.full((BATCH_ROWS, width), PADDING, dtype=np.int64)
    batch[: len(posts)] = pad(posts, width)
    batch[len(posts) :, 0] = batch[0, 0]
    return batch
