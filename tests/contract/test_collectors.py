"""One suite for every live collector: nothing is lost, nothing comes twice, whatever happens."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from collector_contract import PLATFORMS, Monitor, failing_for_a_while, make_world
from sqlalchemy import Engine
from world import START, World

from collectors.post import Window
from monitor.errors import StoreError
from monitor.store import engine as store_engine
from monitor.store.engine import migrate, open_engine

HARMLESS = {"empty_page", "shrunk_page", "no_last_page", "repeated_records"}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for the file; tests keep apart by their topics. Nobody waits for a lock."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_engine, "WAIT_SECONDS", 0.05)
        engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('collectors') / 'monitor.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=PLATFORMS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every platform in miniature."""
    world = make_world(request.param)
    yield world
    world.close()


@pytest.fixture
def monitor(world: World, sqlite: Engine) -> Monitor:
    """The program, on a topic of its own."""
    return Monitor(world, sqlite)


def test_a_first_run_collects_everything(monitor: Monitor) -> None:
    monitor.publish(10)
    monitor.catch_up()
    monitor.check()


def test_an_empty_platform_is_no_error(monitor: Monitor) -> None:
    monitor.catch_up()
    monitor.catch_up()
    monitor.check()


def test_a_second_run_adds_what_is_new(monitor: Monitor) -> None:
    monitor.publish(7)
    monitor.catch_up()
    monitor.publish(7)
    monitor.catch_up()
    monitor.check()


def test_a_run_after_nothing_happened_stores_nothing(monitor: Monitor) -> None:
    monitor.publish(7)
    monitor.catch_up()
    assert monitor.catch_up().counts["stored"] == 0


def test_a_run_after_a_month_misses_nothing(monitor: Monitor) -> None:
    monitor.publish(4)
    monitor.catch_up()
    monitor.publish(4)
    monitor.world.clock.forward(days=30)
    monitor.publish(4)
    monitor.catch_up()
    monitor.check()


@pytest.mark.parametrize("how", ["before", "while", "after"])
def test_an_interruption_at_any_page_loses_nothing(monitor: Monitor, how: str) -> None:
    for page in range(1, 5):
        monitor.publish(5)
        monitor.world.clock.forward(minutes=5)
        monitor.crash(how, page)
        monitor.publish(2)
    monitor.catch_up()
    monitor.check()


def test_a_run_of_one_page_at_a_time_comes_to_its_end(monitor: Monitor) -> None:
    published = set(monitor.publish(10))
    monitor.world.clock.forward(minutes=5)
    for passes in count(1):
        monitor.collect(pages=1)
        if monitor.stored() >= published:
            break
        assert passes < 100, "no end in sight"
    monitor.catch_up()
    monitor.check()


def test_a_killed_process_loses_nothing(monitor: Monitor) -> None:
    monitor.publish(10)
    monitor.world.clock.forward(minutes=5)
    assert monitor.kill(page=1) == signal.SIGKILL
    monitor.kill(page=2)
    monitor.catch_up()
    monitor.check()


def test_a_locked_database_loses_nothing(monitor: Monitor) -> None:
    monitor.publish(10)
    monitor.world.clock.forward(minutes=5)
    assert monitor.engine.url.database is not None
    other = sqlite3.connect(Path(monitor.engine.url.database), isolation_level=None)

    def lock(page: int) -> None:
        if page == 2:
            other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError) as raised:  # noqa: PT012
        monitor.collect(before_page=lock)
        other.execute("BEGIN IMMEDIATE")  # Where all came on one page.
        monitor.publish(1)
        monitor.world.clock.forward(minutes=5)
        monitor.collect()
    other.close()
    assert raised.value.retryable
    monitor.catch_up()
    monitor.check()


def test_a_server_that_dies_in_the_middle_loses_nothing(monitor: Monitor) -> None:
    monitor.publish(10)
    monitor.world.clock.forward(minutes=5)
    for page in (1, 2):
        with failing_for_a_while():
            monitor.collect(before_page=lambda at, page=page: _restart(monitor, at, page))
        monitor.publish(2)
    monitor.catch_up()
    monitor.check()


def _restart(monitor: Monitor, at: int, page: int) -> None:
    if at == page:
        monitor.world.restart()


