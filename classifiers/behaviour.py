"""Whether a version still does what no labels may unteach: ``behaviour.toml`` asked of it."""

import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classifiers.heads import head
from classifiers.verdict import Check

FILE = Path(__file__).with_name("behaviour.toml")


class AnswersPairs(Protocol):
    """What is asked of a scorer: ``classifiers.runtime.Scorer`` is one."""

    @property
    def answers(self) -> Callable[[str, str], bool]:
        """As ``ModelVersion.answers``."""

    def score(self, texts: Sequence[str], *, heads: Sequence[str]) -> Sequence["HasProbabilities"]:
        """As ``Scorer.score``."""

    def score_pairs(
        self, texts: Sequence[str], targets: Sequence[str], *, heads: Sequence[str]
    ) -> Sequence["HasProbabilities"]:
        """As ``Scorer.score_pairs``."""


class HasProbabilities(Protocol):
    """What ``classifiers.runtime.Scores`` has."""

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(texts, labels)."""


@dataclass(frozen=True)
class Probe:
    """One thing to try: texts whose labels must be ``label``, or all alike where it is ""."""

    about: str
    head: str
    target: str
    label: str
    texts: tuple[str, ...]


@cache
def behaviour_tests(path: Path = FILE) -> tuple[Probe, ...]:
    """Return the tests in a file: one a text to expect a label of, one a text to swap words in."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    expected = [
        Probe(one["about"], one["head"], one.get("target", ""), one["label"], (text,))
        for one in tables.get("expect", ())
        for text in one["texts"]
    ]
    swapped = [
        Probe(one["about"], one["head"], one.get("target", ""), "", tuple(_filled(text, one)))
        for one in tables.get("swap", ())
        for text in one["texts"]
    ]
    return (*expected, *swapped)


def examine(scorer: AnswersPairs) -> dict[str, tuple[int, int]]:
    """Return how many tests a version passes, and of how many, by what they are about."""
    tests = [one for one in behaviour_tests() if scorer.answers(one.head, one.target)]
    found: dict[str, list[bool]] = defaultdict(list)
    for name in sorted({one.head for one in tests}):
        of_head = [one for one in tests if one.head == name]
        texts = [text for one in of_head for text in one.texts]
        targets = [one.target for one in of_head for _ in one.texts]
        if head(name).takes_target:
            scores = scorer.score_pairs(texts, targets, heads=[name])[0]
        else:
            scores = scorer.score(texts, heads=[name])[0]
        labels = [head(name).labels[n] for n in scores.probabilities.argmax(axis=1)]
        for one in of_head:
            said, labels = labels[: len(one.texts)], labels[len(one.texts) :]
            wanted = one.label or said[0]
            found[f"{name}, {one.about}"].append(all(label == wanted for label in said))
    return {about: (sum(passed), len(passed)) for about, passed in sorted(found.items())}


def behaviour_check(
    candidate: Mapping[str, tuple[int, int]],
    champion: Mapping[str, tuple[int, int]],
    tolerance: float,
) -> Check:
    """Compare what two versions pass; ``tolerance`` is the part that may be lost.

    Of what the champion does not answer nothing can be lost.
    """
    candidate = {about: found for about, found in candidate.items() if about in champion}
    tests = sum(of for _, of in candidate.values())
    passed, before = (
        sum(times for times, _ in found.values()) / max(tests, 1) for found in (candidate, champion)
    )
    lost = [
        f"{about} {champion[about][0]} to {times} of {of}"
        for about, (times, of) in candidate.items()
        if times < champion[about][0]
    ]
    told = (
        f"behavioural checks: passes {passed:.0%} of {tests}, the champion {before:.0%} (at most "
        f"{tolerance:.0%} fewer){': ' if lost else ''}{', '.join(lost)}"
    )
    figures = {"candidate": passed, "champion": before}
    return Check("behaviour", before - passed <= tolerance, told, figures)


def _filled(text: str, table: Mapping[str, Sequence[str]]) -> list[str]:
    return [text.replace("{}", word) for word in table["fill"]]
