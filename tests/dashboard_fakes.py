"""A topic with invented figures, and fakes of what the dashboard reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from collectors.post import Window
from monitor.alarms.evidence import DriftedDay
from monitor.dashboard.app import create_app, make_board
from monitor.errors import StoreError
from monitor.figure import ALL, Figure, Volume, Withheld
from monitor.settings import SourcesSettings
from monitor.shares.changes import Change
from monitor.shares.rollup import Unit
from monitor.store.values import (
    Access,
    AuditLabel,
    Counts,
    CoverageSpan,
    JobRun,
    Lease,
    LogEntry,
    RecordedVersion,
    SeriesSwitch,
    SourceState,
    Totals,
)
from monitor.topic import Event, Query, Target, Topic
from monitor.validation import Validation

NOW = datetime(2020, 6, 20, 12, tzinfo=UTC)
FIRST = date(2020, 5, 27)
LABELS = {
    "stance": ("favor", "against", "none"),
    "sentiment": ("positive", "negative", "neutral"),
}

TOPIC = Topic(
    name="walkout",
    title="Facebook employees' virtual walkout",
    timezone=ZoneInfo("America/Los_Angeles"),
    start=FIRST,
    end=date(2020, 6, 16),
    languages=("en",),
    targets=(
        Target("walkout", "the virtual walkout"),
        Target("leaving-posts-up", "the decision to leave the posts up"),
    ),
    queries={"": Query(("facebook walkout",), {})},
    events=(
        Event(datetime(2020, 5, 29, 19, tzinfo=UTC), "The post is flagged"),
        Event(datetime(2020, 5, 29, 23, tzinfo=UTC), "The company answers"),
        Event(datetime(2020, 6, 1, 16, tzinfo=UTC), "Employees walk out virtually"),
    ),
    sample="walkout",
)
RETENTION = f"retention:{TOPIC.name}"
"""A job that runs once a day."""
STORED = "former"
"""A topic that has posts and no file any more."""
STORED_RETENTION = f"retention:{STORED}"
GONE_JOBS = (
    f"report:{TOPIC.name}",
    "retention:gone",
    f"classify:{STORED}",
    f"collect:x:{TOPIC.name}",
    f"renamed:{TOPIC.name}",
)
"""Jobs switched off, of no topic, of one without a file, of a source that is off, and of another
release."""
SETTINGS = SimpleNamespace(
    config=Path("/nonexistent"),
    home=Path(__file__).parent,
    database_url="sqlite:///monitor.db",
    default_topic="walkout",
    dashboard=SimpleNamespace(host="127.0.0.1", port=0),
    access=SimpleNamespace(
        session_hours=12.0,
        login_attempts=5,
        login_minutes=15.0,
        https=False,
        proxy_header="",
        proxy_addresses=(),
        proxy_role="",
    ),
    jobs=SimpleNamespace(
        collect=SimpleNamespace(enabled=True, every=300.0, cron=None),
        classify=SimpleNamespace(enabled=True, every=10.0, cron=None),
        aggregate=SimpleNamespace(enabled=True, every=10.0, cron=None),
        retention=SimpleNamespace(enabled=True, every=86400.0, cron=None),
        report=SimpleNamespace(enabled=False, every=None, cron="0 7 * * mon"),
        compliance=SimpleNamespace(enabled=True, every=7200.0, cron=None),
    ),
    sources=SourcesSettings.model_validate({"contact": "", "sample": {"enabled": True}}),
    secret=lambda name: None,
    daemon=SimpleNamespace(heartbeat_seconds=60.0),
    retention=SimpleNamespace(text_days=30, labelled_copies="", access_days=365),
    pseudonyms=SimpleNamespace(rotate_days=30),
    labelling=SimpleNamespace(random_part=0.5),
    audit=SimpleNamespace(minimum_labels=150, overlap=0.2),
    release=SimpleNamespace(
        maximum_interval_width=0.5, minimum_coverage=0.5, minimum_scored=0.9, round_counts_to=0
    ),
)


def figure(day: date, label: str = "favor", share: float | None = 0.5, **fields: Any) -> Figure:
    """A released figure of the walkout's stance; `fields` replace the rest."""
    base = Figure(
        topic=TOPIC.name,
        day=day,
        platform=ALL,
        cohort=ALL,
        language=ALL,
        head="stance",
        target="walkout",
        label=label,
        version="0123456789abcdef",
        posts=120,
        authors=90,
        share_raw=share,
        share=share,
        low=None if share is None else max(share - 0.06, 0),
        high=None if share is None else min(share + 0.06, 1),
        coverage=1.0,
        validated=True,
        withheld=None,
    )
    return replace(base, **fields)


