"""The fast path: from texts to calibrated probabilities.

A text's probabilities do not depend on the texts scored with it. Every batch has one of a
few fixed shapes (a text's own length decides which), incomplete batches are filled up with
blank rows, and nothing is measured on the batch. Identical texts are scored once, and a text
is read once for all targets. What a topic's labels taught (``classifiers.correction``) is added
to the base's logits here, so all versions of a base share one exported model.
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
from classifiers.correction import (
    CORRECTIONS_FILE,
    Asked,
    Correction,
    read_corrections,
    read_labels,
)
from classifiers.errors import BadTargetError, EngineError, ModelFilesError
from classifiers.fixed_shapes import Row, Target, filled, groups_of
from classifiers.heads import LabelHead, head
from classifiers.integrity import verify
from classifiers.model_config import TOKENIZER_FILE, ModelConfig, base_folder, read_config
from classifiers.normalise import normalise
from classifiers.opposites import without_opposition
from classifiers.tokenisation import Ids, Tokeniser
from classifiers.version import ModelVersion, read_version

NO_TARGETS: Mapping[str, str] = MappingProxyType({})
NO_CORRECTIONS: Mapping[Asked, Correction] = MappingProxyType({})

_OTHER_LABELS = (
    "give the head its labels back, or promote a version without it and retrain the topic"
)

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


@dataclass(frozen=True)
class Reading:
    """What the base reads in texts, before anything that a topic's labels taught.

    Attributes:
        logits: Per head of the base, (texts, labels); towards the text's target where the head
            takes one. Without targets there are only the heads that take none.
        post: The features of the posts, (texts, features).
        about: The features of the posts and their targets, (texts, features), None without.
        embedding: The mean state of the posts' tokens after the last layer, (texts, width).
    """

    logits: Mapping[str, Logits]
    post: Logits
    about: Logits | None
    embedding: Logits


class Engine(Protocol):
    """What runs the model."""

    def run(self, batches: Iterator[tuple[Ids, Ids]]) -> Iterator[tuple[Logits, ...]]:
        """Yield what ``Classifier.read`` returns of each batch, in the order of the batches."""


class Scorer:
    """Answers what one version of the model says about texts; see ``load_scorer``.

    Args:
        version: The version that answers.
        base: What is said of its base: the heads, in the order of the model's outputs.
        tokeniser: The base's.
        engine: What runs the base.
        corrections: What a topic's labels taught.
    """

    def __init__(
        self,
        version: ModelVersion,
        base: ModelConfig,
        tokeniser: Tokeniser,
        engine: Engine,
        corrections: Mapping[Asked, Correction] = NO_CORRECTIONS,
    ) -> None:
        self.version = version.id
        self.heads = version.heads
        self.answers = version.answers
        self.width = base.shape.width
        self._known = base.heads
        self._temperature = version.temperature
        self._tokeniser = tokeniser
        self._engine = engine
        self._corrections: dict[str, dict[Target | None, Correction]] = {}
        for (name, target), correction in corrections.items():
            about = self._targets([target])[0] if target else None
            self._corrections.setdefault(name, {})[about] = correction

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
            for a head with one, a ``Scores`` per target, in the order of ``targets``. What the
            version does not answer (``ModelVersion.answers``) is left out.

        Raises:
            BadTargetError: A target's text is empty, or a head that takes a target was
                asked for without one.
            UnknownHeadError: A head was asked for that does not exist.
        """
        asked = self._asked(targets, heads)
        about = targets if any(each.takes_target for each in asked) else NO_TARGETS
        read = self._targets(list(about.values()))
        logits = self._answers(self._tokeniser.posts(texts), [read] * len(texts), len(read))
        return [
            self._scores(known, name, of_head)
            for known in asked
            for name, of_head in self._by_target(known, about, logits)
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
            A ``Scores`` per head, in the order of ``self.heads``; their target is "". Heads that
            the version does not answer towards every one of the targets are left out.

        Raises:
            BadTargetError: A target's text is empty.
            UnknownHeadError: A head was asked for that does not exist.
        """
        named = {f"target {n}": text for n, text in enumerate(targets)}
        asked = self._asked(named or {"no target": "as there is no text"}, heads)
        read = [[each] for each in self._targets(targets)]
        logits = self._answers(self._tokeniser.posts(texts), read, 1)
        return [
            self._scores(known, "", of_head[:, 0] if known.takes_target else of_head)
            for known in asked
            if not known.takes_target or all(self.answers(known.name, one) for one in set(targets))
            for of_head in [logits[self.heads.index(known.name)]]
        ]

    def read(self, texts: Sequence[str], targets: Sequence[str] | None = None) -> Reading:
        """Return what the base reads in each text, and in each text about its own target.

        Raises:
            BadTargetError: A target's text is empty.
        """
        posts = self._tokeniser.posts(texts)
        about: list[list[Target]] = [[] for _ in texts]
        if targets is not None:
            self._asked({f"target {n}": text for n, text in enumerate(targets)}, None)
            about = [[each] for each in self._targets(targets)]
        rows = [Row(post, asked) for post, asked in zip(posts, about, strict=True)]
        gathered: list[Logits] = []
        for group, output in self._outputs(rows):
            parts = [part[: len(group)] for part in output]
            if not gathered:
                gathered = [np.zeros((len(rows), *part.shape[1:]), np.float32) for part in parts]
            for whole, part in zip(gathered, parts, strict=True):
                whole[group] = part
        return self._reading(gathered, asked=targets is not None)

    def _reading(self, gathered: Sequence[Logits], *, asked: bool) -> Reading:
        """Return the model's outputs about all texts by their names."""
        *answers, post, about = gathered
        logits = {
            name: found[:, 0] if head(name).takes_target else found
            for name, found in zip(self._known, answers, strict=True)
            if asked or not head(name).takes_target
        }
        both = _both(post, about[:, 0]) if asked else None
        return Reading(logits, post, both, post[:, -self.width :])

    def _targets(self, texts: Sequence[str]) -> list[Target]:
        """Return what is asked of the model about each target."""
        about = [without_opposition(text) for text in texts]
        ids = self._tokeniser.targets([text for text, _ in about])
        return [Target(tuple(each), opposed) for each, (_, opposed) in zip(ids, about, strict=True)]

    def _asked(self, targets: Mapping[str, str], heads: Sequence[str] | None) -> list[LabelHead]:
        """Return the heads to answer, in the order of the model's."""
        empty = [name for name, text in targets.items() if not name or not normalise(text)]
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
        self, known: LabelHead, targets: Mapping[str, str], logits: Sequence[Logits]
    ) -> list[tuple[str, Logits]]:
        """Return one head's logits, (texts, labels), by target's name, "" without a target."""
        of_head = logits[self.heads.index(known.name)]
        if not known.takes_target:
            return [("", of_head)]
        return [
            (name, of_head[:, index])
            for index, (name, text) in enumerate(targets.items())
            if self.answers(known.name, text)
        ]

    def _answers(
        self, posts: list[list[int]], targets: list[list[Target]], count: int
    ) -> list[Logits]:
        """Return the logits per head, each distinct row scored once.

        Args:
            posts: Token ids of each post.
            targets: Each post's targets.
            count: How many targets each post has.
        """
        number_of: dict[tuple[tuple[int, ...], tuple[Target, ...]], int] = {}
        numbers = [
            number_of.setdefault((tuple(post), tuple(asked)), len(number_of))
            for post, asked in zip(posts, targets, strict=True)
        ]
        rows = [Row(list(post), list(asked)) for post, asked in number_of]
        return [of_head[numbers] for of_head in self._run(rows, count)]

    def _run(self, rows: list[Row], count: int) -> list[Logits]:
        """Return the logits per head, (rows, labels) or (rows, targets, labels)."""
        logits = [
            np.zeros(self._shape(head(name), len(rows), count), dtype=np.float32)
            for name in self.heads
        ]
        for group, (*answers, post, about) in self._outputs(rows):
            found = dict(zip(self._known, answers, strict=True))
            for name, gathered in zip(self.heads, logits, strict=True):
                if name in found:
                    gathered[group] = found[name][: len(group)]
                if name in self._corrections:
                    self._correct(name, rows, group, gathered, (post, about))
        return logits

    def _outputs(self, rows: list[Row]) -> Iterator[tuple[list[int], tuple[Logits, ...]]]:
        """Yield the numbers of some rows and what the model reads in them, until all are read."""
        groups = list(groups_of(rows))
        padding = self._tokeniser.padding
        batches = (filled([rows[i] for i in group], padding) for group in groups)
        for group, output in zip(groups, self._engine.run(batches), strict=True):
            yield group, self._turned([rows[i] for i in group], output)

    def _turned(self, rows: Sequence[Row], output: tuple[Logits, ...]) -> tuple[Logits, ...]:
        """Return what the model reads, its answers exchanged where an opposite is meant."""
        opposed = [
            (place, index)
            for place, row in enumerate(rows)
            for index, target in enumerate(row.targets)
            if target.opposed
        ]
        if not opposed:
            return output
        turned = list(output)
        for number, known in enumerate(map(head, self._known)):
            if known.takes_target and known.opposites:
                order = [known.labels.index(label) for label in known.opposites]
                turned[number] = output[number].copy()
                for place in opposed:
                    turned[number][place] = output[number][place][order]
        return tuple(turned)

    def _correct(
        self,
        name: str,
        rows: list[Row],
        group: list[int],
        logits: Logits,
        features: tuple[Logits, Logits],
    ) -> None:
        """Correct the logits of one head about a group of rows, in place."""
        corrections, (post, about) = self._corrections[name], features
        takes_target = head(name).takes_target
        for place, row in enumerate(group):  # One by one: a product's last bits vary with its rows.
            if not takes_target:
                logits[row] = corrections[None].corrected(logits[row], post[place])
                continue
            for index, target in enumerate(rows[row].targets):
                if (correction := corrections.get(target)) is not None:
                    both = _both(post[place], about[place, index])
                    logits[row, index] = correction.corrected(logits[row, index], both)

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
        threads: Processor threads to use; all there are where None. The tokenizer keeps to the
            first number that this process is told, or to ``RAYON_NUM_THREADS``.
        cache: A folder where the model may be kept as the runtime likes it. Without it the
            model is exported again each time, which takes some seconds.

    Raises:
        ModelFilesError: The version's files are missing, damaged or do not fit.
    """
    version = read_version(path)
    base = base_folder(path)
    for each in {base, path}:
        verify(each)
    config = read_config(base)
    _check_labels(base, config.labels)
    _check_labels(path, read_labels(path))
    for name in config.heads:
        if name not in version.heads:
            raise ModelFilesError(f"the version in {path} lacks the head {name}", hint="retrain")
    if version.base and not (path / CORRECTIONS_FILE).is_file():
        raise ModelFilesError(
            f"{path / CORRECTIONS_FILE} is missing", hint="retrain the topic, or roll back"
        )
    if threads:
        os.environ.setdefault("RAYON_NUM_THREADS", str(threads))  # the tokenizer's, read once
    count = threads or _processors()
    tokeniser, engine = Tokeniser(base / TOKENIZER_FILE), _engine(path, count, cache)
    return Scorer(version, config, tokeniser, engine, _fitting(path, read_corrections(path)))


def _processors() -> int:
    """Return how many processors this process may use; macOS tells only how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_labels(path: Path, made_for: Mapping[str, Sequence[str]]) -> None:
    """Check that heads still have the labels that a version was made for.

    Raises:
        ModelFilesError: A head has others, or the same in another order.
    """
    for name, labels in made_for.items():
        if tuple(labels) != head(name).labels:
            raise ModelFilesError(
                f"the version in {path} was made for the labels {', '.join(labels)} of {name}, "
                f"which has {', '.join(head(name).labels)} by now",
                hint=_OTHER_LABELS,
            )


