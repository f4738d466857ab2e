"""Train the shipped model: ``python -m classifiers.training --config config/training.toml``.

Starts from the packaged encoder, trains every head on the data sets that the recipe names,
judges the result, and writes it to ``classifiers/pretrained``. With ``--resume`` it goes on
from the last checkpoint. The same recipe, data, thread count and library versions give the
same weights. With ``--judge`` it trains nothing: the base in ``--output`` is judged again, and
its temperatures are fitted again.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from classifiers.assessment import assess
from classifiers.batches import UNLABELLED, Batch
from classifiers.behaviour import ask_all, counted, failures_table
from classifiers.calibration import Temperature
from classifiers.encoder import Classifier
from classifiers.errors import ClassifierError, TrainingError
from classifiers.fitting import FitSettings, fit, make_optimizer
from classifiers.heads import all_heads, head
from classifiers.heads.relevance import HEAD as RELEVANCE
from classifiers.integrity import write_hashes
from classifiers.label_mix import class_weights
from classifiers.masked_language import read_the_domain
from classifiers.model_config import TOKENIZER_FILE, WEIGHTS_FILES, ModelConfig, write_config
from classifiers.model_files import load_model, read_weights, save_weights
from classifiers.recipe import Recipe, read_recipe
from classifiers.runtime import load_scorer
from classifiers.starting_weights import (
    is_base,
    load_starting_weights,
    starting_shape,
    write_tokenizer,
)
from classifiers.tokenisation import Tokeniser
from classifiers.training_batches import (
    TrainingData,
    make_batches,
    make_teacher,
    read_training_data,
)
from classifiers.training_run import LAST, Run, as_begun, in_bf16
from classifiers.version import ModelVersion, content_id, read_version, write_version

PRETRAINED = Path(__file__).parent / "pretrained"
BEHAVIOUR = "behaviour checks"
"""Under this name a base's figures tell which part of them it passes, by what they are about."""
SAME_TEMPERATURE = 1e-3


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
        half_precision=in_bf16(run),
        teacher_weight=recipe.teacher.weight if recipe.teacher else 1.0,
        teacher_temperature=recipe.teacher.temperature if recipe.teacher else 1.0,
    )


def start(recipe: Recipe, data: TrainingData, tokeniser: Tokeniser) -> Classifier:
    """Return the model that training starts from: the packaged encoder, heads drawn at random.

    With ``[masked_language]`` in the recipe, the encoder has read texts of the domain.

    Raises:
        TrainingError: There is no such encoder, or ``start_share`` asks for a base and it is none.
    """
    if recipe.run.start_share and not is_base(recipe.run.encoder):
        raise TrainingError(
            f"`start_share` keeps a part of a base's weights, and {recipe.run.encoder!r} is none",
            hint="leave it out, or let `encoder` name the folder of a base made by a recipe",
        )
    torch.manual_seed(recipe.run.seed)
    shape = starting_shape(recipe.run.encoder, recipe.run.layers)
    model = Classifier(shape, all_heads())
    load_starting_weights(model, recipe.run.encoder)
    if recipe.masked_language:
        read_the_domain(
            model,
            tokeniser,
            [row.text for row in data.texts],
            recipe.masked_language,
            post_tokens=recipe.run.post_tokens,
            seed=recipe.run.seed,
            tell=_read,
        )
    model.hold(recipe.run.held_layers)
    return model


def _read(step: int, steps: int, loss: float) -> None:
    """Tell how far masked-language training has come."""
    if step % 50 == 0 or step == steps:
        sys.stderr.write(f"masked language: step {step}/{steps} loss {loss:.3f}\n")


def train(
    recipe: Recipe, model: Classifier, batches: Sequence[Batch], checkpoint: Path, *, resume: bool
) -> Run:
    """Train a model on the batches, from where it starts or from the checkpoint."""
    settings = fit_settings(recipe, batches)
    report(f"precision {'bf16' if settings.half_precision else 'fp32'}", 0)
    before = _before(recipe, model) if recipe.run.start_share else {}
    averaged_from = recipe.run.average_from * len(batches)
    average = AveragedModel(model) if recipe.run.average_from < 1 else None
    run = Run(model, make_optimizer(model, settings), checkpoint, average)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if resume:
        run.resume()
    started = time.monotonic() - run.seconds
    losses: list[float] = []

    def after_step(step: int, loss: float) -> None:
        losses.append(loss)
        run.steps, run.seconds = step, time.monotonic() - started
        if average is not None and step > averaged_from:
            average.update_parameters(model)
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
    run.take_average()
    if before:
        lots = recipe.run.seed if recipe.run.start_lots else None
        run.mix_in(before, recipe.run.start_share, lots=lots)
    return run


def _before(recipe: Recipe, model: Classifier) -> dict[str, Tensor]:
    """Return a copy of what came from the base: a head that it lacks has no share to keep."""
    known = read_weights(Path(recipe.run.encoder)).keys()
    return {name: value.clone() for name, value in model.state_dict().items() if name in known}


