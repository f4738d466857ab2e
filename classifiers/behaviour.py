"""Whether a version still does what no labels may unteach: ``behaviour.toml`` asked of it."""

import tomllib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
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


@dataclass(frozen=True)
class Answered:
    """What a version said to one test: a label per text."""

    probe: Probe
    said: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether it said what was expected: ``probe.label``, or the same each time."""
        wanted = self.probe.label or self.said[0]
        return all(label == wanted for label in self.said)

    @property
    def first_said(self) -> dict[str, str]:
        """Return, by what was said, the first text of which it was."""
        found: dict[str, str] = {}
        for label, text in zip(self.said, self.probe.texts, strict=True):
            found.setdefault(label, text)
        return found


def ask_all(scorer: AnswersPairs) -> list[Answered]:
    """Return what a version says to every test that it can answer, by head."""
    tests = [one for one in behaviour_tests() if scorer.answers(one.head, one.target)]
    answered = []
    for name in sorted({one.head for one in tests}):
        of_head = [one for one in tests if one.head == name]
        texts = [text for one in of_head for text in one.texts]
        targets = [one.target for one in of_head for _ in one.texts]
        if head(name).takes_target:
            scores = scorer.score_pairs(texts, targets, heads=[name])[0]
        else:
            scores = scorer.score(texts, heads=[name])[0]
        labels = iter([head(name).labels[n] for n in scores.probabilities.argmax(axis=1)])
        answered += [Answered(one, tuple(islice(labels, len(one.texts)))) for one in of_head]
    return answered


def examine(scorer: AnswersPairs) -> dict[str, tuple[int, int]]:
    """Return how many tests a version passes, and of how many, by what they are about."""
    return counted(ask_all(scorer))


def counted(answered: Sequence[Answered]) -> dict[str, tuple[int, int]]:
    """Return how many tests were passed, and of how many, by what they are about."""
    found: dict[str, list[bool]] = defaultdict(list)
    for one in answered:
        found[f"{one.probe.head}, {one.probe.about}"].append(one.passed)
    return {about: (sum(passed), len(passed)) for about, passed in sorted(found.items())}


def failures_table(answered: Sequence[Answered]) -> str:
    """Return the tests that were not passed as a card's table, in Markdown."""
    lines = ["| asked | about | post, and what was said | right |", "|---|---|---|---|"]
    for one in (one for one in answered if not one.passed):
        asked = f"{one.probe.head} {one.probe.target and f'({one.probe.target})'}".strip()
        said = "; ".join(f"“{text}”: {label}" for label, text in one.first_said.items())
        right = one.probe.label or "the same of each"
        lines.append(f"| {asked} | {one.probe.about} | {said} | {right} |")
    return "\n".join(lines) + "\n"


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