def _fitting(path: Path, corrections: Mapping[Asked, Correction]) -> Mapping[Asked, Correction]:
    """Return a version's corrections if their heads still have as many labels.

    Of versions from before labels were kept nothing else is known.

    Raises:
        ModelFilesError: A head has more or fewer labels by now.
    """
    for (name, _), correction in corrections.items():
        if len(correction.bias) != len(head(name).labels):
            raise ModelFilesError(
                f"the version in {path} gives {len(correction.bias)} answers of {name}, which has "
                f"{len(head(name).labels)} labels by now",
                hint=_OTHER_LABELS,
            )
    return corrections


def _engine(path: Path, threads: int, cache: Path | None) -> Engine:
    """Return OpenVINO, or torch with a warning where OpenVINO cannot load."""
    try:
        runtime = importlib.import_module("classifiers.openvino_engine")
        engine: Engine = runtime.OpenVinoEngine(path, threads, cache)
    except (ImportError, RuntimeError, EngineError) as exc:
        warnings.warn(
            f"OpenVINO cannot load the model ({exc}): scoring with torch, several times slower",
            RuntimeWarning,
            stacklevel=3,
        )
        engine = importlib.import_module("classifiers.torch_engine").TorchEngine(path, threads)
    return engine


def _both(post: Logits, about: Logits) -> Logits:
    """Return the features of posts and of their targets side by side."""
    return np.concatenate([post, about], axis=-1)
