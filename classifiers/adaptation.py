"""Adapting the model to a topic by a few labels.

The shipped base's upper layers and heads are trained on all labels of the topic. The examples
are split into folds, and a model per fold gives each example an answer from a model that has not
seen it; from some number of labels on a part is a frozen test that no version of the topic trains
on. How they are split is said in ``classifiers.split``.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from classifiers.asked import Asked, AskedPost
from classifiers.batches import UNLABELLED, Batch, Encoded, encode, group
from classifiers.encoder import Classifier
from classifiers.errors import TrainingStoppedError
from classifiers.examples import (
    FOLDS,
    FROZEN_TEST,
    Example,
    Key,
    checked,
    example_fingerprint,
)
from classifiers.fitting import FitSettings, class_weights, fit, predict_logits
from classifiers.gate import (
    Logits,
    audit_confusion,
    beats_champion,
    calibrated,
    compare,
    fitted_temperatures,
)
from classifiers.heads import head
from classifiers.held_out import HELD_OUT_FILE, read_held_out
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import load_model, save_weights
from classifiers.registry import ModelVersion, Registry
from classifiers.split import parts_of
from classifiers.tokenisation import POST_TOKENS, Tokeniser
from classifiers.version import content_id

__all__ = ["AdaptationResult", "Example", "adapt", "beats_champion"]

TRAINED_LAYERS = 3
EPOCHS = 8
BATCH_TOKENS = 768
KEPT_TOKENS = 400_000
"""So many tokens' states are kept between epochs (1.2 GB at a width of 768)."""
LEARNING_RATE = 1e-4
CLASS_WEIGHT_POWER = 0.25

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class AdaptationResult:
    """A candidate version, and what models that had not seen them say of the examples.

    Attributes:
        version: The candidate, in the registry.
        held_out: By ``Example.key``, calibrated probabilities in the order of the head's
            labels.
        champion: The same of the champion, of examples that it was made from by models of its
            own that had not seen them.
        new: The examples that the champion was not made from.
    """

    version: ModelVersion
    held_out: Mapping[Key, tuple[float, ...]]
    champion: Mapping[Key, tuple[float, ...]]
    new: frozenset[Key]


