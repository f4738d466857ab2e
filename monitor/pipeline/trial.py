"""The judgement of a candidate: by held-out answers, by posts of nobody, by the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from classifiers.adaptation import AdaptationResult
from classifiers.behaviour import behaviour_check, examine
from classifiers.evaluation import Labels
from classifiers.examples import Example
from classifiers.general_sets import Sets, general_checks, guesses, read_general_sets
from classifiers.registry import ModelVersion
from classifiers.runtime import Scorer
from classifiers.verdict import Check, Tolerances, Verdict, held_out_rows, judge, unjudged
from monitor.agreement import agreement
from monitor.store.values import Question

FEWEST_TWICE = 20
"""Texts that several annotators answered, from which on their agreement is judged."""


@dataclass(frozen=True, slots=True)
class Audited:
    """How many audit labels a question has.

    Attributes:
        shown: With the shown version's answers.
        readable: About posts that still have their texts, so that a new version can answer them.
    """

    shown: int
    readable: int


@dataclass(frozen=True, slots=True)
class Trial:
    """Judges candidates.

    Attributes:
        scorer: Gives the fast path of a version.
        tolerances: What a candidate has to show.
        general: A folder of general labelled sets, None where there is none.
        needed: Audit labels that it takes for a question's shares to be shown.
    """

    scorer: Callable[[str], Scorer]
    tolerances: Tolerances
    general: Path | None = None
    needed: int = 0

    def judge(
        self,
        examples: Sequence[Example],
        result: AdaptationResult,
        given: Mapping[Question, Sequence[Mapping[str, str]]],
        audits: Mapping[Question, Audited],
    ) -> Verdict:
        """Judges a candidate beside the champion that it was trained to follow.

        Args:
            examples: What it was made from.
            result: The training's.
            given: Every annotator's label of each text, which tell how far they agree.
            audits: The audit labels of each question.
        """
        rows = held_out_rows(
            examples, result.held_out, result.champion, new=result.new, untold=result.untold
        )
        others = [
            *unjudged(examples, result.changed),
            *self._audited(audits),
            *self._agreement(given),
            *self._tried(result.version),
        ]
        return judge(rows, self.tolerances, others=others)

    def _audited(self, audits: Mapping[Question, Audited]) -> list[Check]:
        """Whether the shares that are shown now would still be, for each question that has any."""
        checks = []
        for (name, target), found in sorted(audits.items()):
            if found.shown < self.needed:
                continue
            question = f"{name} {target}".strip()
            told = (
                f"{question}: of {found.shown} audit labels {found.readable} are about posts that "
                f"still have their texts, by which a new version can be audited (at least "
                f"{self.needed}, or its days are withheld)"
            )
            passed = found.readable >= self.needed
            checks.append(Check(f"audit {question}", passed, told, asdict(found)))
        return checks

    def _agreement(self, given: Mapping[Question, Sequence[Mapping[str, str]]]) -> list[Check]:
        """Whether annotators who answered the same texts agree, for each question."""
        checks = []
        for (name, target), texts in sorted(given.items()):
            question = f"{name} {target}".strip()
            found = agreement([list(said.values()) for said in texts])
            if found.posts < FEWEST_TWICE or found.alpha is None:
                continue
            told = (
                f"{question}: annotators agree with Krippendorff's alpha {found.alpha:.2f} on "
                f"{found.posts} texts (at least {self.tolerances.agreement})"
            )
            passed = found.alpha >= self.tolerances.agreement
            checks.append(Check(f"agreement {question}", passed, told, {"alpha": found.alpha}))
        return checks

    def _tried(self, version: ModelVersion) -> list[Check]:
        """What both versions make of posts that are nobody's labels; one is loaded at a time."""
        sets = read_general_sets(self.general)
        before, guessed_before = self._asked(version.parent, sets)
        after, guessed = self._asked(version.id, sets)
        return [
            behaviour_check(after, before, self.tolerances.behaviour),
            *general_checks(sets, guessed, guessed_before, self.tolerances.regression),
        ]

    def _asked(
        self, version: str, sets: Sets
    ) -> tuple[dict[str, tuple[int, int]], dict[str, Labels]]:
        scorer = self.scorer(version)
        return examine(scorer), guesses(scorer, sets)
