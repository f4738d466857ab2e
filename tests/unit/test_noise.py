"""Exports with differential privacy: the noise is there, and it is paid for."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.noise import noisy_counts
from monitor.store.engine import migrate, open_engine
from monitor.store.store import Store
from monitor.testing import FakeClock


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
