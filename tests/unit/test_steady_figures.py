"""Figures are made again after a change, and only then."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from monitor.dashboard import steady as steady_module
from monitor.dashboard.selection import PageError
from monitor.dashboard.steady import SteadyFigures
from monitor.errors import StoreError
from monitor.figures import Figures
from tests.dashboard_fakes import FIRST, NOW, TOPIC, FakeFigures


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
    assert steady.released(TOPIC, by=("cohort",)) == first
    assert list(first) == figures.released(TOPIC, by=("cohort",))
    assert figures.made == 2
    stamp[0] = 2
    steady.released(TOPIC, by=("cohort",))
    assert figures.made == 3


def test_other_questions_have_other_answers() -> None:
    figures: Any = FakeFigures(validated=False)
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    plain, preview = steady.released(TOPIC), steady.released(TOPIC, include_unvalidated=True)
    assert {one.share_raw for one in plain} == {None} != {one.share_raw for one in preview}
    assert list(steady.volumes(TOPIC)) == figures.volumes(TOPIC)
    assert steady.validation(TOPIC) == figures.validation(TOPIC)


def test_the_same_days_are_the_same_object_until_something_changes() -> None:
    figures: Any = FakeFigures()
    stamp = [1]
    steady = SteadyFigures(figures, lambda _: stamp[0], lambda: NOW)
    asked: dict[str, Any] = {"since": FIRST + timedelta(days=3), "until": FIRST + timedelta(days=5)}
    for ask in (steady.released, steady.volumes, steady.changes):
        some = ask(TOPIC, **asked)
        assert {one.day for one in some} == {asked["since"], asked["since"] + timedelta(days=1)}
        assert ask(TOPIC, **asked) is some
        assert isinstance(some, tuple)  # what a reader does to an answer changes no other
        assert ask(TOPIC) is not some
        stamp[0] += 1
        assert ask(TOPIC, **asked) is not some


def test_only_some_cuts_of_an_answer_are_kept() -> None:
    figures: Any = FakeFigures()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    for n in range(50):
        steady.volumes(TOPIC, since=FIRST + timedelta(days=n))
    (answer,) = steady._known.values()
    assert len(answer.cuts) <= 16


def test_what_is_remembered_stays_within_bounds() -> None:
    figures: Any = FakeFigures()
    stamp = [0]
    steady = SteadyFigures(figures, lambda _: stamp[0], lambda: NOW)
    for n in range(200):
        stamp[0] = n
        steady.validation(TOPIC)
    assert len(steady._known) <= 64


def test_figures_are_made_again_when_a_change_may_have_become_due() -> None:
    class Waiting(Counted):
        def due(self, topic: Any) -> Any:
            return NOW + timedelta(hours=3) if self.made == 1 else None

    figures: Any = Waiting()
    now = [NOW]
    steady = SteadyFigures(figures, lambda _: 1, lambda: now[0])
    made = []
    for hours in (0, 2, 3, 3, 5):
        now[0] = NOW + timedelta(hours=hours)
        steady.released(TOPIC)
        made.append(figures.made)
    assert made == [1, 1, 2, 2, 2]


def test_figures_are_made_again_when_a_day_has_ended() -> None:
    figures: Any = Counted()
    now = [NOW]
    steady = SteadyFigures(figures, lambda _: 1, lambda: now[0])
    steady.released(TOPIC)
    now[0] = NOW + timedelta(days=1)
    steady.released(TOPIC)
    assert figures.made == 2


def test_another_range_of_days_is_cut_from_the_same_answer() -> None:
    figures: Any = Counted()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    whole = steady.released(TOPIC)
    days = sorted({one.day for one in whole})
    part = steady.released(TOPIC, since=days[3], until=days[5])
    assert list(part) == [one for one in whole if one.day in days[3:5]]
    changes = steady.changes(TOPIC, since=days[5], until=days[6])
    assert list(changes) == [one for one in steady.changes(TOPIC) if one.day == days[5]]
    assert figures.made == 1


def test_the_memory_of_large_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steady_module, "_MOST_ITEMS", 200)
    figures: Any = FakeFigures()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    for by in ((), ("cohort",), ("platform",), ("language",)):
        steady.released(TOPIC, by=by)
    assert len(steady._known) == 1  # 180 figures and more each


class Slow(Counted):
    """Makes figures when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.let.set()

    def released(self, *args: Any, **asked: Any) -> Any:
        assert self.let.wait(30)
        return super().released(*args, **asked)


def test_after_a_change_readers_see_the_earlier_figures_until_the_new_ones_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steady_module, "PATIENCE_SECONDS", 0.01)
    figures: Any = Slow()
    stamp = [1]
    steady = SteadyFigures(figures, lambda _: stamp[0], lambda: NOW)
    first = steady.released(TOPIC)
    figures.let.clear()
    stamp[0] = 2
    assert [steady.released(TOPIC) for _ in range(5)] == [first] * 5
    assert figures.made == 1
    figures.let.set()
    monkeypatch.setattr(steady_module, "PATIENCE_SECONDS", 30)
    steady.released(TOPIC)
    assert figures.made == 2  # once for all who asked


def test_many_first_readers_wait_for_one_making() -> None:
    figures: Any = Slow()
    figures.let.clear()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    with ThreadPoolExecutor(8) as readers:
        asked = [readers.submit(steady.released, TOPIC) for _ in range(8)]
        figures.let.set()
        assert all(one.result(30) for one in asked)
    assert figures.made == 1


@pytest.mark.parametrize("places", [0, 1])
def test_only_some_first_readers_wait_at_once(monkeypatch: pytest.MonkeyPatch, places: int) -> None:
    monkeypatch.setattr(steady_module, "_MOST_WAITING", places)
    figures: Any = Counted()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    told = []
    for by in ((), ("platform",), ("cohort",)):
        try:
            told.append(200 if steady.released(TOPIC, by=by) else 0)
        except PageError as error:
            told.append(error.status)
    assert told == [200 if places else 503] * 3


def test_what_goes_wrong_is_told_and_tried_again() -> None:
    class Failing(Counted):
        def released(self, *args: Any, **asked: Any) -> Any:
            if not self.made:
                self.made += 1
                raise StoreError("the database is away", hint="wait")
            return super().released(*args, **asked)

    figures: Any = Failing()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    with pytest.raises(StoreError):
        steady.released(TOPIC)
    assert steady.released(TOPIC)


def test_figures_can_be_made_before_anybody_asks() -> None:
    figures: Any = Counted()
    steady = SteadyFigures(figures, lambda _: 1, lambda: NOW)
    steady.warm([TOPIC])
    steady.released(TOPIC)
    assert figures.made == 1


def test_no_question_goes_round_what_is_remembered() -> None:
    asked = {name for name in vars(Figures) if not name.startswith("_")}
    known = {name for name in vars(SteadyFigures) if not name.startswith("_")}
    assert asked == known - {"warm"}
