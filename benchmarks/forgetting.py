"""What a topic's labels cost elsewhere: ``python benchmarks/forgetting.py``.

Draws 200 sentiment labels of the airlines' series, adapts as ``monitor retrain`` does, and judges
the version on the airlines' other posts and on a general set (SemEval 2017's validation rows):
macro recall, and the mean absolute error of the plain shares, of the base, of the version, and of
the version without the constants of its correction, which carry the topic's mix of labels.
(What is learnt about a target answers for that target alone, so stance is forgotten nowhere else.)
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from classifiers.adaptation import adapt
from classifiers.correction import Array, Correction, Labels, read_corrections
from classifiers.evaluation import macro_recall
from classifiers.examples import Example
from classifiers.heads import head
from classifiers.registry import PRETRAINED, Registry
from classifiers.runtime import load_scorer

DATA = Path(__file__).parents[2] / "shared" / "data"
SENTIMENT = head("sentiment")
READ = 1500

Rows = list[dict[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    topic = rows_of(DATA / "series_airline2015" / "posts.jsonl")
    topic = [topic[index] for index in random.permutation(len(topic))[:READ]]
    general = rows_of(DATA / "sentiment_semeval2017" / "val.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        ours, theirs = read(topic, cache), read(general, cache)
        print(f"{'':44}{'topic':>20}{'general':>20}")
        show("base", [(judged(*ours), judged(*theirs))])
        whole, bare = [], []
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(topic))
            known, rest = order[: options.labels], order[options.labels :]
            learnt = learn([topic[index] for index in known], Path(folder) / str(seed), cache)
            others = tuple(part[rest] for part in ours)
            for kept, found in ((whole, learnt), (bare, replace(learnt, bias=learnt.bias * 0))):
                kept.append((judged(*others, found), judged(*theirs, found)))
        show(f"after {options.labels} labels (mean of {options.seeds} draws)", whole)
        show("without the correction's constants", bare)


def rows_of(path: Path) -> Rows:
    """The labelled rows of a file."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row.get("label") in SENTIMENT.labels]


def read(rows: Rows, cache: Path) -> tuple[Array, Array, Labels]:
    """What the base answers and reads about rows, (rows, labels) and (rows, features); labels."""
    scorer = load_scorer(PRETRAINED, cache=cache)
    reading = scorer.read([row["text"] for row in rows], None)
    labels = np.array([SENTIMENT.labels.index(row["label"]) for row in rows])
    return reading.logits["sentiment"], reading.post, labels


def learn(rows: Rows, folder: Path, cache: Path) -> Correction:
    """The correction that some labels teach."""
    examples = [
        Example(row["id"], row["text"], "sentiment", "", row["label"], True) for row in rows
    ]
    registry = Registry(folder)
    made = adapt(registry, "airlines", examples, cache=cache)
    return read_corrections(registry.path(made.version.id))["sentiment", ""]


def judged(
    logits: Array, features: Array, labels: Labels, correction: Correction | None = None
) -> tuple[float, float]:
    """Macro recall and the mean absolute error of the plain shares."""
    answers = logits if correction is None else correction.corrected(logits, features)
    guess = answers.argmax(axis=1)
    shares = [np.bincount(of, minlength=3) / len(labels) for of in (guess, labels)]
    return macro_recall(labels, guess), float(np.abs(shares[0] - shares[1]).mean())


def show(name: str, found: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    """Print the means of some figures."""
    means = np.mean(found, axis=0)
    told = "".join(f"{100 * recall:>12.1f} ({error:.3f})" for recall, error in means)
    print(f"{name:44}{told}", flush=True)


if __name__ == "__main__":
    main()
