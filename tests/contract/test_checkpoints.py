"""Whatever order arrivals, pages, deaths and restarts come in: stored is what was published."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from checkpoint_machine import START, CheckpointMachine, DeathError, Run, Step
from collector_contract import run_and_exit
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, func, select, text

from collectors.errors import StoppedError, UnavailableError
from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Window
from collectors.walks import begun
from monitor.errors import StoreError
from monitor.kept import KeptDeletion, KeptPage
from monitor.pipeline.admission import Admission
from monitor.pipeline.check import CheckStep
from monitor.pipeline.collect import CollectStep
from monitor.post_ids import PostIds
from monitor.pseudonym import Pseudonyms
from monitor.store import engine as store_engine
from monitor.store import pages as store_pages
from monitor.store.engine import open_engine, reading, writing
from monitor.store.queries import Queries
from monitor.store.rows import TOMBSTONES
from monitor.store.store import Store
from monitor.store.values import Errand
from monitor.testing import FakeCollector

LIVE = Errand("mill", keep_unmet=timedelta(days=2))


@pytest.fixture
def machine(engine: Engine) -> CheckpointMachine:
    """A platform with five posts, and nothing collected yet."""
    machine = CheckpointMachine(engine)
    machine.arrive([1, 2, 3, 1, 2])
    return machine


def _collect(
    machine: CheckpointMachine, while_saving: Callable[[int], object], window: Window | None = None
) -> None:
    """A pass over pages of two; `while_saving` is called at the end of each transaction."""
    Run(machine, {}, while_saving).collect(2, 0, window)


def _check(machine: CheckpointMachine, committed: int) -> None:
    """So much is committed, no more; and nothing hinders the rest."""
    machine.committed = committed
    machine.what_is_stored_is_what_was_committed()
    machine.what_is_covered_is_what_was_committed()
    machine.teardown()


def test_stored_is_what_was_published_in_every_order(engine: Engine) -> None:
    run_state_machine_as_test(
        lambda: CheckpointMachine(engine),
        settings=settings(max_examples=6, stateful_step_count=8, deadline=None),
    )


def test_an_exception_while_a_page_is_stored_leaves_whole_pages(machine: CheckpointMachine) -> None:
    def die(number: int) -> None:
        if number == 1:
            raise DeathError

    with suppress(DeathError):
        _collect(machine, die)
    _check(machine, committed=2)


def test_a_process_killed_while_it_stores_leaves_whole_pages(machine: CheckpointMachine) -> None:
    def die(number: int) -> None:
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def live() -> None:
        url = machine.engine.url.render_as_string(hide_password=False)
        machine.engine = open_engine(url)
        _collect(machine, die)

    child = os.fork()
    if child == 0:
        run_and_exit(live)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    _check(machine, committed=2)


def test_other_terms_lower_what_was_covered_with_their_first_page_or_not_at_all(
    machine: CheckpointMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def covered() -> set[tuple[str, str]]:
        window = machine.topic.window
        spans = Queries(machine.engine).coverage(machine.topic.name, window.start, window.end)
        return {(span.status, span.reason) for span in spans}

    def ask_for_others() -> None:
        admission = Admission(machine.topic, Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
        step = CollectStep(Store(machine.engine), Queries(machine.engine), admission, lambda: START)
        pages = begun(iter([Page(Checkpoint({"at": 0}))]), ["other terms"], ["terms"])
        step.collect(FakeCollector(list(pages), source="mill"), resume=False)

    def die(*_: object) -> None:
        raise DeathError

    _collect(machine, lambda _: None)
    with monkeypatch.context() as patch, suppress(DeathError):
        patch.setattr(store_pages.sources, "save_checkpoint", die)
        ask_for_others()
    assert covered() == {("complete", "")}
    ask_for_others()
    assert covered() == {("gap", "other_terms")}
    _collect(machine, lambda _: None)
    assert covered() == {("complete", "")}


def test_a_cut_connection_leaves_whole_pages(machine: CheckpointMachine) -> None:
    if machine.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no connection that could be cut")
    activity = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database() AND state = 'idle in transaction'"
    )

    def cut(number: int) -> None:
        if number == 1:
            with machine.engine.connect() as other:
                assert other.execute(activity).all()

    with pytest.raises(StoreError) as raised:
        _collect(machine, cut)
    assert raised.value.retryable
    _check(machine, committed=2)


def test_a_locked_database_leaves_whole_pages(
    machine: CheckpointMachine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_engine, "WAIT_SECONDS", 0.05)  # SQLite's
    monkeypatch.setattr(store_engine, "_POSTGRES_OPTIONS", "-c lock_timeout=50ms")
    machine.engine = open_engine(engine.url.render_as_string(hide_password=False))
    locked: list[Any] = []

    class LockedOut(Run):
        def before_page(self, number: int) -> Step | None:
            if number == 1:
                locked.append(writing(engine))
                locked[0].__enter__()
            return super().before_page(number)

    with pytest.raises(StoreError) as raised:
        LockedOut(machine, {}).collect(2, 0)
    locked[0].__exit__(None, None, None)
    assert raised.value.retryable
    _check(machine, committed=2)
    machine.engine.dispose()


def test_an_interrupted_backfill_goes_on_and_then_forgets_where_it_was(
    machine: CheckpointMachine, store: Store
) -> None:
    window = Window(START, START + timedelta(days=1))
    name = f"backfill:mill:{window.start.isoformat()}:{window.end.isoformat()}"

    def die(number: int) -> None:
        if number == 1:
            raise DeathError

    with suppress(DeathError):
        _collect(machine, die, window)
    kept = store.checkpoint(machine.topic.name, name)
    assert kept is not None
    assert kept.state == {"at": 2}

    _collect(machine, lambda _: None, window)
    assert store.checkpoint(machine.topic.name, name) is None
    assert store.checkpoint(machine.topic.name, "mill") is None
    _check(machine, committed=5)


def _covered(store: Store, topic: str, span: Coverage, *, backfill: bool = False) -> None:
    errand = Errand("backfill" if backfill else "", backfill=backfill)
    page = KeptPage(Checkpoint({}), coverage=(span,))
    store.save_page(topic, "mill", page, at=START, errand=errand)


def test_a_gap_that_was_closed_later_is_recorded_as_such(
    store: Store, queries: Queries, topic: str
) -> None:
    hours = [START + timedelta(hours=n) for n in range(5)]
    _covered(store, topic, Coverage(hours[0], hours[1], "complete"))
    _covered(store, topic, Coverage(hours[1], hours[3], "gap", "unavailable"))
    _covered(store, topic, Coverage(hours[3], hours[4], "complete"))

    _covered(store, topic, Coverage(hours[0], hours[2], "complete"), backfill=True)

    spans = queries.coverage(topic, hours[0], hours[4])
    assert [(s.start, s.end, s.status, s.reason, s.backfilled) for s in spans] == [
        (hours[0], hours[1], "complete", "", False),
        (hours[1], hours[2], "complete", "", True),
        (hours[2], hours[3], "gap", "unavailable", False),
        (hours[3], hours[4], "complete", "", False),
    ]


def _demand(native_id: str) -> KeptPage:
    return KeptPage(Checkpoint({}), deletions=(KeptDeletion("mill", native_id, None, "deleted"),))


def _demands(engine: Engine, topic: str) -> int:
    with reading(engine) as connection:
        statement = select(func.count()).select_from(TOMBSTONES)
        return connection.execute(statement.where(TOMBSTONES.c.topic == topic)).scalar_one()


def test_demands_about_what_never_was_here_are_forgotten_after_a_while(
    machine: CheckpointMachine, engine: Engine
) -> None:
    topic, now = machine.topic.name, START
    store = Store(engine, clock=lambda: now)
    machine.teardown()
    store.save_page(topic, "mill", _demand("elsewhere"), at=START, errand=LIVE)
    store.save_page(topic, "mill", _demand("1"), at=START, errand=LIVE)
    assert _demands(engine, topic) == 2

    now = START + timedelta(days=3)
    assert store.forget_unmet_demands(topic) == 1
    assert _demands(engine, topic) == 1


@dataclass
class FakeChecker:
    """Says of some posts that they are gone or edited.

    Attributes:
        asked: Every batch.
        fail_at: The batch at which the platform stops answering.
    """

    gone: set[str]
    edited: dict[str, Post] = field(default_factory=dict)
    at_once: int = 2
    asked: list[list[str]] = field(default_factory=list)
    fail_at: int | None = None
    error: Exception = field(default_factory=lambda: UnavailableError("no answer"))

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        self.asked.append(list(native_ids))
        if len(self.asked) == self.fail_at:
            raise self.error
        yield Page(
            Checkpoint({}),
            posts=tuple(self.edited[name] for name in native_ids if name in self.edited),
            deletions=tuple(Deletion("mill", name) for name in native_ids if name in self.gone),
        )


def _check_step(machine: CheckpointMachine) -> CheckStep:
    admission = Admission(machine.topic, Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
    engine = machine.engine
    return CheckStep(Store(engine), Queries(engine), admission, lambda: START)


def _native_ids(machine: CheckpointMachine) -> list[str]:
    found = Queries(machine.engine).to_check(machine.topic.name, "mill", after=0, limit=99)
    return [native_id for _, native_id in found]


def test_a_check_removes_what_is_gone_and_takes_what_was_edited(
    machine: CheckpointMachine,
) -> None:
    machine.teardown()
    edited = Post("mill", "2", START, "another text", "en", "author2", revision=1)

    found = _check_step(machine).check(FakeChecker({"1", "5"}, {"2": edited}), "mill")

    assert _native_ids(machine) == ["2", "3", "4"]
    assert (found.counts["removed"], found.counts["edited"]) == (2, 1)


@pytest.mark.parametrize(
    "error", [UnavailableError("no answer"), StoppedError("stop")], ids=["failure", "stop"]
)
def test_an_interrupted_check_goes_on_where_it_was(
    machine: CheckpointMachine, error: Exception
) -> None:
    machine.teardown()
    first, second = FakeChecker({"1"}, fail_at=2, error=error), FakeChecker({"1", "5"})

    with suppress(UnavailableError):
        assert not _check_step(machine).check(first, "mill").finished
    _check_step(machine).check(second, "mill")
    third = FakeChecker(set())
    _check_step(machine).check(third, "mill")

    assert [batch[0] for batch in second.asked] == ["3", "5"]
    assert third.asked[0][0] == "2"
    assert _native_ids(machine) == ["2", "3", "4"]