def volume(day: date, posts: int | None = 120, **fields: Any) -> Volume:
    """A released volume."""
    reposts = None if posts is None else posts // 2
    authors = None if posts is None else posts - posts // 4
    unscored = None if posts is None else 0
    hidden: Withheld | None = "small_group" if posts is None else None
    base = Volume(TOPIC.name, day, ALL, ALL, ALL, posts, reposts, authors, unscored, 1.0, hidden)
    return replace(base, **fields)


QUESTIONS = (*(("stance", target.name) for target in TOPIC.targets), ("sentiment", ""))


def change(day: date, label: str = "favor", difference: float = 0.12, **fields: Any) -> Change:
    """A difference to the day before."""
    base = Change(
        topic=TOPIC.name,
        day=day,
        since=day - timedelta(days=1),
        platform=ALL,
        cohort=ALL,
        language=ALL,
        head="stance",
        target="walkout",
        label=label,
        version="0123456789abcdef",
        difference=difference,
        low=difference - 0.05,
        high=difference + 0.05,
    )
    return replace(base, **fields)


@dataclass
class FakeFigures:
    """Invented figures of twenty days: a wave of support, one small and one uncertain day."""

    sample: bool = True
    validated: bool = True
    days: int = 20
    unanswered: tuple[tuple[str, str], ...] = ()

    def answered(self, topic: Topic, version: str) -> list[tuple[str, str]]:
        return [one for one in QUESTIONS if one not in self.unanswered]

    def released(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
        include_unvalidated: bool = False,
    ) -> list[Figure]:
        return [
            figure
            for n in self._days(since, until)
            for group in _groups(by)
            for question in QUESTIONS
            for figure in self._day(n, question, group, include_unvalidated)
        ]

    def volumes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
    ) -> list[Volume]:
        return [
            volume(
                _day(n),
                None if n == 17 else 60 + 400 // (1 + abs(n - 5)),
                sample=self.sample,
                **group,
            )
            for n in self._days(since, until)
            for group in _groups(by)
        ]

    def changes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
    ) -> list[Change]:
        """Every day against the day before; one change point, on the sixth day."""
        if not self.validated:
            return []
        days = [_day(n) for n in self._days(since, until)[1:]]
        return [
            change(day, label, head=head, target=target, level=level, **group)
            for day in days
            for group in _groups(by)
            for head, target in QUESTIONS
            for label in LABELS[head]
            for level in ((False, True) if day == _day(5) else (False,))
        ]

    def drift(self, topic: Topic) -> list[DriftedDay]:
        """Two days in three weeks are not explained."""
        if not self.validated:
            return []
        return [
            DriftedDay(_day(n), head, target, 7.5 if n in (5, 6) else 1.0)
            for head, target in QUESTIONS
            for n in range(self.days)
        ]

    def due(self, topic: Topic) -> datetime | None:
        return None

    def validation(self, topic: Topic) -> list[Validation]:
        labels = 400 if self.validated else 12
        return [Validation(head, target, labels, 150, self.validated) for head, target in QUESTIONS]

    def _days(self, since: date | None, until: date | None) -> list[int]:
        return [
            n
            for n in range(self.days)
            if (since is None or _day(n) >= since) and (until is None or _day(n) < until)
        ]

    def _day(
        self, n: int, question: tuple[str, str], group: dict[str, str], preview: bool
    ) -> list[Figure]:
        wave = 0.45 + 0.2 / (1 + abs(n - 5) / 2)
        shares = (wave, 0.7 * (1 - wave), 0.3 * (1 - wave))
        head, target = question
        return [
            self._hidden(
                n,
                figure(
                    _day(n), label, share, head=head, target=target, sample=self.sample, **group
                ),
                preview,
            )
            for label, share in zip(LABELS[head], shares, strict=True)
        ]

    def _hidden(self, n: int, shown: Figure, preview: bool) -> Figure:
        gone: dict[str, Any] = {"share": None, "low": None, "high": None}
        if n == 17:
            nothing: dict[str, Any] = {"posts": None, "authors": None, "share_raw": None}
            return replace(shown, withheld="small_group", **gone, **nothing)
        if not self.validated:
            raw = shown.share_raw if preview else None
            return replace(shown, withheld="unvalidated", validated=False, share_raw=raw, **gone)
        if n == 12 and shown.label == "none":
            return replace(shown, withheld="too_uncertain", **gone)
        return shown


