"""What each choice of the small model's recipe is worth: `python benchmarks/ablations.py`.

Trains the small model (`config/training-small.toml`) a few hundred steps for each choice, once with
the choice and once without, on the same posts in the same order, and judges each by the validation
sets. Other seeds (first weights of the heads, dropout) show how much of a difference is chance.

    python benchmarks/ablations.py --checkpoints /tmp/ablations [--only "labels alone"]

The folder keeps the teacher's answers (some 30 minutes at first) and each result: what has one is
not trained again, so that several processes can share the work and an interrupted one go on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from classifiers.assessment import UNRELATED, assess
from classifiers.augmentation import TargetAugmentation
from classifiers.heads.stance import HEAD as STANCE
from classifiers.masked_language import MaskedLanguageSettings
from classifiers.model_config import TOKENIZER_FILE
from classifiers.recipe import Recipe, read_recipe
from classifiers.starting_weights import write_tokenizer
from classifiers.tokenisation import Tokeniser
from classifiers.training import start, train
from classifiers.training_batches import make_batches, make_teacher, read_training_data

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Variant:
    """A change of the recipe, and what is added to the seed of weights and dropout."""

    change: Callable[[Recipe], Recipe]
    seed: int = 0


def _alone(recipe: Recipe) -> Recipe:
    return replace(recipe, teacher=None, unlabelled=())


def _labelled_only(recipe: Recipe) -> Recipe:
    return replace(recipe, unlabelled=())


def _labels_too(recipe: Recipe) -> Recipe:
    assert recipe.teacher is not None
    return replace(recipe, teacher=replace(recipe.teacher, weight=0.6))


def _plain_targets(recipe: Recipe) -> Recipe:
    return replace(_alone(recipe), targets=TargetAugmentation(0.0, 0.0, 0.0))


def _equal_classes(recipe: Recipe) -> Recipe:
    """Without a teacher, whose answers are no classes."""
    return replace(_alone(recipe), run=replace(recipe.run, class_weight_power=0.0))


def _unsmoothed(recipe: Recipe) -> Recipe:
    return replace(_alone(recipe), run=replace(recipe.run, label_smoothing=0.0))


def _mixed_evenly(recipe: Recipe) -> Recipe:
    stance = [part for part in recipe.sets if part.head == STANCE.name]
    rows = sum(part.rows for part in stance) // len(stance)
    sets = [replace(part, rows=rows) if part in stance else part for part in recipe.sets]
    return replace(_alone(recipe), sets=tuple(sets))


def _as_sure_as_it_is(recipe: Recipe) -> Recipe:
    assert recipe.teacher is not None
    return replace(recipe, teacher=replace(recipe.teacher, temperature=1.0))


def _equal_layers(recipe: Recipe) -> Recipe:
    return replace(recipe, run=replace(recipe.run, layer_decay=1.0))


def _averaged(recipe: Recipe) -> Recipe:
    return replace(recipe, run=replace(recipe.run, average_from=0.5))


def _reading_first(recipe: Recipe) -> Recipe:
    settings = MaskedLanguageSettings("unlabelled_tweets", 20_000, 2e-4, 4096)
    return replace(recipe, masked_language=settings)


VARIANTS = {
    "the recipe": Variant(lambda recipe: recipe),
    "labels alone": Variant(_alone),
    "the recipe, second seed": Variant(lambda recipe: recipe, 1),
    "labels alone, second seed": Variant(_alone, 1),
    "masked-language training first": Variant(_reading_first),
    "labels alone, targets as labelled": Variant(_plain_targets),
    "no unlabelled posts": Variant(_labelled_only),
    "labels count too": Variant(_labels_too),
    "labels alone, all classes weigh the same": Variant(_equal_classes),
    "labels alone, not smoothed": Variant(_unsmoothed),
    "labels alone, as many rows of every stance set": Variant(_mixed_evenly),
    "the teacher at temperature 1": Variant(_as_sure_as_it_is),
    "all layers learn at one rate": Variant(_equal_layers),
    "weights averaged over the second half": Variant(_averaged),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=ROOT / "config/training-small.toml")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data")
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    recipe = read_recipe(asked.config)
    recipe = replace(recipe, run=replace(recipe.run, passes=1, steps=asked.steps))
    asked.checkpoints.mkdir(parents=True, exist_ok=True)
    for name in asked.only:
        kept = asked.checkpoints / f"{name.replace(' ', '-').replace(',', '')}.json"
        if not kept.is_file():
            kept.write_text(json.dumps(judged(recipe, VARIANTS[name], asked)), encoding="utf-8")
        show(name, json.loads(kept.read_text(encoding="utf-8")))


def judged(recipe: Recipe, variant: Variant, asked: argparse.Namespace) -> dict[str, float]:
    """Train a variant and return its figures: one for each validation set."""
    started = time.monotonic()
    changed = variant.change(recipe)
    write_tokenizer(changed.run.encoder, asked.checkpoints / TOKENIZER_FILE)
    tokeniser = Tokeniser(asked.checkpoints / TOKENIZER_FILE)
    data = read_training_data(changed, asked.data)
    teacher = make_teacher(changed, asked.checkpoints)
    batches = make_batches(changed, data, tokeniser, teacher)
    seeded = replace(changed, run=replace(changed.run, seed=recipe.run.seed + variant.seed))
    model = start(seeded, data, tokeniser)
    last = asked.checkpoints / f"last-{time.time_ns()}.pt"
    run = train(seeded, model, batches, last, resume=False)
    last.unlink()
    assessed = assess(run.model, tokeniser, recipe.validation, asked.data)
    found = {part.title: assessed.metrics[part.title][part.metric] for part in recipe.validation}
    found["unrelated answered none"] = assessed.metrics[UNRELATED]["accuracy"]
    found["steps"] = float(len(batches))
    found["minutes"] = round((time.monotonic() - started) / 60, 1)
    return found


def show(name: str, found: dict[str, float]) -> None:
    """Print a variant's line."""
    told = ", ".join(
        f"{key} {value:.1f}" if key in ("steps", "minutes") else f"{key} {100 * value:.1f}"
        for key, value in found.items()
    )
    print(f"{name}: {told}", flush=True)


if __name__ == "__main__":
    main()
