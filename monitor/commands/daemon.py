"""Commands that stay: `run` and `serve`."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from monitor.access import refuse_open_door
from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import sample_collector
from monitor.bootstrap.drifting import advice
from monitor.bootstrap.labelling import review_labels
from monitor.commands.call import Call, with_call
from monitor.daemon import Daemon
from monitor.errors import MonitorError
from monitor.lease import DAEMON, DaemonLease
from monitor.schedule import job_runner, jobs_of
from monitor.topic import Topic

if TYPE_CHECKING:
    from monitor.dashboard.server import DashboardServer


@click.command("run")
@click.option("--until-idle", is_flag=True, help="Every enabled job once, in order, then exit.")
@click.option("--no-dashboard", is_flag=True, help="The scheduler alone.")
@with_call
def run_command(call: Call, until_idle: bool, no_dashboard: bool) -> None:
    """The scheduler daemon with the dashboard; with --topic, that topic's jobs alone."""
    daemon = _daemon(call, once=until_idle)
    _announce(call)
    with _signals(daemon.stop):
        if not daemon.wait_for_lease(lambda: _say_standby(call)):
            return
        if until_idle:
            _run_until_idle(call, daemon)
            return
        try:
            with _dashboard(call, daemon, wanted=not no_dashboard):
                call.say("Scheduler: running; stop with Ctrl-C")
                clean = daemon.run_until_stopped()
        except Exception as error:
            if daemon.is_idle:
                raise
            call.explain(error)
            _leave(1)
    if clean:
        call.say("Stopped.")
        return
    call.say("Stopped; an unfinished batch is done again at the next start.")
    _leave(0)


def _leave(code: int) -> NoReturn:
    """Ends the process where jobs are at work: the usual way would wait for their threads.

    Their transactions were never committed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@click.command("serve")
@with_call
def serve_command(call: Call) -> None:
    """The dashboard alone, for a scheduler that runs elsewhere."""
    server = dashboard_server(call.app)
    stop = threading.Event()
    with _signals(stop.set):
        server.start()
        call.say(f"Dashboard: {server.url} (stop with Ctrl-C)")
        while not stop.is_set() and server.wait(0.2):
            pass
        server.stop()


def _daemon(call: Call, *, once: bool) -> Daemon:
    app, settings = call.app, call.app.settings.daemon
    lease = DaemonLease(app.store, app.clock, settings.lease_seconds)
    jobs = jobs_of(app, _named(call), once=once)
    return Daemon(jobs, job_runner(app), lease, app.queries, settings)


def _named(call: Call) -> Topic | None:
    """The topic of `--topic`; without it None, as `default_topic` is no reason to leave any out.

    Raises:
        UsageError: There is no such topic.
    """
    return call.topic if call.topic_name else None


def _run_until_idle(call: Call, daemon: Daemon) -> None:
    """Runs every job once; collecting comes first, so scoring and counting drain what it left.

    Raises:
        MonitorError: A job failed.
    """
    with daemon.keep_lease_while() as keeper:
        failed = daemon.run_once()
    if keeper.lost:
        raise MonitorError("the lease was lost", hint="the log above says why")
    if failed:
        raise MonitorError(
            f"{len(failed)} job(s) failed: {', '.join(failed)}",
            hint="the log above and `monitor status` say why",
        )
    call.say("Idle: nothing is left to do.")


def _announce(call: Call) -> None:
    app, named = call.app, _named(call)
    topics = [named] if named else list(app.topics.values())
    names = ", ".join(topic.name for topic in topics)
    call.say(f"Topics: {names} (from {app.settings.config / 'topics'})")
    call.say(f"Jobs: {', '.join(job.name for job in jobs_of(app, named))}")
    sampled = [topic.name for topic in topics if sample_collector(app, topic)]
    if sampled:
        call.say(f"Sample posts (ours, not real people's) stand in for: {', '.join(sampled)}")


def _say_standby(call: Call) -> None:
    current = call.app.store.lease(DAEMON)
    holder = current.holder.rsplit("/", 2)[0] if current else "another daemon"
    call.say(f"Standby: {holder} is at work; this one takes over when it ends.")


@contextlib.contextmanager
def _dashboard(call: Call, daemon: Daemon, *, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    server = dashboard_server(call.app, daemon)
    server.start()
    call.say(f"Dashboard: {server.url}")
    try:
        yield
    finally:
        server.stop()


def dashboard_server(app: Application, daemon: Daemon | None = None) -> DashboardServer:
    """Returns the dashboard of an application, ready to start.

    Raises:
        MonitorError: Others could reach it and nobody has a login.
    """
    refuse_open_door(app.settings, has_users=app.accounts.has_users())
    # The web framework and the charts load only where pages are served.
    pages = importlib.import_module("monitor.dashboard.app")
    server = importlib.import_module("monitor.dashboard.server")
    heartbeat = (lambda: daemon.heartbeat.at) if daemon else None
    steady = importlib.import_module("monitor.dashboard.steady")
    figures = steady.SteadyFigures(app.figures, app.stamps.of, app.clock)
    figures.warm(app.topics.values())
    board = pages.make_board(
        app.topics,
        figures,
        app.queries,
        settings=app.settings,
        clock=app.clock,
        heartbeat=heartbeat,
        lease=lambda: app.store.lease(DAEMON),
        champion=lambda name: app.champion_of(name).id,
    )
    web = pages.create_app(
        board,
        changes=importlib.import_module("monitor.dashboard.changes").Changes(
            app.accounts,
            app.desk,
            app.store.log,
            app.tasks,
            app.incidents,
            app.registry.list,
            app.registry.ruling,
            app.alert_rules,
            partial(review_labels, app),
            advice(app).about,
        ),
        note_access=app.store.note_access,
    )
    settings = app.settings.dashboard
    made: DashboardServer = server.DashboardServer(web, settings.host, settings.port)
    return made


@contextlib.contextmanager
def _signals(stop: Callable[[], object]) -> Iterator[None]:
    """Turns SIGINT and SIGTERM into a call of `stop` while the block runs."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = {"run": run_command, "serve": serve_command}
