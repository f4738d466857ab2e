"""What a few labels of an unseen target are worth: ``python benchmarks/few_labels.py``.

Takes #MeToo and one COVID-19 target, which the shipped model has not seen, draws labels at
random, adapts as ``monitor retrain`` does and judges on posts that were not drawn: macro F1, and
the error of plain shares over twenty days whose mixes shift (posts drawn by label; mean absolute
error over labels). Also what adapting costs: minutes, and macro recall of sentiment before and
after on its validation set.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from classifiers.adaptation import adapt
from classifiers.asked import Asked, AskedPost
from classifiers.batches import encode
from classifiers.dataset import LabelledText, read_labelled
from classifiers.encoder import Classifier
from classifiers.evaluation import Labels, macro_f1, macro_recall
from classifiers.examples import Example
from classifiers.fitting import predict_logits
from classifiers.heads import head
from classifiers.model_config import TOKENIZER_FILE
from classifiers.model_files import load_model
from classifiers.registry import PRETRAINED, Registry
from classifiers.tokenisation import POST_TOKENS, Tokeniser

DATA = Path(__file__).parents[2] / "shared" / "data"
STANCE = head("stance")
DAYS = 20
POSTS_A_DAY = 150


def predicted(model: Classifier, rows: Sequence[LabelledText], name: str) -> Labels:
    """Return the most probable label of each row."""
    tokeniser = Tokeniser(PRETRAINED / TOKENIZER_FILE)
    asked = [AskedPost(row.text, (Asked(row.target, {}),) if row.target else ()) for row in rows]
    logits = predict_logits(model, encode(asked, tokeniser, post_tokens=POST_TOKENS))[name]
    return np.array([int(each.reshape(-1).argmax()) for each in logits])


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
    parser.add_argument("--judged", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(2)
    metoo = read_labelled(DATA / "stance_metoo" / "all.jsonl", STANCE)
    covid = read_labelled(DATA / "stance_covid19" / "train.jsonl", STANCE)
    masks = [row for row in covid if row.target == "face masks"]
    general = read_labelled(DATA / "sentiment_semeval2017" / "val.jsonl", head("sentiment"))[:600]
    for name, rows in (("#MeToo", metoo), ("face masks", masks)):
        random = np.random.default_rng(options.seed)
        order = random.permutation(len(rows))
        pool = [rows[i] for i in order[: max(options.labels)]]
        judged = [rows[i] for i in order[max(options.labels) :][: options.judged]]
        truth = np.array([row.labels["stance"] for row in judged])
        for count in options.labels:
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                registry = Registry(Path(folder) / "models")
                path = PRETRAINED
                if count:
                    made = adapt(registry, "topic", examples_of(pool[:count]), seed=options.seed)
                    path = registry.path(made.version.id)
                minutes = (time.monotonic() - started) / 60
                model = load_model(path)
            guess = predicted(model, judged, "stance")
            kept = macro_recall(
                np.array([row.labels["sentiment"] for row in general]),
                predicted(model, general, "sentiment"),
            )
            error = share_error(truth, guess, np.random.default_rng(1))
            print(
                f"{name:12} {count:4} labels  macro F1 {100 * macro_f1(truth, guess):5.1f}  "
                f"share error {error:.3f}  sentiment {100 * kept:.1f}  {minutes:.1f} min",
                flush=True,
            )


if __name__ == "__main__":
    main()
