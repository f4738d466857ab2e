"""What a target's opposite does to the answers: ``python benchmarks/opposites.py``.

Takes posts that take a side from three validation sets (COVID-19's and VAST's targets are unseen or
rare), asks the shipped model about their target and about its opposite in several words, and prints
how often the sides are exchanged (of posts that it gives a side) and how often the answer about the
opposite is right, as the model reads the words and as the program answers
(``classifiers.opposites``).
"""

import argparse
import json
from pathlib import Path
from unittest.mock import patch

import numpy as np

from classifiers.evaluation import Labels
from classifiers.heads import head
from classifiers.registry import BASES
from classifiers.runtime import Scorer, load_scorer

DATA = Path(__file__).parents[2] / "shared" / "data"
STANCE = head("stance")
SETS = ("stance_covid19", "stance_vast", "stance_tweeteval")
WORDS = (
    "opposition to {}", "stopping {}", "people against {}", "ending {}", "banning {}",
    "a ban on {}", "an end to {}", "no to {}",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=100, help="of each set")
    parser.add_argument("--base", choices=BASES, default="standard")
    options = parser.parse_args()
    scorer = load_scorer(BASES[options.base])
    turned = np.array([STANCE.labels.index(label) for label in STANCE.opposites])
    for name in SETS:
        rows = sided(DATA / name / "val.jsonl", options.posts)
        truth = np.array([STANCE.labels.index(row["label"]) for row in rows])
        with patch("classifiers.runtime.without_opposition", lambda target: (target, False)):
            read = answers(scorer, rows)
        answered = answers(scorer, rows)
        plain = read[:, 0]
        taken = plain != STANCE.labels.index("none")
        print(f"\n{name}: {len(rows)} posts, {(plain == truth).mean():.0%} right about the target")
        print(f"{'':20}{'exchanged: read, answered':>30}{'right: read, answered':>26}")
        for number, words in enumerate(WORDS, start=1):
            both = [found[:, number] for found in (read, answered)]
            exchanged = [(each == turned[plain])[taken].mean() for each in both]
            right = [(each == turned[truth]).mean() for each in both]
            told = "".join(f"{first:>16.0%}{second:>10.0%}" for first, second in (exchanged, right))
            print(f"{words.format('...'):20}{told}", flush=True)


def sided(path: Path, count: int) -> list[dict[str, str]]:
    """Some rows that take a side, drawn at random."""
    with path.open(encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["label"] != "none"]
    random = np.random.default_rng(0)
    return [rows[index] for index in random.permutation(len(rows))[:count]]


def answers(scorer: Scorer, rows: list[dict[str, str]]) -> Labels:
    """The most probable labels about each row's target and its opposites, (rows, 1 + words)."""
    asked = ("{}", *WORDS)
    texts = [row["text"] for row in rows for _ in asked]
    targets = [words.format(row["target"]) for row in rows for words in asked]
    [scores] = scorer.score_pairs(texts, targets, heads=["stance"])
    return scores.probabilities.argmax(axis=1).reshape(len(rows), len(asked))


if __name__ == "__main__":
    main()
