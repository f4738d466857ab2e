"""Figures are made again after a change, and only then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from monitor.dashboard.steady import SteadyFigures
from monitor.figures import Figures
from tests.dashboard_fakes import NOW, TOPIC, FakeFigures


class Counted(FakeFigures):
    made = 0

    def released(self, *args: Any, **asked: Any) -> Any:
        self.made += 1
        return super().released(*args, **asked)


def test_the_same_question_is_answered_once_until_something_changes() -> None:
    figures: Any = Counted()
    stamp = [1]
    steady = SteadyFigures(figures, lambda _: stamp[0], lambda: NOW)
    first = steady.released(TOPIC, by=("cohort",))
    assert (
        steady.released(TOPIC, by=("cohort",)) == first == figures.released(TOPIC, by=("cohort",))
    )
    assert figures.made == 2
    stamp[0] = 2
    steady.released(TOPIC, by=("cohort",))
    assert figures.made == 3


def test_other_questions_have_other_answers() -> None:
    figures: Any = FakeFigures(validated=False)
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    plain, preview = steady.released(TOPIC), steady.released(TOPIC, include_unvalidated=True)
    assert {one.share_raw for one in plain} == {None} != {one.share_raw for one in preview}
    assert steady.volumes(TOPIC) == figures.volumes(TOPIC)
    assert steady.validation(TOPIC) == figures.validation(TOPIC)


def test_what_a_reader_does_to_an_answer_changes_no_other() -> None:
    figures: Any = FakeFigures()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    steady.released(TOPIC).clear()
    assert steady.released(TOPIC)


def test_what_is_remembered_stays_within_bounds() -> None:
    figures: Any = FakeFigures()
    stamp = [0]
    steady = SteadyFigures(figures, lambda _: stamp[0], lambda: NOW)
    for n in range(200):
        stamp[0] = n
        steady.validation(TOPIC)
    assert len(steady._known) <= 64


def test_figures_are_made_again_when_a_change_may_have_become_due() -> None:
    figures: Any = Counted()
    now = [NOW]
    steady = SteadyFigures(figures, lambda _: 1, lambda: now[0])
    steady.released(TOPIC)
    steady.released(TOPIC)
    now[0] = NOW + timedelta(hours=1)
    steady.released(TOPIC)
    assert figures.made == 2


def test_no_question_goes_round_what_is_remembered() -> None:
    asked = {name for name in vars(Figures) if not name.startswith("_")}
    assert asked == {name for name in vars(SteadyFigures) if not name.startswith("_")}