def report(message: str, seconds: float) -> None:
    """Write a line of progress with the minutes that training has taken."""
    sys.stderr.write(f"{seconds / 60:6.1f} min  {message}\n")


def write_base(run: Run, recipe: Recipe, output: Path, data: str) -> None:
    """Write a base that has not been judged: its weights, tokenizer and descriptions.

    Args:
        run: What was trained.
        recipe: By which recipe.
        output: The folder to write to.
        data: The fingerprint of the rows.
    """
    names = tuple(run.model.heads)
    save_weights(output, run.model.state_dict())
    labels = {name: head(name).labels for name in names}
    write_config(output, ModelConfig(run.model.shape, names, labels))
    write_tokenizer(recipe.run.encoder, output / TOKENIZER_FILE)
    described = ModelVersion(
        id="",  # what is written decides it
        topic="",
        base="",
        parent="",
        data_fingerprint=data,
        seed=recipe.run.seed,
        heads=names,
        temperature=dict.fromkeys(names, 1.0),
        minutes=round(run.seconds / 60, 1),
        created_at=datetime.now(UTC),
    )
    _describe(output, described)


def judge_base(output: Path, recipe: Recipe, data: Path) -> str:
    """Judge the base in a folder, and describe it there with its temperatures and figures.

    Returns:
        The tables of its card, in Markdown.
    """
    version = read_version(output)
    tokeniser = Tokeniser(output / TOKENIZER_FILE)
    assessed = assess(load_model(output), tokeniser, recipe.validation, data)
    answered = ask_all(load_scorer(output))  # answers only: temperatures change none
    behaviour = {about: times / of for about, (times, of) in counted(answered).items()}
    behaviour["rows"] = float(len(answered))
    judged = replace(assessed, metrics={**assessed.metrics, BEHAVIOUR: behaviour})
    temperature = {
        name: _kept(version.temperature.get(name), fitted)
        for name, fitted in {**version.temperature, **assessed.temperature}.items()
    }
    _describe(output, replace(version, temperature=temperature, metrics=judged.metrics))
    return f"{judged.tables(read_version(output).id)}\n{failures_table(answered)}"


def _kept(before: Temperature | None, fitted: Temperature) -> Temperature:
    """Return the temperature before where the fitted one is as good as the same.

    Another processor's or number of threads' last digits are no other version of a base.
    """
    if before is None or np.shape(before) != np.shape(fitted):
        return fitted
    return before if np.allclose(before, fitted, rtol=0, atol=SAME_TEMPERATURE) else fitted


def _describe(output: Path, version: ModelVersion) -> None:
    """Write a base's description, under the id that its files and temperatures make."""
    weights = sorted(output.glob(WEIGHTS_FILES))
    made_of = content_id(weights, {"temperature": version.temperature})
    write_version(output, replace(version, id=made_of))
    write_hashes(output)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        recipe = _with_encoder(read_recipe(options.config), os.environ.get("MONITOR_ENCODER", ""))
        if not options.judge:
            _train_base(recipe, options)
        tables = judge_base(options.output, recipe, options.data)
    except ClassifierError as error:
        sys.stderr.write(f"error: {error.message}\nhint: {error.hint}\n")
        return 1
    sys.stdout.write(tables)
    return 0


def _train_base(recipe: Recipe, options: argparse.Namespace) -> None:
    """Train a base and write it."""
    if options.checkpoints is None:
        raise TrainingError(
            "training needs a folder for its checkpoints",
            hint="name one outside the repository with --checkpoints",
        )
    data = read_training_data(recipe, options.data)
    recipe = as_begun(recipe, data.fingerprint, options.checkpoints, resume=options.resume)
    write_tokenizer(recipe.run.encoder, options.checkpoints / TOKENIZER_FILE)
    tokeniser = Tokeniser(options.checkpoints / TOKENIZER_FILE)
    teacher = make_teacher(recipe, options.checkpoints)
    batches = make_batches(recipe, data, tokeniser, teacher)
    report(f"{len(batches)} steps, data {data.fingerprint}", 0)
    model = start(recipe, data, tokeniser)
    run = train(recipe, model, batches, options.checkpoints / LAST, resume=options.resume)
    write_base(run, recipe, options.output, data.fingerprint)


def _with_encoder(recipe: Recipe, name: str) -> Recipe:
    """Return the recipe with another encoder to start from, itself where none is named."""
    return replace(recipe, run=replace(recipe.run, encoder=name)) if name else recipe


def _threads(written: str) -> int:
    """Return a number of threads, or refuse what is none."""
    if written.isdecimal() and int(written) > 0:
        return int(written)
    raise argparse.ArgumentTypeError(f"{written!r} is no number of threads: 1 or more are wanted")


def _parser() -> argparse.ArgumentParser:
    """Return the command's options."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.training", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config/training.toml"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--checkpoints", type=Path, help="a folder outside the repository")
    parser.add_argument("--output", type=Path, default=PRETRAINED)
    parser.add_argument("--threads", type=_threads, default=2, help="changes the sums' last digits")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--judge", action="store_true", help="judge the base in --output alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
