"""`monitor doctor` and `monitor status`: is it set up right, and is it well."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from classifiers.errors import ClassifierError
from monitor.bootstrap import scoring
from monitor.bootstrap.collecting import sources
from monitor.bootstrap.drifting import advice
from monitor.commands.call import Call, table, with_call
from monitor.commands.platforms import check_platforms, platform_states, platform_text
from monitor.daemon import next_run
from monitor.errors import ConfigurationError, MonitorError, OutdatedError
from monitor.lease import DAEMON
from monitor.schedule import jobs_of
from monitor.standing import Standing, standings
from monitor.topic import PUBLIC

LOW_DISK = 1_000_000_000
_DAEMON = {True: "running", False: "not running"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; `problem` is empty where all is well, `warning` if nothing waits."""

    check: str
    found: str
    problem: str = ""
    warning: str = ""

    @property
    def told(self) -> str:
        """The finding in a line, and what to do in another."""
        state = "PROBLEM" if self.problem else "warning" if self.warning else "ok"
        advice = self.problem or self.warning
        return f"{state:8}{self.check}: {self.found}" + (f"\n        {advice}" if advice else "")


@click.command("doctor")
@click.option("--tell", is_flag=True, help="Send a test message to the addresses for alerts.")
@with_call
def doctor_command(call: Call, tell: bool) -> None:
    """Checks everything that must be right, and shows each setting and where it came from.

    A database of an older program is left as it is.
    """
    settings = call.app.settings
    checks = CHECKS | ({"test message": _test_message} if tell else {})
    findings = [_examined(name, check, call) for name, check in checks.items()]
    values = [
        {"setting": key, "value": value, "from": settings.origins.get(key, "default")}
        for key, value in _flat(settings.model_dump(exclude={"origins", "database_url"}))
    ]
    data = {
        "checks": [
            {
                "check": f.check,
                "found": f.found,
                "problem": f.problem or None,
                "warning": f.warning or None,
            }
            for f in findings
        ],
        "platforms": (states := platform_states(call)),
        "settings": values,
    }
    lines = [finding.told for finding in findings]
    call.answer(data, "\n".join([*lines, "", platform_text(states), "", table(values)]))
    problems = [finding.check for finding in findings if finding.problem]
    if problems:
        raise MonitorError(
            f"{len(problems)} problem(s): {', '.join(problems)}", hint="mend them and run it again"
        )


def _examined(name: str, check: Callable[[Call], str | Finding], call: Call) -> Finding:
    try:
        found = check(call)
        return found if isinstance(found, Finding) else Finding(name, found)
    except OutdatedError as waiting:
        return Finding(name, str(waiting), warning=waiting.hint)
    except (MonitorError, ClassifierError) as error:
        return Finding(name, str(error), error.hint or "this must be mended")


def _python(_: Call) -> str:
    return f"{platform.python_version()} in {sys.prefix}"


def _home(call: Call) -> str:
    home = call.app.settings.home
    call.app.make_home()
    free = shutil.disk_usage(home).free
    if free < LOW_DISK:
        raise MonitorError(f"{free / 1e6:.0f} MB free in {home}", hint="make room")
    return f"{home}, {free / 1e9:.0f} GB free"


def _topics(call: Call) -> str:
    return ", ".join(call.app.topics) or "none"


def _topics_without_file(call: Call) -> str:
    call.app.check_up_to_date()
    names = call.app.topics_without_file()
    if not names:
        return "none"
    return f"{', '.join(names)} (stored; purged after {call.app.settings.retention.text_days} days)"


def _former_cohorts(call: Call) -> str:
    """Stored cohorts that a topic's file no longer names: nothing moves their posts."""
    call.app.check_up_to_date()
    former = [
        f"{topic.name}/{cohort}"
        for topic in call.app.topics.values()
        for cohort in call.app.queries.cohorts(topic.name)
        if cohort not in {PUBLIC, *(one.name for one in topic.cohorts)}
    ]
    return ", ".join(former) or "none"


def _default_topic(call: Call) -> str:
    return call.app.topic().name


def _database(call: Call) -> str:
    call.app.check_database_file()
    call.app.check_up_to_date()
    posts = {name: call.app.queries.totals(name).posts for name in call.app.topics}
    kind = call.app.settings.database_url.split(":", 1)[0]
    return f"{kind}, posts: " + (", ".join(f"{n} {posts[n]:,}" for n in posts) or "none")


def _model(call: Call) -> str:
    shipped = call.app.registry.shipped()
    return f"shipped version {shipped.id} in {call.app.registry.path(shipped.id)}"


def _audit(call: Call) -> str:
    call.app.check_up_to_date()
    states = [
        f"{topic.name}/{v.head}{'/' + v.target if v.target else ''} {v.audit_labels}/{v.needed}"
        for topic in call.app.topics.values()
        for v in call.app.figures.validation(topic)
    ]
    return "random labels: " + (", ".join(states) or "none asked for yet")


def _alerts(call: Call) -> str | Finding:
    teller = call.app.teller()
    teller.check()
    if not teller.addresses and _is_anything_told(call):
        advice = "alerts are logged only and reports not made: docs/alerts.md"
        return Finding("alerts", "no address in MONITOR_ALERTS_URLS", warning=advice)
    found = f"{teller.addresses} addresses in MONITOR_ALERTS_URLS"
    if call.app.settings.jobs.report.enabled and teller.takers_of_files < teller.addresses:
        advice = f"reports, which are pictures, go to {teller.takers_of_files} of them"
        return Finding("alerts", found, warning=f"{advice}: docs/alerts.md")
    return found


