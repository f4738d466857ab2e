"""Train the shipped model: ``python -m classifiers.training --config config/training.toml``.

Starts from the packaged encoder, trains every head on the data sets that the recipe names,
judges the result, and writes it to ``classifiers/pretrained``. With ``--resume`` it goes on
from the last checkpoint. The same recipe, data, thread count and library versions give the
same weights.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from classifiers.asked import AskedPost, about_posts, about_targets
from classifiers.assessment import assess
from classifiers.augmentation import augment
from classifiers.batches import UNLABELLED, Batch, encode, group
from classifiers.dataset import (
    LabelledText,
    draw,
    fingerprint,
    read_labelled,
    with_relevance,
    without_contradictions,
)
from classifiers.encoder import Classifier
from classifiers.errors import ClassifierError
from classifiers.fitting import FitSettings, fit, make_optimizer
from classifiers.heads import all_heads, head
from classifiers.heads.relevance import HEAD as RELEVANCE
from classifiers.heads.stance import HEAD as STANCE
from classifiers.label_mix import class_weights
from classifiers.model_config import TOKENIZER_FILE, ModelConfig, write_config
from classifiers.model_files import read_weights, save_weights
from classifiers.quantisation import measure_ranges, save_ranges, without_fragile
from classifiers.recipe import Recipe, TrainingSet, read_recipe
from classifiers.starting_weights import (
    load_starting_weights,
    starting_shape,
    write_tokenizer,
)
from classifiers.tokenisation import Tokeniser
from classifiers.version import ModelVersion, content_id, write_version

PRETRAINED = Path(__file__).parent / "pretrained"
RANGE_BATCHES = 12


@dataclass(frozen=True)
class TrainingData:
    """The rows of each set of the recipe, in its order."""

    rows: tuple[list[LabelledText], ...]
    fingerprint: str


def read_training_data(recipe: Recipe, data: Path) -> TrainingData:
    """Return the training rows of every set."""
    rows = tuple(read_set(part, data) for part in recipe.sets)
    return TrainingData(rows, fingerprint(rows))


def read_set(part: TrainingSet, data: Path) -> list[LabelledText]:
    """Return the training rows of one set, cleaned."""
    rows = read_labelled(data / part.name / "train.jsonl", head(part.head))
    if part.head == STANCE.name:
        rows = without_contradictions(rows)
    return with_relevance(rows, part.relevance_words) if part.relevance_words else rows


def make_batches(recipe: Recipe, data: TrainingData, tokeniser: Tokeniser) -> list[Batch]:
    """Return every batch of the run, in order; they depend on the recipe and the data only."""
    random = np.random.default_rng(recipe.run.seed)
    batches: list[Batch] = []
    for _ in range(recipe.run.epochs):
        epoch: list[Batch] = []
        for name in sorted({part.head for part in recipe.sets}):
            drawn = _drawn(recipe, data, name, random)
            epoch += group(
                encode(drawn, tokeniser, post_tokens=recipe.run.post_tokens),
                batch_tokens=recipe.run.batch_tokens,
                padding=tokeniser.padding,
                random=random,
            )
        batches += [epoch[index] for index in random.permutation(len(epoch))]
    return batches[: recipe.run.steps]


def _drawn(
    recipe: Recipe, data: TrainingData, name: str, random: np.random.Generator
) -> list[AskedPost]:
    """Return one epoch's posts of one head's sets, augmented where it is stance."""
    drawn = [
        row
        for part, rows in zip(recipe.sets, data.rows, strict=True)
        if part.head == name
        for row in draw(rows, name, part.rows, random)
    ]
    if not head(name).takes_target:
        return about_posts(drawn)
    return augment(about_targets(drawn, recipe.run.targets_per_post), recipe.targets, random)


def fit_settings(recipe: Recipe, batches: Sequence[Batch]) -> FitSettings:
    """Return the settings of the run, the class weights from the labels in its batches."""
    weights = {}
    for known in all_heads():
        given = [batch.labels[known.name] for batch in batches if known.name in batch.labels]
        labels = torch.cat([column.flatten() for column in given]) if given else torch.zeros(0)
        power = recipe.run.class_weight_power
        answers = labels[labels != UNLABELLED].numpy().astype(np.int64)
        weights[known.name] = torch.from_numpy(
            class_weights(answers, len(known.labels), power).astype(np.float32)
        )
    run = recipe.run
    return FitSettings(
        learning_rate=run.learning_rate,
        layer_decay=run.layer_decay,
        head_rate=run.head_rate,
        warm_up=run.warm_up,
        label_smoothing=run.label_smoothing,
        class_weights=weights,
        loss_weights={RELEVANCE.name: run.relevance_weight},
        half_precision=run.precision == "bf16" or (run.precision == "auto" and bf16_gains()),
    )


def bf16_gains() -> bool:
    """Return whether this processor multiplies matrices faster in bf16 than in fp32."""
    seconds = {}
    for kind in (torch.float32, torch.bfloat16):
        matrix = torch.ones(1024, 1024, dtype=kind)
        torch.mm(matrix, matrix)
        started = time.perf_counter()
        for _ in range(5):
            torch.mm(matrix, matrix)
        seconds[kind] = time.perf_counter() - started
    return seconds[torch.bfloat16] < 0.8 * seconds[torch.float32]


@dataclass
class Run:
    """A training run that can be interrupted: the model, its optimizer and the checkpoint."""

    model: Classifier
    optimizer: torch.optim.Optimizer
    checkpoint: Path
    steps: int = 0
    seconds: float = 0.0

    def resume(self) -> None:
        """Go back to the checkpoint, if there is one."""
        if self.checkpoint.is_file():
            state = torch.load(self.checkpoint, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["random"])
            self.steps, self.seconds = state["steps"], state["seconds"]

    def save(self) -> None:
        """Write the checkpoint, all or nothing."""
        temporary = self.checkpoint.with_suffix(".writing")
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "steps": self.steps,
            "seconds": self.seconds,
        }
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)


def train(recipe: Recipe, batches: Sequence[Batch], checkpoint: Path, *, resume: bool) -> Run:
    """Train a model on the batches, from the packaged encoder or from the checkpoint."""
    torch.manual_seed(recipe.run.seed)
    shape = starting_shape(recipe.run.encoder, recipe.run.layers)
    model = Classifier(shape, all_heads())
    load_starting_weights(model, recipe.run.encoder)
    model.hold(recipe.run.held_layers)
    settings = fit_settings(recipe, batches)
    report(f"precision {'bf16' if settings.half_precision else 'fp32'}", 0)
    run = Run(model, make_optimizer(model, settings), checkpoint)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if resume:
        run.resume()
    started = time.monotonic() - run.seconds
    losses: list[float] = []

    def after_step(step: int, loss: float) -> None:
        losses.append(loss)
        run.steps, run.seconds = step, time.monotonic() - started
        if step % recipe.run.checkpoint_steps == 0 or step == len(batches):
            run.save()
        if step % 50 == 0:
            report(f"step {step}/{len(batches)} loss {np.mean(losses[-50:]):.3f}", run.seconds)

    fit(
        model,
        batches,
        settings,
        optimizer=run.optimizer,
        first_step=run.steps,
        after_step=after_step,
    )
    return run


def report(message: str, seconds: float) -> None:
    """Write a line of progress with the minutes that training has taken."""
    sys.stderr.write(f"{seconds / 60:6.1f} min  {message}\n")


def write_base(run: Run, recipe: Recipe, batches: Sequence[Batch], output: Path) -> ModelVersion:
    """Write weights, tokenizer and configuration as a base; return its bare description.

    From here on the model's weights are those that were written, rounded.
    """
    names = tuple(run.model.heads)
    weights = save_weights(output, run.model.state_dict())
    run.model.load_state_dict(read_weights(output))
    seen = measure_ranges(run.model, batches[:RANGE_BATCHES])
    asking = next(batch for batch in batches if batch.targets.shape[1])
    ranges = without_fragile(run.model, seen, asking)
    labels = {name: head(name).labels for name in names}
    files = [*weights, save_ranges(output, ranges)]
    write_config(output, ModelConfig(run.model.shape, names, labels))
    write_tokenizer(recipe.run.encoder, output / TOKENIZER_FILE)
    return ModelVersion(
        id=content_id(files, {}),
        topic="",
        base="",
        parent="",
        data_fingerprint="",
        seed=recipe.run.seed,
        heads=names,
        temperature=dict.fromkeys(names, 1.0),
        minutes=round(run.seconds / 60, 1),
        created_at=datetime.now(UTC),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        recipe = _with_encoder(read_recipe(options.config), os.environ.get("MONITOR_ENCODER", ""))
        data = read_training_data(recipe, options.data)
        write_tokenizer(recipe.run.encoder, options.checkpoints / TOKENIZER_FILE)
        tokeniser = Tokeniser(options.checkpoints / TOKENIZER_FILE)
        batches = make_batches(recipe, data, tokeniser)
        report(f"{len(batches)} steps, data {data.fingerprint}", 0)
        run = train(recipe, batches, options.checkpoints / "last.pt", resume=options.resume)
        version = write_base(run, recipe, batches, options.output)
        assessed = assess(run.model, tokeniser, recipe.validation, options.data)
    except ClassifierError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return 1
    version = replace(
        version,
        data_fingerprint=data.fingerprint,
        temperature={**version.temperature, **assessed.temperature},
        metrics=assessed.metrics,
    )
    write_version(options.output, version)
    report(f"version {version.id}: {version.metrics}", run.seconds)
    return 0


def _with_encoder(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe with another encoder to start from, itself where none is named."""
    return replace(recipe, run=replace(recipe.run, encoder=name)) if name else recipe


def _parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.training", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config/training.toml"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--checkpoints", type=Path, required=True, help="a folder outside the repo")
    parser.add_argument("--output", type=Path, default=PRETRAINED)
    parser.add_argument("--threads", type=int, default=2, help="changes the sums' last digits")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return parser


if __name__ == "__main__":
    sys.exit(main())
