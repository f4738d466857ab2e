"""Runs, leases, versions and the audit log: what the program remembers of itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from sqlalchemy import Engine
from store_values import NOW, answers, label, page, pending, post, repost

from collectors.post import Rejection
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import JobRun, Lease, LogEntry, RecordedVersion, SeriesSwitch, Totals

LATER = NOW + timedelta(seconds=30)


def test_a_run_is_recorded_from_start_to_end(store: Store, queries: Queries, topic: str) -> None:
    job = f"collect:{topic}"
    assert queries.last_run(job) is None
    run = store.start_run(job, topic, NOW)
    assert queries.last_run(job) == JobRun(run, job, topic, NOW, None, "running", {}, "")
    store.finish_run(run, LATER, "failed", counts={"posts": 3}, error="no disk")
    finished = JobRun(run, job, topic, NOW, LATER, "failed", {"posts": 3}, "no disk")
    assert queries.last_run(job) == finished


def test_a_run_that_is_not_over_hides_no_failure(
    store: Store, queries: Queries, topic: str
) -> None:
    job = f"collect:x:{topic}"
    assert queries.last_finished(job) is None
    failed = store.start_run(job, topic, NOW)
    store.finish_run(failed, LATER, "failed", error="no answer")
    store.start_run(job, topic, LATER)
    last = queries.last_finished(job)
    assert last is not None
    assert (last.id, last.error) == (failed, "no answer")


def test_runs_are_listed_newest_first(store: Store, queries: Queries, topic: str) -> None:
    first = store.start_run(f"a:{topic}", topic, NOW)
    second = store.start_run(f"b:{topic}", topic, NOW)
    assert [run.id for run in queries.job_runs(2)] == [second, first]
    last = queries.last_run(f"a:{topic}")
    assert last is not None
    assert last.id == first


def test_each_jobs_last_runs_are_found_however_rarely_it_runs(
    store: Store, queries: Queries, topic: str
) -> None:
    seldom, often = f"retention:{topic}", f"classify:{topic}"
    rare = store.start_run(seldom, topic, NOW)
    many = [store.start_run(often, topic, NOW) for _ in range(50)]
    found = [run.id for run in queries.last_runs(3) if run.topic == topic]
    assert found == [*reversed(many[-3:]), rare]


def test_old_runs_go_but_the_last_of_each_job(store: Store, queries: Queries, topic: str) -> None:
    early = NOW - timedelta(days=9_000)  # before every other test's runs
    daily, weekly = f"daily:{topic}", f"weekly:{topic}"
    for job in (daily, daily, weekly):
        store.start_run(job, topic, early)
    kept = store.start_run(daily, topic, NOW)
    assert store.prune_runs(early + timedelta(seconds=1)) == 2
    assert [queries.last_run(job) is not None for job in (daily, weekly)] == [True, True]
    last = queries.last_run(daily)
    assert last is not None
    assert last.id == kept


def test_a_lease_keeps_others_out_until_it_expires(store: Store, topic: str) -> None:
    assert store.acquire_lease(topic, "one", NOW, 15)
    assert not store.acquire_lease(topic, "two", NOW + timedelta(seconds=14), 15)
    assert store.acquire_lease(topic, "two", NOW + timedelta(seconds=15), 15)
    assert store.lease(topic) == Lease("two", LATER)
    assert not store.acquire_lease(topic, "one", NOW + timedelta(seconds=16), 15)


def test_a_holder_prolongs_its_lease(store: Store, topic: str) -> None:
    store.acquire_lease(topic, "one", NOW, 15)
    assert store.acquire_lease(topic, "one", NOW + timedelta(seconds=15), 15)
    assert store.lease(topic) == Lease("one", LATER)


def test_only_the_holder_releases_a_lease(store: Store, topic: str) -> None:
    store.acquire_lease(topic, "one", NOW, 15)
    assert not store.release_lease(topic, "two")
    assert store.lease(topic) == Lease("one", NOW + timedelta(seconds=15))
    assert store.release_lease(topic, "one")
    assert store.lease(topic) is None


def test_a_lease_is_broken_only_for_the_holder_named_and_logged(
    store: Store, queries: Queries, topic: str
) -> None:
    store.acquire_lease(topic, "dead", NOW, 15)
    assert not store.break_lease(topic, "another")
    assert store.break_lease(topic, "dead")
    assert store.acquire_lease(topic, "alive", NOW, 15)
    entry = queries.log_entries(1)[0]
    assert (entry.action, entry.details) == ("break_lease", {"name": topic, "holder": "dead"})


def test_of_many_racers_one_gets_the_lease(store: Store, topic: str) -> None:
    racers = 4
    start = Barrier(racers)

    def race(number: int) -> bool:
        start.wait()
        return store.acquire_lease(topic, f"racer-{number}", NOW, 15)

    with ThreadPoolExecutor(racers) as pool:
        assert sorted(pool.map(race, range(racers))) == [False, False, False, True]


def test_the_shown_version_is_the_last_one_set(store: Store, queries: Queries, topic: str) -> None:
    assert queries.shown_version(topic) is None
    store.show_version(topic, "v1")
    store.show_version(topic, "v2")
    assert queries.shown_version(topic) == "v2"


def test_versions_shown_before_follow_the_shown_one_the_last_one_first(
    store: Store, queries: Queries, topic: str
) -> None:
    assert queries.shown_versions(topic) == []
    for version in ("v1", "v2", "v3", "v2"):
        store.show_version(topic, version)
    store.show_version(f"{topic}-2", "v9")
    assert queries.shown_versions(topic) == ["v2", "v3", "v1"]


def test_the_switches_of_a_topics_series_are_told_newest_first(
    engine: Engine, queries: Queries, topic: str
) -> None:
    for at, version, of in ((NOW, "v1", topic), (NOW, "v9", f"{topic}-2"), (LATER, "v2", topic)):
        Store(engine, clock=lambda at=at: at).log(
            "pipeline", "version_shown", {"topic": of, "version": version}
        )
    Store(engine).log("ann", "promoted", {"topic": topic, "version": "v3"})
    assert queries.series_switches(topic) == [SeriesSwitch("v2", LATER), SeriesSwitch("v1", NOW)]


def test_a_recorded_version_takes_a_new_stage_and_keeps_its_time(
    store: Store, queries: Queries, topic: str
) -> None:
    store.record_version(topic, "v2", stage="candidate", metrics={"f1": 0.5}, at=LATER)
    store.record_version(topic, "v1", stage="champion", metrics={}, at=NOW)
    store.record_version(
        topic, "v2", stage="champion", metrics={"f1": 0.6}, at=LATER + timedelta(days=1)
    )
    assert queries.recorded_versions(topic) == [
        RecordedVersion(topic, "v1", "champion", {}, NOW),
        RecordedVersion(topic, "v2", "champion", {"f1": 0.6}, LATER),
    ]


def test_the_log_keeps_who_did_what_when(engine: Engine, queries: Queries, topic: str) -> None:
    store = Store(engine, clock=lambda: NOW)
    store.log("ann", "forget", {"topic": topic, "posts": 2})
    assert queries.log_entries(1) == [LogEntry(NOW, "ann", "forget", {"topic": topic, "posts": 2})]


def test_totals_count_what_is_stored(store: Store, queries: Queries, topic: str) -> None:
    kept = page(post("1"), repost("2", of="1"), rejections=[Rejection("bad_json", "f:1")])
    store.save_page(topic, "file", kept, at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    store.save_labels(topic, [label("1")], at=NOW)
    assert queries.totals(topic) == Totals(
        posts=2, reposts=1, purged=0, predictions=4, labels=1, rejections=1, dirty_days=1
    )
