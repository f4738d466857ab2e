"""What a few labels of an unseen target are worth: ``python benchmarks/few_labels.py``.

Takes the four COVID-19 targets, which the shipped models have not seen, draws labels at random from
their training rows, adapts as ``monitor retrain`` does and judges on the validation rows: macro
F1, and the error of plain shares over twenty days whose mixes shift (posts drawn by label; mean
absolute error over labels). Also what it takes, in seconds with loading the model.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifiers.adaptation import adapt
from classifiers.dataset import LabelledText, read_labelled
from classifiers.evaluation import Labels, macro_f1
from classifiers.examples import Example
from classifiers.heads import head
from classifiers.registry import BASES, Registry
from classifiers.runtime import load_scorer

DATA = Path(__file__).parents[2] / "shared" / "data" / "stance_covid19"
STANCE = head("stance")
DAYS = 20
POSTS_A_DAY = 150


def predicted(version: Path, rows: Sequence[LabelledText], cache: Path) -> Labels:
    """Return the most probable label of each row."""
    scorer = load_scorer(version, cache=cache)
    scores = scorer.score_pairs([r.text for r in rows], [r.target for r in rows], heads=["stance"])
    return np.asarray(scores[0].probabilities.argmax(axis=1))


def share_error(truth: Labels, guess: Labels, random: np.random.Generator) -> float:
    """Return the mean absolute error of plain shares over days with shifting mixes."""
    by_label = [np.flatnonzero(truth == label) for label in range(3)]
    errors = []
    for _ in range(DAYS):
        counts = random.multinomial(POSTS_A_DAY, random.dirichlet(np.ones(3)))
        day = np.concatenate(
            [random.choice(held, n) for held, n in zip(by_label, counts, strict=True)]
        )
        shares = [np.bincount(of[day], minlength=3) / POSTS_A_DAY for of in (truth, guess)]
        errors.append(np.abs(shares[0] - shares[1]).mean())
    return float(np.mean(errors))


def examples_of(rows: Sequence[LabelledText]) -> list[Example]:
    """Return rows as a topic's audit labels."""
    return [
        Example(row.id, row.text, "stance", row.target, STANCE.labels[row.labels["stance"]], True)
        for row in rows
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 50, 100, 200, 400])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--base", choices=BASES, default="standard")
    options = parser.parse_args()
    base = BASES[options.base]
    train, held_out = (read_labelled(DATA / f"{part}.jsonl", STANCE) for part in ("train", "val"))
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        load_scorer(base, cache=cache)
        for count in options.labels:
            f1s, errors, seconds = [], [], []
            for target in sorted({row.target for row in train}):
                judged = [row for row in held_out if row.target == target]
                truth = np.array([row.labels["stance"] for row in judged])
                pool = [row for row in train if row.target == target]
                for seed in range(options.seeds if count else 1):
                    drawn = np.random.default_rng(seed).permutation(len(pool))[:count]
                    registry = Registry(Path(folder) / f"{target}-{count}-{seed}", base)
                    started = time.monotonic()
                    path = base
                    if count:
                        examples = examples_of([pool[i] for i in drawn])
                        path = registry.path(adapt(registry, "t", examples, cache=cache).version.id)
                    seconds.append(time.monotonic() - started)
                    guess = predicted(path, judged, cache)
                    f1s.append(100 * macro_f1(truth, guess))
                    errors.append(share_error(truth, guess, np.random.default_rng(1)))
            print(
                f"{count:5} labels  macro F1 {np.mean(f1s):5.1f} (by target "
                f"{', '.join(f'{f1:.1f}' for f1 in f1s)})  share error {np.mean(errors):.3f}  "
                f"{np.mean(seconds):.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
