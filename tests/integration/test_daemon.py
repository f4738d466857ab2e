"""The scheduler with real threads, a real database and jobs that misbehave."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import faked_monitor
import psutil
import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine
from test_stored_topics import TOPIC

from monitor.bootstrap.application import Application
from monitor.daemon import Daemon
from monitor.errors import DaemonDeadError, StandbyError
from monitor.holder import holder_name, is_dead
from monitor.job import Job, JobRunner
from monitor.lease import DaemonLease
from monitor.settings import DaemonSettings, JobSettings
from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    yield engine
    engine.dispose()


def schedule(every: float = 0.2, **changes: object) -> JobSettings:
    values = {"enabled": True, "every": every, "cron": None, "jitter": 0, "misfire_grace": 30}
    return JobSettings.model_validate(values | changes)


def daemon(
    engine: Engine, jobs: list[Job], *, lease_seconds: float = 15, heartbeat_seconds: float = 30
) -> Daemon:
    store = Store(engine)
    settings = DaemonSettings(
        lease_seconds=lease_seconds, heartbeat_seconds=heartbeat_seconds, stop_seconds=5
    )
    lease = DaemonLease(store, now, lease_seconds)
    return Daemon(jobs, JobRunner(store, now), lease, Queries(engine), settings)


def counting(name: str, counter: list[float], **options: float) -> Job:
    def work(_: Callable[[], bool]) -> dict[str, int]:
        counter.append(time.monotonic())
        return {"posts": 1}

    return Job(name, "topic", work, schedule(**options))


class Running:
    """Runs a daemon in a thread and keeps what ended it."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            if self.daemon.wait_for_lease():
                self.daemon.run_until_stopped()
        except Exception as error:
            self.error = error

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.daemon.stop()
        self.thread.join(20)
        assert not self.thread.is_alive()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_a_broken_job_is_recorded_and_stops_no_other(engine: Engine) -> None:
    def broken(_: Callable[[], bool]) -> dict[str, int]:
        raise ValueError("the text of somebody's post")

    runs: list[float] = []
    jobs = [Job("broken", "topic", broken, schedule()), counting("fine", runs)]
    with Running(daemon(engine, jobs)):
        assert wait_until(lambda: len(runs) >= 3)
    last = Queries(engine).last_run("broken")
    assert last is not None
    assert last.status == "failed"
    assert last.error.startswith("ValueError")
    assert "somebody" not in last.error


def test_a_job_never_overlaps_itself(engine: Engine) -> None:
    at_work, most = 0, 0
    done: list[int] = []

    def slow(_: Callable[[], bool]) -> dict[str, int]:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        time.sleep(0.4)
        at_work -= 1
        done.append(1)
        return {}

    with Running(daemon(engine, [Job("slow", "topic", slow, schedule(0.1))])):
        assert wait_until(lambda: len(done) >= 3)
    assert most == 1


def test_scoring_many_topics_keeps_nothing_else_waiting(engine: Engine) -> None:
    def busy(should_stop: Callable[[], bool]) -> dict[str, int]:
        wait_until(should_stop, 30)
        return {}

    runs: list[float] = []
    scoring = [Job(f"classify:{n}", f"topic {n}", busy, schedule()) for n in range(6)]
    with Running(daemon(engine, [*scoring, counting("aggregate:0", runs)])):
        assert wait_until(lambda: len(runs) >= 2)


