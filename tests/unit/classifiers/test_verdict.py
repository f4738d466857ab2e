"""The gate, on answers as they are stored: what may take over and what must not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from classifiers.behaviour import (
    Answered,
    Probe,
    behaviour_check,
    behaviour_tests,
    counted,
    failures_table,
)
from classifiers.evaluation import Labels
from classifiers.examples import FROZEN_TEST, Example
from classifiers.heads import head
from classifiers.split import FROZEN_FROM, groups_of, is_frozen, parts_of
from classifiers.verdict import FEWEST, Tolerances, Verdict, held_out_rows, judge

LABELS = head("sentiment").labels
Answers = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def answers(truth: Labels, skill: Sequence[float] | float, seed: int) -> Answers:
    """Calibrated probabilities of a model that knows the truth the better the higher its skill."""
    random = np.random.default_rng(seed)
    strength = np.broadcast_to(np.asarray(skill, dtype=float), len(truth))[:, None]
    seen = random.normal(size=(len(truth), 3)) + strength * np.eye(3)[truth]
    odds = np.exp(strength * seen)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def examples(given: Labels, cohorts: Sequence[str] | None = None) -> list[Example]:
    return [
        Example(
            str(n), f"post number {n}", "sentiment", "", LABELS[label], audit=True,
            slices={"cohort": cohorts[n] if cohorts else "public"},
        )
        for n, label in enumerate(given)
    ]  # fmt: skip


def verdict(made: list[Example], candidate: Answers, champion: Answers, new: int = 0) -> Verdict:
    """The newest `new` labels came after the champion."""
    keys = [one.key for one in made]
    said = [dict(zip(keys, map(tuple, found), strict=True)) for found in (candidate, champion)]
    since = frozenset(keys[len(keys) - new :] if new else ())
    return judge(held_out_rows(made, *said, new=since), Tolerances())


def failed(found: Verdict) -> set[str]:
    return {check.name for check in found.checks if not check.passed}


def truth_of(count: int, seed: int = 1) -> Labels:
    return np.random.default_rng(seed).integers(0, 3, count)


def flipped(truth: Labels, part: float, since: int) -> Labels:
    """The labels from a place on, a part of them wrong."""
    random = np.random.default_rng(9)
    wrong = (random.random(len(truth)) < part) & (np.arange(len(truth)) >= since)
    return np.where(wrong, (truth + random.integers(1, 3, len(truth))) % 3, truth)


def test_a_clearly_better_candidate_may_take_over() -> None:
    truth = truth_of(300)
    found = verdict(examples(truth), answers(truth, 1.6, 2), answers(truth, 0.8, 3), new=150)
    assert found.passed, found.reason
    assert "on 300 audit labels" in found.reason


@pytest.mark.parametrize("skill", [0.8, 1.6], ids=["worse", "as good"])
def test_a_candidate_that_is_not_better_with_confidence_may_not(skill: float) -> None:
    truth = truth_of(300)
    champion = answers(truth, 1.6, 2)
    candidate = champion if skill == 1.6 else answers(truth, skill, 3)
    found = verdict(examples(truth), candidate, champion)
    assert "better" in failed(found)
    assert found.reason.startswith("not better")


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_with_three_flipped_labels_in_ten_does_not_get_past(seed: int) -> None:
    truth = truth_of(400, seed)
    given = flipped(truth, 0.3, since=200)
    candidate, champion = answers(truth, 1.6, seed + 10), answers(truth, 0.8, seed + 20)
    assert verdict(examples(truth), candidate, champion, new=200).passed
    poisoned = verdict(examples(given), candidate, champion, new=200)
    assert {"new labels sentiment", "labels sentiment"} & failed(poisoned)
    assert "label review" in poisoned.reason


def test_better_on_average_and_much_worse_for_one_cohort_does_not_get_past() -> None:
    truth = truth_of(400)
    cohorts = ["employees" if n % 5 == 0 else "public" for n in range(400)]
    skill = [0.3 if cohort == "employees" else 1.8 for cohort in cohorts]
    candidate, champion = answers(truth, skill, 2), answers(truth, 1.2, 3)
    found = verdict(examples(truth, cohorts), candidate, champion)
    assert "better" not in failed(found)
    assert failed(found) == {"slice sentiment cohort employees"}
    assert "employees: log loss higher by" in found.reason


def test_better_towards_one_target_and_much_worse_towards_another_does_not_get_past() -> None:
    truth = truth_of(480)
    towards = ["the bonus" if n % 6 == 0 else "the strike" for n in range(480)]
    made = [
        replace(one, head="stance", target=target, label=head("stance").labels[label])
        for one, target, label in zip(examples(truth), towards, truth, strict=True)
    ]
    skill = [0.3 if target == "the bonus" else 1.8 for target in towards]
    found = verdict(made, answers(truth, skill, 2), answers(truth, 1.2, 3))
    assert failed(found) == {"slice stance target the bonus"}


def test_an_overconfident_candidate_does_not_get_past() -> None:
    truth = truth_of(300)
    sure = answers(truth, 1.2, 2) ** 4
    sure /= sure.sum(axis=1, keepdims=True)
    found = verdict(examples(truth), sure, answers(truth, 0.3, 3))
    assert "calibration sentiment" in failed(found)


def test_shares_under_other_mixes_must_not_become_worse() -> None:
    truth = truth_of(300)
    even = np.full((300, 3), 1 / 3)
    found = verdict(examples(truth), even, answers(truth, 1.6, 3))
    assert "prevalence sentiment" in failed(found)


def test_too_few_random_labels_judge_nothing() -> None:
    truth = truth_of(20)
    found = verdict(examples(truth), answers(truth, 1.6, 2), answers(truth, 0.3, 3))
    assert not found.passed
    assert "20 of the 25" in found.reason


@pytest.mark.parametrize(
    ("frozen", "judging"), [(1, 101), (FEWEST - 1, FEWEST + 99), (FEWEST, FEWEST)]
)
def test_the_frozen_test_judges_alone_where_it_has_enough_audit_labels(
    frozen: int, judging: int
) -> None:
    made = examples(truth_of(FROZEN_FROM))
    parts = parts_of(made)
    left = {True: frozen, False: 100}  # of the frozen test and of the folds
    for place, one in enumerate(made):
        kind = is_frozen(parts, one)
        made[place] = replace(one, audit=left[kind] > 0)
        left[kind] -= 1
    said = {one.key: (0.2, 0.3, 0.5) for one in made}
    [rows] = held_out_rows(made, said, said)
    assert len(rows.truth) == judging
    assert judge([rows], Tolerances()).checks[0].figures["sentiment_rows"] == judging


def test_posts_of_one_group_are_drawn_together() -> None:
    truth = np.repeat(truth_of(10), 40)
    many = [
        Example(str(n), f"post {n}", "sentiment", "", LABELS[label], True, group=str(n // 40))
        for n, label in enumerate(truth)
    ]
    gains = np.repeat(np.random.default_rng(4).normal(size=10), 40)
    candidate = np.where(np.eye(3)[truth] > 0, 0.5 + 0.1 * gains[:, None], 0.0)
    candidate += (1 - candidate.sum(axis=1, keepdims=True)) * (np.eye(3)[truth] == 0) / 2
    champion = np.where(np.eye(3)[truth] > 0, 0.48, 0.26)
    figures = verdict(many, candidate, champion).checks[0].figures
    assert figures["sentiment_high"] - figures["sentiment_low"] > 0.05


def test_groups_are_not_split_and_copies_are_one_group() -> None:
    made = [
        Example("1", "I walk out", "sentiment", "", "neutral", True, group="a"),
        Example("2", "another text", "sentiment", "", "neutral", True, group="a"),
        Example("3", "i  walk out", "sentiment", "", "neutral", True, group="b"),
        Example("4", "alone", "sentiment", "", "neutral", True),
    ]
    groups, parts = groups_of(made), parts_of(made)
    assert len({groups[one.text] for one in made[:3]}) == 1
    assert len({parts[one.text] for one in made[:3]}) == 1
    assert groups["alone"] != groups["I walk out"]


def test_a_test_is_frozen_from_a_thousand_texts_on_and_stays_so() -> None:
    def made(count: int) -> list[Example]:
        return [
            Example(str(n), f"post number {n}", "sentiment", "", "neutral", True,
                    group=str(n // 2), labelled=f"2020-06-01T{n:06}")
            for n in range(count)
        ]  # fmt: skip

    few, many, more = (parts_of(made(n)) for n in (FROZEN_FROM - 2, FROZEN_FROM, 1500))
    assert FROZEN_TEST not in few.values()
    frozen = {text for text, part in many.items() if part == FROZEN_TEST}
    assert 0.13 < len(frozen) / len(many) < 0.27
    assert {text for text in many if more[text] == FROZEN_TEST} == frozen


def test_behaviour_may_not_be_lost() -> None:
    before = {"stance, negation": (6, 6), "sentiment, names": (3, 3)}
    after = {"stance, negation": (3, 6), "sentiment, names": (3, 3)}
    check = behaviour_check(after, before, 0.1)
    assert not check.passed
    assert "stance, negation 6 to 3 of 6" in check.told
    assert behaviour_check(before, before, 0.0).passed


def test_a_test_that_was_not_passed_is_told_with_its_posts() -> None:
    wrong = Answered(Probe("sarcasm", "sentiment", "", "negative", ("oh great",)), ("positive",))
    moved = Answered(
        Probe("names", "stance", "the strike", "", ("Al says no", "Bo says no", "Cy says no")),
        ("against", "against", "none"),
    )
    right = Answered(Probe("names", "stance", "the strike", "", ("a", "b")), ("none", "none"))
    assert counted([wrong, moved, right]) == {
        "sentiment, sarcasm": (0, 1), "stance, names": (1, 2),
    }  # fmt: skip
    assert failures_table([wrong, moved, right]).splitlines()[2:] == [
        "| sentiment | sarcasm | “oh great”: positive | negative |",
        "| stance (the strike) | names | “Al says no”: against; “Cy says no”: none "
        "| the same of each |",
    ]


def test_every_behaviour_is_asked_with_labels_that_there_are() -> None:
    tests = behaviour_tests()
    assert {one.about for one in tests} >= {
        "negation", "sarcasm", "quoted opponents", "target swap", "names", "groups",
    }  # fmt: skip
    for one in tests:
        assert one.label in ("", *head(one.head).labels)
        assert head(one.head).takes_target == bool(one.target)
        assert one.label or len(one.texts) > 1