@dataclass
class FakeQueries:
    """What the store tells: one source, two jobs, one of them failing."""

    posts: bool = True
    reachable: bool = True
    audited: int = 200
    runs: list[JobRun] = field(default_factory=lambda: [_run(2, "failed"), _run(1, "ok")])
    switches: list[SeriesSwitch] = field(default_factory=list)

    def topics(self) -> list[str]:
        return [STORED, TOPIC.name]

    def sources(self, topic: str, *, until: datetime | None = None) -> list[SourceState]:
        return [SourceState("sample", 900, NOW, NOW - timedelta(hours=1), {"bad_json": 3})]

    def shown_version(self, topic: str) -> str | None:
        return "0123456789abcdef" if self.posts else None

    def shown_versions(self, topic: str) -> list[str]:
        return [shown] if (shown := self.shown_version(topic)) else []

    def has_posts(self, topic: str, *, source: str | None = None) -> bool:
        return self.posts

    def sample_only(self, topic: str) -> bool:
        return self.posts

    def series_switches(self, topic: str) -> list[SeriesSwitch]:
        return self.switches

    def recorded_versions(self, topic: str) -> list[RecordedVersion]:
        return [RecordedVersion(topic, "0123456789abcdef", "champion", {"audit": 1}, NOW)]

    def pending_count(self, *_: Any, **__: Any) -> int:
        return 1234

    def last_run(self, job: str) -> JobRun | None:
        return next((run for run in self.runs if run.job == job), None)

    def last_finished(self, job: str) -> JobRun | None:
        return next((run for run in self.runs if run.job == job and run.finished_at), None)

    def last_success(self, job: str) -> JobRun | None:
        return next((run for run in self.runs if run.job == job and run.status == "ok"), None)

    def reads(self, source: str, at: datetime) -> int:
        return 8000

    def arrivals(self, topic: str, source: str, window: Window, *, limit: int) -> list[datetime]:
        return [TOPIC.window.end - timedelta(hours=40 + n) for n in range(30)]

    def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
        start = TOPIC.window.start
        return [
            CoverageSpan("sample", start, start + timedelta(days=4), "complete", ""),
            CoverageSpan("sample", start + timedelta(days=4), start + timedelta(days=5), "gap", ""),
            CoverageSpan("sample", start + timedelta(days=6), until, "complete", ""),
        ]

    def untold_alerts(self, topic: str) -> int:
        return 0

    def log_entries(self, limit: int) -> list[LogEntry]:
        return [LogEntry(NOW, "ada", "login", {})]

    def audit_labels(
        self,
        topic: str,
        head: str,
        target: str,
        version: str,
        *,
        languages: Iterable[str] | None = None,
    ) -> list[AuditLabel]:
        """Two hundred checked posts; three in four answers are right, at any confidence."""
        labels = LABELS[head]
        return [
            AuditLabel(
                platform="x",
                day=_day(n % 20),
                cohort="public",
                language="en",
                truth=labels[n % 3],
                predicted=labels[n % 3 if n % 4 else (n + 1) % 3],
                scores=_scores(n % 3 if n % 4 else (n + 1) % 3, 5000 + 20 * n),
            )
            for n in range(self.audited)
        ]

    def counts(self, topic: str) -> Counts:
        return Counts(900, 400, 3, 2)

    def totals(self, topic: str) -> Totals:
        return Totals(900, 100, 0, 2700, 400, 3, 2)

    def accesses(self, since: date) -> list[Access]:
        return [Access(since, "ann", "export aggregates", "walkout", 3)]

    def job_runs(self, limit: int) -> list[JobRun]:
        if not self.reachable:
            raise StoreError("the database does not answer", hint="is it running?")
        return self.runs[:limit]

    def last_runs(self, each: int) -> list[JobRun]:
        seen: Counter[str] = Counter()
        found = []
        for run in self.runs:
            if seen[run.job] < each:
                seen[run.job] += 1
                found.append(run)
        return found


