"""Whether folds that mix times judge a topic's version too kindly.

A version's error on a dated series is told three ways: out of folds drawn at random, out of folds
that are blocks of time, and on the posts that nobody labelled, which is what both stand for. Beside
it a version that learnt from the first three quarters of the time alone, on posts of the same time
and of the last quarter.

    python benchmarks/time_folds.py --data ../shared/data [--posts 1200] [--labels 300] [--seeds 5]
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.adaptation import PENALTIES
from classifiers.correction import Array, Correction, Labels, Space
from classifiers.evaluation import log_loss
from classifiers.examples import FOLDS
from classifiers.heads import head
from classifiers.registry import PRETRAINED
from classifiers.runtime import load_scorer

SERIES = ("series_airline2015", "series_topics2016")
HEAD = "sentiment"
Figures = tuple[float, float]


class Series:
    """What the base reads in a series, oldest first."""

    def __init__(self, path: Path, posts: int) -> None:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        random.Random(1).shuffle(rows)
        chosen = sorted(rows[:posts], key=lambda row: str(row["created_at"]))
        reading = load_scorer(PRETRAINED).read([row["text"] for row in chosen])
        self.logits, self.features = reading.logits[HEAD], reading.post
        self.truth: Labels = np.array([head(HEAD).labels.index(row["label"]) for row in chosen])

    def learnt(self, rows: Labels, folds: Labels) -> tuple[Figures, Correction]:
        """The figures out of fold of what some rows teach, and what they teach together."""
        logits, features, truth = self.logits[rows], self.features[rows], self.truth[rows]
        space = Space(features)
        tried = []
        for penalty in PENALTIES:
            found = logits.copy()
            for fold in range(FOLDS):
                own = folds == fold
                made = space.fitted(np.flatnonzero(~own), logits, truth, penalty)
                found[own] = made.corrected(logits[own], features[own])
            tried.append((figures(found, truth), penalty))
        best, penalty = min(tried)
        return best, space.fitted(np.arange(len(rows)), logits, truth, penalty)

    def judged(self, correction: Correction, rows: Labels) -> Figures:
        """Log loss and accuracy on other rows."""
        found = correction.corrected(self.logits[rows], self.features[rows])
        return figures(found, self.truth[rows])


def figures(logits: Array, truth: Labels) -> Figures:
    """Log loss and accuracy."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return log_loss(truth, shares), float((logits.argmax(axis=1) == truth).mean())


def compare(series: Series, labels: int, seed: int) -> dict[str, Figures]:
    """One draw of labelled posts."""
    draw = np.random.default_rng(seed)
    posts = len(series.truth)
    rows = np.sort(draw.choice(posts, labels, replace=False))
    rest = np.setdiff1d(np.arange(posts), rows)
    mixed, _ = series.learnt(rows, draw.integers(0, FOLDS, labels))
    blocks, made = series.learnt(rows, np.arange(labels) * FOLDS // labels)
    last = 3 * posts // 4
    early = rows[rows < last]
    _, earlier = series.learnt(early, draw.integers(0, FOLDS, len(early)))
    return {
        "folds at random": mixed,
        "blocks of time": blocks,
        "posts without labels": series.judged(made, rest),
        "early version, same time": series.judged(earlier, rest[rest < last]),
        "early version, last quarter": series.judged(earlier, rest[rest >= last]),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--posts", type=int, default=1200)
    parser.add_argument("--labels", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args(arguments)
    for name in SERIES:
        series = Series(asked.data / name / "posts.jsonl", asked.posts)
        found = [compare(series, asked.labels, seed) for seed in range(asked.seeds)]
        for kind in found[0]:
            every: NDArray[np.float64] = np.array([one[kind] for one in found])
            (loss, right), (spread, _) = every.mean(axis=0), every.std(axis=0)
            print(f"{name:20} {kind:28} log loss {loss:.3f} ± {spread:.3f}, right {right:.3f}")


if __name__ == "__main__":
    main()
