"""What 400 labels make of a topic that the shipped model has not seen.

    python benchmarks/new_topic.py [--labels 400] [--seeds 3] [--days 20]

The four COVID-19 targets, which the shipped model has not seen, play four topics: their posts are
dealt out to days whose mix of labels walks. A random part is labelled, the product's own retraining
learns it and its own estimate makes daily shares of it. Printed per target: the mean absolute error
of daily shares (over days and labels) of plain counts, before and after retraining, and of the
estimate; the part of its nominal 95 % intervals that hold the share among the posts; their width.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from few_labels import DATA, STANCE, examples_of
from numpy.typing import NDArray

from classifiers.adaptation import AdaptationResult, adapt
from classifiers.calibration import apply_temperature
from classifiers.correction import read_corrections
from classifiers.dataset import LabelledText, read_labelled
from classifiers.prevalence import Audit, Cells, estimate_shares
from classifiers.registry import PRETRAINED, Registry
from classifiers.runtime import Reading, load_scorer

STEP = 0.35
"""How far the logarithm of a label's weight moves from one day to the next."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def dealt(truth: Integers, days: int, random: np.random.Generator) -> Integers:
    """Return a day for each post, so that each label's part of the days walks."""
    walk = np.exp(np.cumsum(random.normal(0, STEP, (days, 3)), axis=0))
    chance = (walk / walk.sum(axis=0)).cumsum(axis=0)
    found: Integers = (random.random(len(truth))[:, None] > chance.T[truth]).sum(axis=1)
    return np.unique(found.clip(0, days - 1), return_inverse=True)[1]


def shares(day: Integers, values: Floats) -> Floats:
    """Return the mean of some values of each day, (days, labels)."""
    sums = np.zeros((int(day.max()) + 1, values.shape[1]))
    np.add.at(sums, day, values)
    return sums / np.bincount(day)[:, None]


def measured(
    truth: Integers, day: Integers, drawn: Integers, scores: Mapping[str, Floats]
) -> list[float]:
    """Return the errors of plain counts before and after, then error, held part and width of ours.

    Args:
        truth: Each post's label.
        day: Each post's day.
        drawn: Which posts are labelled.
        scores: Probabilities `before` and `after` retraining; of labelled posts out of fold.
    """
    hot = np.eye(len(STANCE.labels))
    right = shares(day, hot[truth])
    counted = {name: shares(day, hot[of.argmax(axis=1)]) for name, of in scores.items()}
    posts, after = np.bincount(day).astype(float), scores["after"]
    number = np.arange(len(posts))
    sums = shares(day, after) * posts[:, None]
    cells = Cells(posts, sums, np.zeros_like(number), number, counted["after"] * posts[:, None])
    ours = estimate_shares(cells, Audit(day[drawn], truth[drawn], after[drawn]))
    held = (ours.low <= right + 1e-9) & (right - 1e-9 <= ours.high)
    errors = [np.abs(of - right).mean() for of in (counted["before"], counted["after"], ours.share)]
    return [*map(float, errors), float(held.mean()), float((ours.high - ours.low).mean())]


def answers(
    registry: Registry, made: AdaptationResult, rows: Sequence[LabelledText], read: Reading
) -> Floats:
    """Return a new version's probabilities of all rows, out of fold where it has learnt a row."""
    corrections = read_corrections(registry.path(made.version.id))
    assert read.about is not None
    logits = corrections["stance", rows[0].target].corrected(read.logits["stance"], read.about)
    found = apply_temperature(logits, made.version.temperature["stance"]).astype(float)
    for place, example in enumerate(examples_of(rows)):
        found[place] = made.held_out.get(example.key, found[place])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--days", type=int, default=20)
    options = parser.parse_args()
    every = [
        row for part in ("train", "val") for row in read_labelled(DATA / f"{part}.jsonl", STANCE)
    ]
    print("target, posts: plain before, plain after, ours: error, held, width, seconds to retrain")
    found: list[list[float]] = []
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        scorer = load_scorer(PRETRAINED, cache=cache)
        shipped = Registry(Path(folder)).shipped()
        for target in sorted({row.target for row in every}):
            rows = list({row.text: row for row in every if row.target == target}.values())
            truth = np.array([row.labels["stance"] for row in rows])
            read = scorer.read([row.text for row in rows], [target] * len(rows))
            before = apply_temperature(read.logits["stance"], shipped.temperature["stance"])
            of_target = []
            for seed in range(options.seeds):
                random = np.random.default_rng(seed)
                day = dealt(truth, options.days, random)
                drawn = random.permutation(len(rows))[: options.labels]
                registry = Registry(Path(folder) / f"{target}-{seed}")
                started = time.monotonic()
                made = adapt(registry, "t", examples_of([rows[i] for i in drawn]), cache=cache)
                seconds = time.monotonic() - started
                after = answers(registry, made, rows, read)
                scores = {"before": before.astype(float), "after": after}
                of_target.append([*measured(truth, day, drawn, scores), seconds])
            found += of_target
            tell(f"{target}, {len(rows)}", of_target)
    tell("all", found)


def tell(name: str, found: list[list[float]]) -> None:
    """Print the means of one line of the table."""
    *shares_found, seconds = np.mean(found, axis=0)
    print(
        f"{name:32} {'  '.join(f'{one:.3f}' for one in shares_found)}  {seconds:.1f} s", flush=True
    )


if __name__ == "__main__":
    main()
