"""Whether a version still answers general labelled sets as well as the champion does."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from classifiers.dataset import LabelledText
from classifiers.evaluation import Labels
from classifiers.judging import answers
from classifiers.label_head import LabelHead
from classifiers.labelled_files import read_judged
from classifiers.runtime import Scorer
from classifiers.verdict import DRAWS, Check

ROWS = 400
"""Of each set; so many tell a loss of a few points."""

Sets = Mapping[str, tuple[LabelHead, Sequence[LabelledText]]]


def read_general_sets(folder: Path | None) -> Sets:
    """Return the first rows of each set in a folder: a folder each, with ``val.jsonl``.

    Raises:
        BadExampleError: A set's rows fit no head.
    """
    if folder is None:
        return {}
    found = {}
    for path in sorted(folder.glob("*/val.jsonl")):
        known, rows = read_judged(path)
        found[path.parent.name] = (known, rows[:ROWS])
    return found


def guesses(scorer: Scorer, sets: Sets) -> dict[str, Labels]:
    """Return a version's most probable label of each row, by set; of those that it answers."""
    return {
        name: answers(scorer, known, rows).argmax(axis=1)
        for name, (known, rows) in sets.items()
        if all(scorer.answers(known.name, row.target) for row in rows)
    }


def general_checks(
    sets: Sets,
    candidate: Mapping[str, Labels],
    champion: Mapping[str, Labels],
    tolerance: float,
) -> list[Check]:
    """Compare two versions' guesses on each set that both answer.

    A set fails where the head's measure is lower by more than ``tolerance``, and lower at all
    in 97.5 % of a paired bootstrap over the rows.
    """
    return [
        _check(name, *sets[name], (candidate[name], champion[name]), tolerance)
        for name in sorted(set(candidate) & set(champion))
    ]


def _check(
    name: str,
    known: LabelHead,
    rows: Sequence[LabelledText],
    guessed: tuple[Labels, Labels],
    tolerance: float,
) -> Check:
    truth = np.array([row.labels[known.name] for row in rows], dtype=np.int64)
    after, before = (known.metric(truth, guess) for guess in guessed)
    random = np.random.default_rng(0)
    lost = []
    for _ in range(DRAWS // 2):
        draw = random.integers(0, len(truth), len(truth))
        scores = [known.metric(truth[draw], guess[draw]) for guess in guessed]
        lost.append(scores[1] - scores[0])
    low = float(np.quantile(lost, 0.025))
    told = (
        f"general set {name}: {known.metric.__name__} {after:.3f} against the champion's "
        f"{before:.3f} on {len(truth)} rows (at most {tolerance} lower)"
    )
    figures = {"candidate": after, "champion": before, "low": low}
    return Check(f"general {name}", before - after <= tolerance or low <= 0, told, figures)