def _is_anything_told(call: Call) -> bool:
    call.app.check_up_to_date()
    return call.app.settings.jobs.report.enabled or any(
        topic.alerts or call.app.alert_rules.of(topic.name) for topic in call.app.topics.values()
    )


def _test_message(call: Call) -> str:
    teller = call.app.teller()
    if not teller.addresses:
        raise ConfigurationError(
            "there is no address to tell", hint="MONITOR_ALERTS_URLS holds them: docs/alerts.md"
        )
    is_taken = teller.tell("Test", "The monitor's alerts and reports come here.")
    teller.check()
    if not is_taken:
        raise MonitorError(
            "not every address has taken it", hint="the lines on standard error say why"
        )
    return f"taken by {teller.addresses} addresses"


CHECKS: dict[str, Callable[[Call], str | Finding]] = {
    "python": _python,
    "home": _home,
    "topics": _topics,
    "default topic": _default_topic,
    "database": _database,
    "topics without a file": _topics_without_file,
    "cohorts in no file": _former_cohorts,
    "model": _model,
    "audit": _audit,
    "platforms": check_platforms,
    "alerts": _alerts,
}


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@click.command("status")
@click.option(
    "--check",
    is_flag=True,
    help="End with 1 when no daemon is running; tells that alone unless a topic is named.",
)
@with_call
def status_command(call: Call, check: bool) -> None:
    """What is stored, what is pending, and how the last run of each job went."""
    running = _is_daemon_running(call)
    if check and call.topic_name is None:
        told = _DAEMON[running]
        call.answer({"daemon": told}, f"daemon: {told}")
    else:
        _answer(call, running=running)
    if check and not running:
        raise MonitorError("no daemon is running", hint="`monitor run` starts one")


def _is_daemon_running(call: Call) -> bool:
    lease = call.app.store.lease(DAEMON)
    return lease is not None and lease.expires_at > call.app.clock()


def _answer(call: Call, *, running: bool) -> None:
    app, topic = call.app, call.topic
    champion = app.champion(topic).id
    totals = app.queries.totals(topic.name)
    pending = scoring.pending(app, topic)
    runs = [
        {
            "job": job.name,
            "status": run.status if run else "never",
            "started": run.started_at.isoformat(timespec="seconds") if run else None,
            "error": run.error if run else None,
        }
        for job in jobs_of(app)
        for run in [app.queries.last_run(job.name)]
    ]
    data: dict[str, Any] = {
        "topic": topic.name,
        "posts": totals.posts,
        "pending": pending,
        "days_to_rebuild": totals.dirty_days,
        "labels": totals.labels,
        "rejections": totals.rejections,
        "sample": app.queries.sample_only(topic.name),
        "champion": champion,
        "shown": app.queries.shown_version(topic.name),
        "daemon": _DAEMON[running],
        "untold_alerts": app.queries.untold_alerts(topic.name),
        "train_again": list(advice(app).about(topic)),
        "jobs": runs,
        "sources": _sources(call),
    }
    tables = ("jobs", "sources")
    words = [f"{key.replace('_', ' ')}: {_told(data[key])}" for key in data if key not in tables]
    answer = [*words, "", table(runs), "", table(list(map(_source_words, data["sources"])))]
    call.answer(data, "\n".join(answer))


def _told(value: Any) -> str:
    return "; ".join(value) or "nothing asks for it" if isinstance(value, list) else str(value)


def _sources(call: Call) -> list[dict[str, Any]]:
    app = call.app
    return [
        _source(call, one)
        for one in standings(
            sources(app, call.topic), call.topic, app.queries, app.settings, app.clock
        )
    ]


def _source(call: Call, one: Standing) -> dict[str, Any]:
    app = call.app
    budget = one.budget
    schedule = app.settings.jobs.collect
    due = next_run(schedule, app.queries.last_run(one.job), app.clock())
    return {
        "source": one.source,
        "last_success": _moment(one.last_success),
        "next_run": _moment(due) if schedule.enabled else None,
        "newest_post": _moment(one.newest_post),
        "silent_hours": round(one.silent_for.total_seconds() / 3600, 1) if one.silent_for else None,
        "budget": {
            "used": budget.used,
            "cap": budget.cap,
            "forecast": budget.forecast.expected,
            "runs_out": _moment(budget.forecast.runs_out),
        }
        if budget
        else None,
        "error": one.error or None,
    }


def _source_words(one: dict[str, Any]) -> dict[str, Any]:
    budget, silent = one["budget"], one["silent_hours"]
    return {
        **{key: one[key] for key in ("source", "last_success", "next_run", "newest_post")},
        "silent": f"{silent} h, longer than its usual gaps" if silent is not None else None,
        "budget": f"{budget['used']:,} of {budget['cap']:,} reads, {budget['forecast']:,} by "
        f"the month's end" + (f", runs out {budget['runs_out']}" if budget["runs_out"] else "")
        if budget
        else None,
        "error": one["error"],
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


COMMANDS = {"doctor": doctor_command, "status": status_command}
