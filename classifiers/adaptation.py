"""Adapting the model to a topic by a few labels.

The shipped base reads each labelled post once; for each head (and target) a correction of its
answers is fitted to the labels (``classifiers.correction``). The examples are split into folds, and
a correction per fold gives each example an answer that did not learn from it; from some number of
labels on a part is a frozen test that no correction is fitted to from then on. Temperatures are
fitted on its audit examples too, and versions made of fewer labels may have learnt from it: these
are judged by what they said of it out of fold. How the examples are split is said in
``classifiers.split``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import Temperature
from classifiers.correction import (
    Array,
    Asked,
    Correction,
    Labels,
    Space,
    read_corrections,
    save_corrections,
)
from classifiers.errors import TrainingStoppedError
from classifiers.evaluation import log_loss
from classifiers.examples import (
    FEWEST,
    FOLDS,
    FROZEN_TEST,
    Example,
    Key,
    checked,
    example_fingerprint,
    learnable,
)
from classifiers.gate import (
    Logits,
    audit_confusion,
    beats_champion,
    calibrated,
    compare,
    fitted_factors,
)
from classifiers.heads import head
from classifiers.held_out import read_held_out, write_held_out
from classifiers.label_mix import mixes_out_of_fold
from classifiers.registry import ModelVersion, Registry
from classifiers.runtime import Scorer, load_scorer
from classifiers.split import parts_of
from classifiers.verdict import judged_questions
from classifiers.version import content_id

__all__ = ["AdaptationResult", "Example", "adapt", "beats_champion"]

PENALTIES = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
"""Strongest first: the last one that still lowers the log loss out of fold is taken, for each head
and target."""

READ_AT_ONCE = 64

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class AdaptationResult:
    """A candidate version, and what corrections that had not seen them say of the examples.

    Attributes:
        version: The candidate, in the registry.
        held_out: By ``Example.key``, calibrated probabilities in the order of the head's
            labels.
        champion: The same of the champion, of examples that it was made from by models of its
            own that had not seen them.
        new: The examples that the champion was not made from.
        untold: The examples whose question the champion does not answer: ``champion`` has the
            mix of the labels there (``classifiers.label_mix``).
        changed: The questions that the candidate or the champion answer otherwise than the base.
    """

    version: ModelVersion
    held_out: Mapping[Key, tuple[float, ...]]
    champion: Mapping[Key, tuple[float, ...]]
    new: frozenset[Key]
    untold: frozenset[Key] = frozenset()
    changed: frozenset[Asked] = frozenset()


@dataclass(frozen=True)
class Read:
    """What a base reads about all examples of one question.

    Attributes:
        places: The examples' numbers, (rows,).
        logits: (rows, labels); zeros where the base does not know the head.
        features: (rows, features).
    """

    places: Labels
    logits: Array
    features: Array


@dataclass(frozen=True)
class _Learnt:
    """What a topic's examples teach, and their calibrated answers out of fold."""

    corrections: Mapping[Asked, Correction]
    temperature: Mapping[str, Temperature]
    held_out: Sequence[Logits]


