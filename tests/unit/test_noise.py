"""Exports with differential privacy: the noise is there, and it is paid for."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from monitor import noise
from monitor.authors import AuthorSketch
from monitor.commands import noisy
from monitor.commands.call import Call
from monitor.figures import Figures, every_question
from monitor.noise import noisy_counts
from monitor.settings import load_settings
from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import VOLUME, DailyAggregate
from monitor.testing import FakeClock
from monitor.topic import Query, Target, Topic

DAY = date(2020, 6, 1)
TOPIC = Topic(
    name="strike",
    title="A strike",
    timezone=ZoneInfo("UTC"),
    start=DAY,
    end=date(2020, 6, 3),
    languages=("en",),
    targets=(Target("strike", "the strike"),),
    queries={"": Query(("strike",), {})},
)
QUESTIONS = every_question(TOPIC, "v1")


def test_counts_get_the_noise_that_epsilon_asks_for() -> None:
    noisy = noisy_counts([1000] * 4000, epsilon=0.5, posts_per_author=3)
    errors = [count - 1000 for count in noisy]
    assert abs(statistics.fmean(errors)) < 1
    assert statistics.fmean(map(abs, errors)) == pytest.approx(3 / 0.5, rel=0.15)


def test_no_count_is_negative_and_none_is_left_out() -> None:
    noisy = noisy_counts([0] * 500, epsilon=0.1, posts_per_author=3)
    assert len(noisy) == 500
    assert min(noisy) == 0 < max(noisy)
    assert noisy_counts([], epsilon=0.1, posts_per_author=3) == []


def test_two_exports_of_the_same_counts_differ() -> None:
    first, second = (noisy_counts([50] * 40, epsilon=0.5, posts_per_author=3) for _ in range(2))
    assert first != second


def test_a_day_s_budget_is_spent_once_and_new_the_day_after(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    clock = FakeClock(datetime(2020, 6, 1, 23, tzinfo=UTC))
    store = Store(engine, clock=clock)
    spent = [store.spend_budget("strike", epsilon=e, budget=1.0) for e in (0.5, 0.6, 0.5, 0.01)]
    assert spent == [True, False, True, False]
    assert store.spend_budget("another", epsilon=1.0, budget=1.0)
    clock.forward(hours=2)
    assert store.spend_budget("strike", epsilon=1.0, budget=1.0)
    engine.dispose()


class Installation:
    """Days that are counted and shown as in the program, and exported without the noise."""

    def __init__(self, home: Path) -> None:
        self.engine = open_engine(f"sqlite:///{home / 'monitor.db'}")
        migrate(self.engine)
        self.store, queries = Store(self.engine), Queries(self.engine)
        self.store.show_version("strike", "v1")
        settings = load_settings({"MONITOR_HOME": str(home)})
        self.figures = Figures(queries, settings, ledger=self.store)
        app = SimpleNamespace(figures=self.figures, queries=queries, answered=every_question)
        self.call = cast(Call, SimpleNamespace(topic=TOPIC, app=app))

    def count(self, people: int) -> None:
        """Counts the day with a post by each of so many people."""
        self.store.mark_days("strike", [DAY])
        (dirty,) = self.store.dirty_days("strike")
        questions = [(VOLUME, "", ""), *((*question, "v1") for question in QUESTIONS)]
        cells = [counted(people, *question) for question in questions] if people else []
        self.store.replace_day("strike", dirty, cells)

    def exported(self) -> list[int]:
        return [one.posts for one in noisy._noisy(self.call, 0.5, 1)]


def counted(people: int, head: str, target: str, version: str) -> DailyAggregate:
    sketch = AuthorSketch.of(str(n) for n in range(people))
    label = {"sentiment": "positive", "stance": "favor"}.get(head)
    labels = {label: people} if label else {}
    cell = ("x", "public", "en", head, target, version)
    return DailyAggregate("strike", DAY, *cell, people, 0, people, sketch, labels, labels)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    def without_noise(counts: list[int], **_: Any) -> list[int]:
        return counts

    monkeypatch.setattr(noise, "noisy_counts", without_noise)
    installation = Installation(tmp_path)
    yield installation
    installation.engine.dispose()


@pytest.mark.parametrize(
    ("shown", "now"),
    [(0, 0), (0, 9), (10, 9), (36, 45), (36, 27), (100, 124), (400, 499), (400, 400)],
    ids=["empty", "small", "shrinks", "grows", "loses some", "large", "very large", "the same"],
)
def test_one_more_author_changes_what_is_exported_by_their_post_alone(
    installation: Installation, shown: int, now: int
) -> None:
    installation.count(shown)
    installation.figures.released(TOPIC)
    installation.count(now)
    before = installation.exported()
    installation.count(now + 1)
    after = installation.exported()
    changes = [abs(one - other) for one, other in zip(before, after, strict=True)]
    assert sum(changes) == len(QUESTIONS)


def test_an_export_with_noise_shows_nothing_that_is_to_be_remembered(
    installation: Installation,
) -> None:
    installation.count(36)
    installation.exported()
    assert installation.store.release_chains("strike") == {}
