"""The fast path: from texts to calibrated probabilities.

A text's probabilities do not depend on the texts scored with it. Every batch has one of a
few fixed shapes (a text's own length decides which), incomplete batches are filled up with
blank rows, and nothing is measured on the batch. Identical texts are scored once, and a text
is read once for all targets.
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
from classifiers.integrity import verify
from classifiers.model_config import TOKENIZER_FILE, base_folder, read_config
from classifiers.tokenisation import POST_TOKENS, TARGET_TOKENS, Ids, Tokeniser, pad
from classifiers.version import ModelVersion, read_version

POST_WIDTHS = (16, 24, 32, 40, 48, 64, 80, 96, POST_TOKENS)
TARGET_WIDTHS = (8, 16, TARGET_TOKENS)
BATCH_ROWS = 8
NO_TARGETS: Mapping[str, str] = MappingProxyType({})

Logits = NDArray[np.float32]
Targets = list[list[int]]


@dataclass(frozen=True)
class _Row:
    """One post and the targets it is asked about, as token ids."""

    post: list[int]
    targets: Targets

    @property
    def widths(self) -> tuple[int, int]:
        """Return the widths that the post and the targets are padded to."""
        widest = max((_width(target, TARGET_WIDTHS) for target in self.targets), default=1)
        return _width(self.post, POST_WIDTHS), widest


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
        about = targets if any(each.takes_target for each in asked) else NO_TARGETS
        ids = self._tokeniser.targets(list(about.values()))
        logits = self._answers(self._tokeniser.posts(texts), [ids] * len(texts), len(ids))
        return [
            self._scores(known, name, of_head)
            for known in asked
            for name, of_head in self._by_target(known, list(about), logits)
        ]

    def score_pairs(
        self, texts: Sequence[str], targets: Sequence[str], *, heads: Sequence[str] | None = None
    ) -> list[Scores]:
        """Return calibrated probabilities for each text towards its own target.

        Args:
            texts: As for ``score``.
            targets: A target's text for each text.
            heads: As for ``score``.

        Returns:
            A ``Scores`` per head, in the order of ``self.heads``; their target is "".

        Raises:
            BadTargetError: A target's text is empty.
            UnknownHeadError: A head was asked for that does not exist.
        """
        named = {f"target {n}": text for n, text in enumerate(targets)}
        asked = self._asked(named or {"no target": "as there is no text"}, heads)
        ids = [[each] for each in self._tokeniser.targets(targets)]
        logits = self._answers(self._tokeniser.posts(texts), ids, 1)
        return [
            self._scores(known, "", of_head)
            for known in asked
            for _, of_head in self._by_target(known, [""], logits)
        ]

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

    def _by_target(
        self, known: LabelHead, names: Sequence[str], logits: Sequence[Logits]
    ) -> list[tuple[str, Logits]]:
        """Return one head's logits, (texts, labels), by target's name, "" without a target."""
        of_head = logits[self.heads.index(known.name)]
        if not known.takes_target:
            return [("", of_head)]
        return [(name, of_head[:, index]) for index, name in enumerate(names)]

    def _answers(self, posts: list[list[int]], targets: list[Targets], count: int) -> list[Logits]:
        """Return the logits per head, each distinct row scored once.

        Args:
            posts: Token ids of each post.
            targets: Token ids of each post's targets.
            count: How many targets each post has.
        """
        number_of: dict[tuple[tuple[int, ...], ...], int] = {}
        numbers = [
            number_of.setdefault((tuple(post), *map(tuple, asked)), len(number_of))
            for post, asked in zip(posts, targets, strict=True)
        ]
        rows = [_Row(list(post), [list(each) for each in asked]) for post, *asked in number_of]
        return [of_head[numbers] for of_head in self._run(rows, count)]

    def _run(self, rows: list[_Row], count: int) -> list[Logits]:
        """Return the logits per head, (rows, labels) or (rows, targets, labels)."""
        groups = list(_groups(rows))
        padding = self._tokeniser.padding
        batches = (_filled([rows[i] for i in group], padding) for group in groups)
        logits = [
            np.zeros(self._shape(head(name), len(rows), count), dtype=np.float32)
            for name in self.heads
        ]
        for group, output in zip(groups, self._engine.run(batches), strict=True):
            for gathered, found in zip(logits, output, strict=True):
                gathered[group] = found[: len(group)]
        return logits

    @staticmethod
    def _shape(known: LabelHead, posts: int, targets: int) -> tuple[int, ...]:
        """Return the shape of one head's logits."""
        each = (targets,) if known.takes_target else ()
        return (posts, *each, len(known.labels))

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
    for each in {base, path}:
        verify(each)
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


def _groups(rows: Sequence[_Row]) -> Iterator[list[int]]:
    """Yield the rows' numbers in groups that fit a batch and share their widths."""
    by_widths: dict[tuple[int, int], list[int]] = {}
    for number, row in enumerate(rows):
        by_widths.setdefault(row.widths, []).append(number)
    for _, numbers in sorted(by_widths.items()):
        for start in range(0, len(numbers), BATCH_ROWS):
            yield numbers[start : start + BATCH_ROWS]


def _filled(rows: list[_Row], padding: int) -> tuple[Ids, Ids]:
    """Return rows of the same widths as a full batch; blank rows repeat the first tokens."""
    post_width, target_width = rows[0].widths
    posts = np.full((BATCH_ROWS, post_width), padding, dtype=np.int64)
    posts[: len(rows)] = pad([row.post for row in rows], post_width, padding)
    posts[len(rows) :, 0] = posts[0, 0]
    count = len(rows[0].targets)
    targets = np.full((BATCH_ROWS, count, target_width), padding, dtype=np.int64)
    flat = pad([each for row in rows for each in row.targets], target_width, padding)
    targets[: len(rows)] = flat.reshape(len(rows), count, target_width)
    return posts, targets