def test_a_dead_scheduler_ends_the_daemon(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def stand_still(_: BackgroundScheduler) -> float:
        return 3600.0

    monkeypatch.setattr(BackgroundScheduler, "_process_jobs", stand_still)
    with Running(daemon(engine, [], heartbeat_seconds=1)) as running:
        assert wait_until(lambda: running.error is not None)
    assert isinstance(running.error, DaemonDeadError)


def test_long_jobs_on_every_worker_do_not_look_like_a_dead_scheduler(engine: Engine) -> None:
    def busy(should_stop: Callable[[], bool]) -> dict[str, int]:
        wait_until(should_stop, 30)
        return {}

    jobs = [Job(f"busy{n}", "topic", busy, schedule()) for n in range(6)]
    with Running(daemon(engine, jobs, heartbeat_seconds=4)) as running:
        time.sleep(6)
        assert running.error is None
        assert running.thread.is_alive()


def test_stopping_lets_the_running_batch_finish(engine: Engine) -> None:
    finished: list[bool] = []
    started = threading.Event()

    def batch(_: Callable[[], bool]) -> dict[str, int]:
        started.set()
        time.sleep(1)
        finished.append(True)
        return {}

    with Running(daemon(engine, [Job("batch", "topic", batch, schedule(60))])):
        assert started.wait(10)
    assert finished == [True]


def test_a_restart_does_not_reset_a_long_interval(engine: Engine) -> None:
    runs: list[float] = []
    with Running(daemon(engine, [counting("daily", runs, every=86_400)])):
        assert wait_until(lambda: len(runs) == 1)
    with Running(daemon(engine, [counting("daily", runs, every=86_400)])):
        time.sleep(1.5)
    assert len(runs) == 1


def test_a_run_missed_while_the_daemon_was_down_is_made_up_at_once(engine: Engine) -> None:
    store = Store(engine)
    long_ago = now() - timedelta(days=3)
    store.finish_run(store.start_run("daily", "topic", long_ago), long_ago, "ok")
    runs: list[float] = []
    with Running(daemon(engine, [counting("daily", runs, every=86_400)])):
        assert wait_until(lambda: len(runs) == 1)


def test_a_standby_waits_while_the_first_works_and_takes_over_at_its_end(engine: Engine) -> None:
    first_runs: list[float] = []
    second_runs: list[float] = []
    second = Running(daemon(engine, [counting("job", second_runs)]))
    with Running(daemon(engine, [counting("job", first_runs)])):
        assert wait_until(lambda: len(first_runs) >= 1)
        second.__enter__()
        time.sleep(2)
        assert second_runs == []
    assert wait_until(lambda: len(second_runs) >= 1, 10)
    second.__exit__()
    assert second.error is None


def test_a_standby_takes_over_when_the_lease_of_a_silent_daemon_runs_out(engine: Engine) -> None:
    Store(engine).acquire_lease("daemon", "elsewhere/1/0.00/ab", now(), 6)
    runs: list[float] = []
    with Running(daemon(engine, [counting("job", runs)])):
        time.sleep(1)
        assert runs == []
        assert wait_until(lambda: len(runs) >= 1, 15)


def test_a_daemon_that_lost_its_lease_ends(engine: Engine) -> None:
    store = Store(engine)
    with Running(daemon(engine, [], lease_seconds=1)) as running:
        assert wait_until(lambda: store.lease("daemon") is not None)
        lease = store.lease("daemon")
        assert lease is not None
        store.break_lease("daemon", lease.holder)
        store.acquire_lease("daemon", "elsewhere/1/0.00/ab", now(), 60)
        assert wait_until(lambda: running.error is not None)
    assert isinstance(running.error, StandbyError)


@pytest.mark.parametrize(
    ("holder", "dead"),
    [
        pytest.param("elsewhere/1/0.00/ab", False, id="another machine"),
        pytest.param("{host}/999999999/0.00/ab", True, id="no such process"),
        pytest.param("{host}/1/0@boot/ab", True, id="the number was given away again"),
        pytest.param("{host}/1/0.00/ab", False, id="named by an earlier program, by the clock"),
    ],
)
def test_only_a_process_of_this_machine_that_has_ended_is_dead(holder: str, dead: bool) -> None:
    import socket

    assert is_dead(holder.format(host=socket.gethostname())) is dead


def test_a_clock_that_is_put_right_makes_no_process_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    holder, began = holder_name(), psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: began(process) + 1)
    assert not is_dead(holder)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of two topics, one of which commands are about unless told."""
    monkeypatch.setattr(Application, "scorers", None)
    monkeypatch.setenv("MONITOR_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("MONITOR_DEFAULT_TOPIC", "airport")
    (tmp_path / "config/topics").mkdir(parents=True)
    for name in ("airport", "harbour"):
        (tmp_path / f"config/topics/{name}.toml").write_text(TOPIC.format(name=name))
    return tmp_path / "home"


def topics_at_work(home: Path) -> set[str]:
    """Of which topics jobs have run; those that belong to none are about the empty name."""
    engine = open_engine(f"sqlite:///{home / 'monitor.db'}")
    found = {run.topic for run in Queries(engine).last_runs(1)}
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("arguments", "topics"),
    [
        (["run"], {"airport", "harbour", ""}),
        (["run", "--topic", "harbour"], {"harbour", ""}),
        (["--topic", "harbour", "run"], {"harbour", ""}),
    ],
    ids=["every topic", "named behind", "named before"],
)
def test_run_does_the_jobs_of_the_topic_that_was_named_and_of_none(
    home: Path, arguments: list[str], topics: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert faked_monitor.run([*arguments, "--until-idle"]) == 0
    assert topics_at_work(home) == topics
    assert ("airport" in capsys.readouterr().out) is ("airport" in topics)


@pytest.mark.parametrize("how", [["--until-idle"], ["--no-dashboard"]])
def test_run_refuses_a_topic_that_is_not_there(
    home: Path, how: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Daemon, "run_until_stopped", lambda _: True)
    assert faked_monitor.run(["run", "--topic", "harbor", *how]) == 2
    assert "there is no topic 'harbor'" in capsys.readouterr().err
    assert topics_at_work(home) == set()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StandbyError("the lease was lost", hint="start it again"), "hint: start it again"),
        (RuntimeError("cannot schedule"), "RuntimeError: cannot schedule"),
    ],
    ids=["ours", "foreign"],
)
def test_an_error_that_ends_the_daemon_waits_for_none_of_its_jobs(
    home: Path,
    error: Exception,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(daemon: Daemon) -> bool:
        daemon._running.add("classify:harbour")
        raise error

    monkeypatch.setattr(Daemon, "run_until_stopped", fail)
    monkeypatch.setattr("os._exit", sys.exit)  # what waits for no thread
    with pytest.raises(SystemExit) as ended:
        faked_monitor.run(["run", "--no-dashboard"])
    assert ended.value.code == 1
    assert told in capsys.readouterr().err