def adapt(
    registry: Registry,
    topic: str,
    examples: Sequence[Example],
    *,
    cache: Path | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> AdaptationResult:
    """Learn a topic's labels as a candidate, judge it beside the champion, and keep it.

    The same examples, in any order, give the same version: there is no chance in it.

    Args:
        registry: Where the candidate goes.
        topic: The topic's name.
        examples: All labels of the topic, every head together. Of what is labelled too rarely
            nothing is learnt and nothing comes back (``classifiers.examples.learnable``), and of
            what cannot be judged nothing is learnt (``classifiers.verdict.judged_questions``).
        cache: Where the base's exported model is kept; see ``load_scorer``.
        threads: Processor threads to use; all there are where None.
        progress: Told what is being done and the share of the whole that is done.
        should_stop: Asked again and again; the work ends when it says yes.

    Raises:
        BadExampleError: An example does not fit its head, or there are too few of every head.
        ModelFilesError: The champion's files are missing or damaged.
        TrainingStoppedError: ``should_stop`` said yes; nothing was kept.
    """
    started = monotonic()
    progress = progress or _silent
    base, champion = registry.shipped(), registry.champion(topic)
    enough = learnable(checked(examples), base.heads)
    judged = judged_questions(enough)
    answered = [e for e in enough if e.head in base.heads or (e.head, e.target) in judged]
    ordered = sorted(answered, key=lambda example: example.key)
    reader = _Reader(cache, threads, progress, should_stop or _never)
    read = reader.read(registry.path(base.id), ordered)
    progress("learning from the labels", 0.9)
    learnt = _learn(base, ordered, read)
    progress("comparing with the champion", 0.95)
    if base.id not in {champion.id, champion.base}:
        read = reader.read(registry.path(champion.id), ordered)
    before = _champion_answers(registry.path(champion.id), champion, ordered, read)
    described = ModelVersion(
        id="",  # what is kept decides it
        topic=topic,
        base=base.id,
        parent=champion.id,
        data_fingerprint=example_fingerprint(ordered),
        seed=base.seed,
        heads=tuple(dict.fromkeys([*base.heads, *(name for name, _ in learnt.corrections)])),
        temperature=learnt.temperature,
        metrics=compare(ordered, learnt.held_out, before),
        confusion=audit_confusion(ordered, learnt.held_out),
        minutes=round((monotonic() - started) / 60, 2),
        created_at=datetime.now(UTC),
        learnt=tuple(sorted(asked for asked in learnt.corrections if asked[0] not in base.heads)),
    )
    kept = _keep(registry, described, ordered, learnt)
    progress("done", 1.0)
    known = read_held_out(registry.path(champion.id))
    return AdaptationResult(
        kept,
        _by_key(ordered, learnt.held_out),
        _by_key(ordered, before),
        frozenset(e.key for e in ordered if e.digest not in known),
        frozenset(e.key for e in ordered if not champion.answers(e.head, e.target)),
        frozenset(learnt.corrections) | frozenset(read_corrections(registry.path(champion.id))),
    )


def _learn(base: ModelVersion, examples: Sequence[Example], read: Mapping[Asked, Read]) -> _Learnt:
    """Return what the examples teach, with what was read about each of them."""
    corrections, logits = _cross_fitted(examples, read)
    temperature: dict[str, Temperature] = {e.head: 1.0 for e in examples}
    temperature |= base.temperature
    # A temperature that suits one question is a part of its correction: no other one is changed.
    factors = fitted_factors(examples, logits, temperature, corrections)
    corrections = {asked: one.divided(factors[asked]) for asked, one in corrections.items()}
    logits = [
        row / factors.get((e.head, e.target), 1.0) for e, row in zip(examples, logits, strict=True)
    ]
    return _Learnt(corrections, temperature, calibrated(examples, logits, temperature))


def _keep(
    registry: Registry, described: ModelVersion, examples: Sequence[Example], learnt: _Learnt
) -> ModelVersion:
    """Put a candidate into the registry, whole or not at all; return it with its id."""
    workspace = registry.workspace()
    weights = save_corrections(workspace, learnt.corrections)
    said = zip(examples, learnt.held_out, strict=True)
    write_held_out(workspace, {one.digest: [float(p) for p in answer] for one, answer in said})
    beside = {
        "base": described.base,
        "temperature": described.temperature,
        "topic": described.topic,
    }
    return registry.add(workspace, replace(described, id=content_id([weights], beside)))


def _by_key(
    examples: Sequence[Example], answers: Sequence[Logits]
) -> Mapping[Key, tuple[float, ...]]:
    return {e.key: tuple(map(float, p)) for e, p in zip(examples, answers, strict=True)}


def _silent(_stage: str, _share: float) -> None:
    """Report progress to nobody."""


def _never() -> bool:
    """Never stop the work."""
    return False


@dataclass(frozen=True)
class _Reader:
    """Lets a version's base read examples."""

    cache: Path | None
    threads: int | None
    progress: Progress
    should_stop: Callable[[], bool]

    def read(self, folder: Path, examples: Sequence[Example]) -> dict[Asked, Read]:
        """Return what the base of the version in a folder reads about the examples."""
        scorer = load_scorer(folder, threads=self.threads, cache=self.cache)
        found, done = {}, 0
        for asked, places in _by_question(examples).items():
            # Texts of like length share batches; a batch is read faster the fuller it is.
            order = sorted(places, key=lambda place: len(examples[place].text))
            parts = []
            for start in range(0, len(order), READ_AT_ONCE):
                if self.should_stop():
                    raise TrainingStoppedError
                some = [examples[place].text for place in order[start : start + READ_AT_ONCE]]
                parts.append(_read(scorer, asked, some))
                self.progress("reading the labelled posts", 0.9 * (done + start) / len(examples))
            done += len(order)
            logits, features = (np.concatenate(each) for each in zip(*parts, strict=True))
            found[asked] = Read(np.array(order), logits, features)
        return found


def _read(scorer: Scorer, asked: Asked, texts: Sequence[str]) -> tuple[Array, Array]:
    """Return logits, (rows, labels), and features, (rows, features), of texts about one question.

    The logits are zeros where the base does not know the head.
    """
    name, target = asked
    reading = scorer.read(texts, [target] * len(texts) if target else None)
    unknown = np.zeros((len(texts), len(head(name).labels)), dtype=np.float32)
    features = reading.post if reading.about is None else reading.about
    return reading.logits.get(name, unknown), features


def _cross_fitted(
    examples: Sequence[Example], read: Mapping[Asked, Read]
) -> tuple[dict[Asked, Correction], list[Logits]]:
    """Return the topic's corrections, and each example's logits from one that had not seen it.

    What is asked too rarely to learn from, or to be judged, keeps the base's logits.
    """
    logits: dict[int, Logits] = {}
    corrections: dict[Asked, Correction] = {}
    part, judged = parts_of(examples), judged_questions(examples)
    for asked, about in read.items():
        parts = np.array([part[examples[place].text] for place in about.places])
        found = about.logits
        if asked in judged and (parts != FROZEN_TEST).sum() >= FEWEST // 2:
            labels = np.array([examples[place].label_index for place in about.places])
            found, corrections[asked] = _chosen(about, labels, parts)
        logits |= zip(about.places.tolist(), found, strict=True)
    return corrections, [logits[place] for place in range(len(examples))]


def _by_question(examples: Sequence[Example]) -> dict[Asked, list[int]]:
    """Return the numbers of the examples by what they are asked."""
    places: dict[Asked, list[int]] = {}
    for place, example in enumerate(examples):
        places.setdefault((example.head, example.target), []).append(place)
    return places


def _chosen(about: Read, labels: Labels, parts: Labels) -> tuple[Array, Correction]:
    """Return the logits out of fold, (rows, labels), and the final correction.

    Both with the last penalty, from the strongest on, that still answers better out of fold than
    the one before, the base before the first; the frozen test has no say in it, so what is learnt
    from all rows but the frozen test's is the final correction.
    """
    space, open_ = Space(about.features), parts != FROZEN_TEST
    made: dict[int, Correction] = {}
    nothing = Correction.nothing(about.features.shape[1], about.logits.shape[1])
    of_base = log_loss(labels[open_], _probabilities(about.logits[open_]))
    best = (of_base, about.logits, {FROZEN_TEST: nothing})
    for penalty in PENALTIES:
        found = about.logits.copy()
        for part in (*range(FOLDS), FROZEN_TEST):
            learnt_from, rows = np.flatnonzero(open_ & (parts != part)), parts == part
            made[part] = space.fitted(learnt_from, about.logits, labels, penalty, made.get(part))
            found[rows] = made[part].corrected(about.logits[rows], about.features[rows])
        missed = log_loss(labels[open_], _probabilities(found[open_]))
        if missed >= best[0]:
            break
        best = (missed, found, dict(made))
    return best[1], best[2][FROZEN_TEST]


def _probabilities(logits: Array) -> Array:
    """Return logits as probabilities."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _champion_answers(
    folder: Path,
    champion: ModelVersion,
    examples: Sequence[Example],
    read: Mapping[Asked, Read],
) -> list[NDArray[np.float32]]:
    """Return the champion's probabilities of the examples.

    For an example that it learnt from, what it said out of fold: nobody is judged by what it
    has learnt by heart. Of a question that it does not answer, the mix of the labels.
    """
    corrections = read_corrections(folder)
    answered: dict[int, Logits] = {}
    for asked, about in read.items():
        found = about.logits
        if asked in corrections:
            found = corrections[asked].corrected(about.logits, about.features)
        answered |= zip(about.places.tolist(), found, strict=True)
    logits = [answered[place] for place in range(len(examples))]
    known = read_held_out(folder)
    temperature: dict[str, Temperature] = {e.head: 1.0 for e in examples}
    temperature |= champion.temperature
    fresh = calibrated(examples, logits, temperature)
    mixes = mixes_out_of_fold(examples, parts_of(examples))
    return [
        np.array(known.get(example.digest, answer), dtype=np.float32)
        if champion.answers(example.head, example.target)
        else mix
        for example, answer, mix in zip(examples, fresh, mixes, strict=True)
    ]