def adapt(
    registry: Registry,
    topic: str,
    examples: Sequence[Example],
    *,
    seed: int = 0,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> AdaptationResult:
    """Train a candidate on a topic's labels, judge it beside the champion, and keep it.

    The same examples in any order, seed and number of threads give the same version.

    Args:
        registry: Where the candidate goes.
        topic: The topic's name.
        examples: All labels of the topic, every head together.
        seed: Of the order of the examples and the dropout.
        progress: Told what is being done and the share of the whole that is done.
        should_stop: Asked after every step; training ends when it says yes.

    Raises:
        BadExampleError: An example does not fit its head, or there are too few of one head.
        TrainingStoppedError: ``should_stop`` said yes; nothing was kept.
    """
    started = monotonic()
    progress = progress or _silent
    ordered = sorted(checked(examples), key=lambda example: example.key)
    base, champion = registry.shipped(), registry.champion(topic)
    tuning = _Tuning(registry.path(base.id), ordered, seed, progress, should_stop or _never)
    logits, final = tuning.cross_fit()
    temperature = {**base.temperature, **fitted_temperatures(ordered, logits)}
    held_out = calibrated(ordered, logits, temperature)
    progress("comparing with the champion", 0.95)
    before = _champion_answers(registry.path(champion.id), champion, tuning)
    workspace = registry.workspace()
    weights = save_weights(workspace, _trained_tensors(final))
    _write_held_out(workspace / HELD_OUT_FILE, ordered, held_out)
    version = ModelVersion(
        id=content_id(weights, {"base": base.id, "temperature": temperature, "topic": topic}),
        topic=topic,
        base=base.id,
        parent=champion.id,
        data_fingerprint=example_fingerprint(ordered),
        seed=seed,
        heads=base.heads,
        temperature=temperature,
        metrics=compare(ordered, held_out, before),
        confusion=audit_confusion(ordered, held_out),
        minutes=round((monotonic() - started) / 60, 2),
        created_at=datetime.now(UTC),
    )
    kept = registry.add(workspace, version)
    progress("done", 1.0)
    known = read_held_out(registry.path(champion.id))
    return AdaptationResult(
        kept,
        _by_key(ordered, held_out),
        _by_key(ordered, before),
        frozenset(e.key for e in ordered if e.digest not in known),
    )


def _by_key(
    examples: Sequence[Example], answers: Sequence[Logits]
) -> Mapping[Key, tuple[float, ...]]:
    return {e.key: tuple(map(float, p)) for e, p in zip(examples, answers, strict=True)}


def _silent(_stage: str, _share: float) -> None:
    """Report progress to nobody."""


def _never() -> bool:
    """Never stop the training."""
    return False


class _Tuning:
    """Trains models on parts of the examples, always from the same base."""

    def __init__(
        self,
        base: Path,
        examples: Sequence[Example],
        seed: int,
        progress: Progress,
        should_stop: Callable[[], bool],
    ) -> None:
        self.examples = examples
        posts, self._places = _posts_of(examples)
        self._encoded = encode(posts, Tokeniser(base / TOKENIZER_FILE), post_tokens=POST_TOKENS)
        parts = parts_of(examples)
        self._parts = np.array([parts[post.text] for post in posts])
        self._model = load_model(base)
        self._seed = seed
        self._progress = progress
        self._should_stop = should_stop

    def cross_fit(self) -> tuple[list[Logits], Classifier]:
        """Return each example's logits from a model that has not seen it, and the final model."""
        logits: list[Logits] = [np.zeros(0, dtype=np.float32)] * len(self.examples)
        for fold in (*range(FOLDS), FROZEN_TEST):
            name = "the final model" if fold == FROZEN_TEST else f"fold {fold + 1} of {FOLDS}"
            trained_on = np.flatnonzero((self._parts != fold) & (self._parts != FROZEN_TEST))
            model = self._train(trained_on, name, fold % (FOLDS + 1) / (FOLDS + 1) * 0.95)
            self.predict(model, np.flatnonzero(self._parts == fold), logits)
        return logits, model

    def predict(self, model: Classifier, posts: NDArray[np.int64], into: list[Logits]) -> None:
        """Put what the model says of the examples with those posts into the list."""
        if not len(posts):
            return
        answers = predict_logits(model, [self._encoded[post] for post in posts])
        row_of = {int(post): row for row, post in enumerate(posts)}
        for index, (post, target) in enumerate(self._places):
            if post in row_of:
                found = answers[self.examples[index].head][row_of[post]]
                into[index] = found if target is None else found[target]

    @property
    def all_posts(self) -> NDArray[np.int64]:
        """Return the numbers of all posts."""
        return np.arange(len(self._encoded))

    def _train(self, posts: NDArray[np.int64], name: str, done: float) -> Classifier:
        """Return a model trained on those posts."""
        model = _held(copy.deepcopy(self._model))
        rows = [self._encoded[post] for post in posts]
        batches = self._batches(model, rows)
        weights = _class_weights(rows)
        settings = FitSettings(LEARNING_RATE, label_smoothing=0.1, class_weights=weights)

        def after_step(step: int, _loss: float) -> None:
            if self._should_stop():
                raise TrainingStoppedError
            self._progress(name, done + 0.95 * step / len(batches) / (FOLDS + 1))

        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            fit(model, batches, settings, after_step=after_step)
        return model

    def _batches(self, model: Classifier, rows: Sequence[Encoded]) -> list[Batch]:
        """Return the batches of all epochs; what the held layers make of them is kept."""
        random = np.random.default_rng(self._seed)
        epoch = group(rows, batch_tokens=BATCH_TOKENS, padding=model.shape.padding, random=random)
        if sum(batch.posts.numel() + batch.targets.numel() for batch in epoch) <= KEPT_TOKENS:
            with torch.no_grad():
                epoch = [
                    replace(batch, lower=model.lower(batch.posts, batch.targets)) for batch in epoch
                ]
        return [epoch[i] for _ in range(EPOCHS) for i in random.permutation(len(epoch))]


def _posts_of(
    examples: Sequence[Example],
) -> tuple[list[AskedPost], list[tuple[int, int | None]]]:
    """Return the examples' posts, each once, and each example's post and target among them."""
    posts: dict[str, list[Example]] = {}
    places: list[tuple[int, int | None]] = []
    numbers = {text: number for number, text in enumerate(dict.fromkeys(e.text for e in examples))}
    for example in examples:
        held = posts.setdefault(example.text, [])
        asked = sum(bool(each.target) for each in held)
        places.append((numbers[example.text], asked if example.target else None))
        held.append(example)
    return [_asked_post(text, held) for text, held in posts.items()], places


def _asked_post(text: str, examples: Sequence[Example]) -> AskedPost:
    """Return a post with what its examples ask."""
    return AskedPost(
        text,
        tuple(Asked(e.target, {e.head: e.label_index}) for e in examples if e.target),
        {e.head: e.label_index for e in examples if not e.target},
    )


def _class_weights(rows: Sequence[Encoded]) -> dict[str, Tensor]:
    """Return, for each head with an answer, the weights of its labels."""
    names = sorted({name for row in rows for name in row.labels})
    labels = {
        name: [n for row in rows for n in row.labels.get(name, []) if n != UNLABELLED]
        for name in names
    }
    return {
        name: class_weights(held, len(head(name).labels), CLASS_WEIGHT_POWER)
        for name, held in labels.items()
    }


def _held(model: Classifier) -> Classifier:
    """Return the model with all but its upper layers and its heads held fast."""
    model.requires_grad_(False)
    model.hold(len(model.layers) - TRAINED_LAYERS)
    for layer in model.layers[model.held_layers :]:
        layer.requires_grad_(True)
    model.heads.requires_grad_(True)
    return model


def _trained_tensors(model: Classifier) -> dict[str, Tensor]:
    """Return the tensors that training may have changed."""
    return {name: held.data for name, held in model.named_parameters() if held.requires_grad}


def _champion_answers(folder: Path, champion: ModelVersion, tuning: _Tuning) -> list[Logits]:
    """Return the champion's probabilities of the examples.

    For an example that it trained on, what its own fold model said: nobody is judged by
    what it has learnt by heart.
    """
    logits: list[Logits] = [np.zeros(0, dtype=np.float32)] * len(tuning.examples)
    tuning.predict(load_model(folder), tuning.all_posts, logits)
    known = read_held_out(folder)
    fresh = calibrated(tuning.examples, logits, champion.temperature)
    return [
        np.array(known.get(example.digest, answer), dtype=np.float32)
        for example, answer in zip(tuning.examples, fresh, strict=True)
    ]


def _write_held_out(path: Path, examples: Sequence[Example], held_out: Sequence[Logits]) -> None:
    """Keep the held-out probabilities for when this version is the champion to beat."""
    kept = {
        example.digest: [float(value) for value in answer]
        for example, answer in zip(examples, held_out, strict=True)
    }
    path.write_text(json.dumps(kept), encoding="utf-8")