def seldom_and_often(*gone: str) -> list[JobRun]:
    """A nightly failure, newest runs first, before very many runs of another job."""
    often = [_job_run(9000 - n, f"classify:{TOPIC.name}", "ok") for n in range(2000)]
    return [*often, *(_job_run(n, job, "failed") for n, job in enumerate((RETENTION, *gone)))]


def fake_app(
    figures: FakeFigures | None = None, queries: FakeQueries | None = None, **options: Any
) -> FastAPI:
    """The dashboard over fakes; `options` go to `create_app` and its board."""
    given: dict[str, Any] = {"settings": SETTINGS, "clock": lambda: NOW}
    given |= {"lease": lambda: Lease("host/42/1.0/ab", NOW), **options}
    given |= {"figures": figures or FakeFigures(), "queries": queries or FakeQueries()}
    of_app = {name: given.pop(name) for name in ("changes", "note_access") if name in given}
    return create_app(make_board(given.pop("topics", {TOPIC.name: TOPIC}), **given), **of_app)


def write_truth(samples: Path) -> None:
    """Writes a truth file for the fake topic's stance."""
    shares = {"favor": 0.5, "against": 0.3, "none": 0.2}
    days = [
        {"day": _day(n).isoformat(), "cohort": "all", "head": "stance", "target": "walkout"}
        | {"shares": shares, "posts": 50}
        for n in range(20)
    ]
    folder = samples / TOPIC.name
    folder.mkdir(parents=True)
    (folder / "truth.json").write_text(json.dumps({"days": days}), encoding="utf-8")


def _scores(likely: int, most: int) -> tuple[int, ...]:
    rest = 10_000 - most
    return tuple(most if n == likely else rest // 2 for n in range(3))


def _run(number: int, status: Any) -> JobRun:
    job = f"classify:{TOPIC.name}" if status == "ok" else f"collect:sample:{TOPIC.name}"
    return _job_run(number, job, status)


def _job_run(number: int, job: str, status: Any) -> JobRun:
    error = "the source refused (ask again later)" if status == "failed" else ""
    ended = NOW + timedelta(seconds=number)
    topic = job.rpartition(":")[2]
    return JobRun(number, job, topic, NOW, ended, status, {"posts_scored": 1500}, error)


def _day(n: int) -> date:
    return FIRST + timedelta(days=n)


def _groups(by: Sequence[str]) -> list[dict[str, str]]:
    names = {"cohort": ("employees", "public"), "platform": ("mastodon", "x"), "language": ("en",)}
    groups: list[dict[str, str]] = [{}]
    for dimension in by:
        groups = [group | {dimension: name} for group in groups for name in names[dimension]]
    return groups