def test_failures_of_the_server_lose_nothing(monitor: Monitor, subtests: pytest.Subtests) -> None:
    for kind in sorted(monitor.world.capabilities.failures):
        with subtests.test(kind):
            monitor.publish(5)
            monitor.world.fail_next(kind, times=2)
            monitor.catch_up()
            monitor.check()


def test_a_failure_in_the_middle_of_a_pass_loses_nothing(
    monitor: Monitor, subtests: pytest.Subtests
) -> None:
    for kind in sorted(monitor.world.capabilities.failures):
        with subtests.test(kind):
            monitor.publish(7)
            monitor.world.clock.forward(minutes=5)
            _fail_after_first_page(monitor, kind)
            monitor.publish(2)
            monitor.catch_up()
            monitor.check()


def _fail_after_first_page(monitor: Monitor, kind: str) -> None:
    def fail(page: int) -> None:
        if page == 1:
            monitor.world.fail_next(kind, times=8)

    with failing_for_a_while():
        monitor.collect(before_page=fail)


def test_paging_out_of_order_ends_and_loses_nothing(
    monitor: Monitor, subtests: pytest.Subtests
) -> None:
    for kind in sorted(monitor.world.capabilities.quirks):
        with subtests.test(kind):
            monitor.publish(8)
            monitor.world.quirk(kind)
            if kind in HARMLESS:
                monitor.catch_up()
                monitor.check()
            else:
                _pass_that_ends(monitor)
            monitor.world.quirk(None)
            monitor.catch_up()
            monitor.check()


def _pass_that_ends(monitor: Monitor) -> None:
    def count_pages(page: int) -> None:
        assert page < 1000, "no end in sight"

    monitor.world.clock.forward(minutes=5)
    with failing_for_a_while():
        monitor.collect(before_page=count_pages)


def test_late_posts_are_collected(monitor: Monitor) -> None:
    monitor.publish(4)
    monitor.world.clock.forward(days=1)
    monitor.publish(4)
    monitor.catch_up()
    lateness = monitor.world.capabilities.lateness - timedelta(minutes=5)
    if lateness > timedelta(0):
        monitor.publish(2, late=lateness)
        monitor.publish(2, late=lateness / 2)
    monitor.publish(2)
    monitor.catch_up()
    monitor.check()


def test_posts_whose_ids_are_out_of_order_are_collected(monitor: Monitor) -> None:
    lateness = monitor.world.capabilities.lateness
    for part in (0.2, 0.9, 0.0, 0.5):
        monitor.publish(2, late=lateness * part)
    monitor.catch_up()
    monitor.check()


@pytest.mark.parametrize("days", [2, -2])
def test_a_clock_that_jumps_and_comes_back_loses_nothing(monitor: Monitor, days: int) -> None:
    monitor.world.clock.forward(days=3)
    monitor.publish(4)
    monitor.catch_up()
    monitor.world.clock.forward(days=days)
    with failing_for_a_while():
        monitor.collect()
    monitor.world.clock.forward(days=-days)
    monitor.publish(4)
    monitor.catch_up()
    monitor.check()


def test_deletions_are_obeyed_where_they_are_seen(monitor: Monitor) -> None:
    published = monitor.publish(8)
    monitor.catch_up()
    deleted = {published[0], published[5]}
    for native_id in deleted:
        monitor.world.delete(native_id)
    monitor.publish(2)
    monitor.catch_up()
    monitor.check_deleted(deleted)


def test_a_post_deleted_before_it_was_seen_stays_away(monitor: Monitor) -> None:
    published = monitor.publish(8)
    monitor.world.delete(published[3])
    monitor.catch_up()
    monitor.check_deleted({published[3]})


def test_a_backfill_does_not_disturb_the_regular_runs(monitor: Monitor) -> None:
    monitor.publish(4)
    monitor.world.clock.forward(days=1)
    monitor.publish(4)
    monitor.world.clock.forward(minutes=5)
    half_a_day = timedelta(hours=12)
    monitor.collect(window=Window(START + half_a_day, START + 3 * half_a_day))
    monitor.catch_up()
    monitor.check()


def test_every_post_lies_in_time_that_is_covered(monitor: Monitor) -> None:
    since = monitor.world.clock()
    monitor.publish(8)
    until = monitor.world.clock()
    monitor.catch_up()
    covered = monitor.coverage()
    assert all(span.start < span.end for span in covered)
    moment = since
    while moment < until:
        assert any(span.start <= moment < span.end for span in covered), f"{moment} is not covered"
        moment += timedelta(seconds=1)
