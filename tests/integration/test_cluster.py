"""Work spread over worker processes comes to the same as work done here, killed workers and all."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cluster_fakes as fakes
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster

from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.scoring import classify
from monitor.cluster import Cluster, connected
from monitor.errors import ClusterError
from monitor.pipeline.archive import ArchiveStep
from monitor.store.values import DailyAggregate

POSTS = 300
PARTITION = 30


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Two workers within this process: all but what a process of its own is needed for."""
    with cluster(processes=False) as client:
        yield client


@contextmanager
def cluster(*, processes: bool) -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=processes,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs="CRITICAL",
        ) as local,
        Client(local) as client,
    ):
        yield client


@contextmanager
def installation(folder: Path, url: str | None = None) -> Iterator[tuple[Any, Any, fakes.Opener]]:
    opener = fakes.opener(folder, url)
    app = opener()
    topic = app.topic("strike")
    fakes.fill(app, topic, POSTS)
    yield app, topic, opener
    app._engine.dispose()


def cells(app: Any, topic: Any) -> list[DailyAggregate]:
    return fakes.figures(app, topic, app.champion(topic).id)


@pytest.fixture(scope="module")
def local_cells(tmp_path_factory: pytest.TempPathFactory) -> list[DailyAggregate]:
    """The figures of the same posts, scored and counted in this process."""
    with installation(tmp_path_factory.mktemp("local")) as (app, topic, _):
        assert classify(app, topic)["posts"] == POSTS
        aggregate(app, topic)
        return cells(app, topic)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_partitions_come_to_the_figures_of_one_process(
    kind: str,
    client: Client,
    local_cells: list[DailyAggregate],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    progressed: list[int] = []
    with installation(tmp_path, url) as (app, topic, opener):
        spread = Cluster(client, opener)
        done = spread.classify(app, topic, progress=progressed.append, partition_posts=PARTITION)
        assert spread.aggregate(app, topic) == {"days": 2}
        found = cells(app, topic)
    assert done == {"posts": POSTS, "reused": 0, "partitions": POSTS // PARTITION}
    assert progressed == sorted(progressed)
    assert progressed[-1] == POSTS
    assert found == local_cells


@pytest.mark.timeout(900)
def test_a_killed_worker_costs_its_partition_and_changes_no_figure(
    local_cells: list[DailyAggregate], tmp_path: Path
) -> None:
    with cluster(processes=True) as client, installation(tmp_path) as (app, topic, opener):
        victims = list(client.run(os.getpid).values())[:1]

        def kill_one(_posts: int) -> None:
            if victims:
                os.kill(victims.pop(), signal.SIGKILL)

        spread = Cluster(client, opener)
        spread.classify(app, topic, progress=kill_one, partition_posts=PARTITION)
        spread.aggregate(app, topic)
        assert cells(app, topic) == local_cells
    scored = Counter(fakes.scored_texts(tmp_path))
    assert len(scored) == POSTS
    assert sum(scored.values()) - POSTS <= PARTITION


def test_what_was_stopped_goes_on_with_what_is_left(
    client: Client, local_cells: list[DailyAggregate], tmp_path: Path
) -> None:
    with installation(tmp_path) as (app, topic, opener):
        spread, reached = Cluster(client, opener), list[int]()
        stopped = spread.classify(
            app,
            topic,
            progress=reached.append,
            should_stop=lambda: bool(reached),
            partition_posts=PARTITION,
        )
        assert PARTITION <= stopped["posts"] < POSTS
        spread.classify(app, topic, partition_posts=PARTITION)
        spread.aggregate(app, topic)
        assert cells(app, topic) == local_cells


def test_files_of_posts_become_files_of_answers(client: Client, tmp_path: Path) -> None:
    posts = tmp_path / "posts"
    posts.mkdir()
    for number in range(3):
        rows = [{"id": f"{number}-{row}", "text": f"strike {number}, {row}"} for row in range(5)]
        pq.write_table(pa.Table.from_pylist(rows), posts / f"{number}.parquet")
    archive = ArchiveStep(str(posts), str(tmp_path / "answers"))
    with installation(tmp_path) as (app, topic, opener):
        spread = Cluster(client, opener)
        assert spread.classify_archive(app, topic, archive) == {"posts": 15, "files": 3}
        assert spread.classify_archive(app, topic, archive) == {"posts": 0, "files": 3}
    written = sorted(path.name for path in (tmp_path / "answers").iterdir())
    assert written == ["0.parquet", "1.parquet", "2.parquet"]


def test_a_partition_that_always_fails_is_told_and_keeps_no_other_back(
    client: Client, tmp_path: Path
) -> None:
    posts = tmp_path / "posts"
    posts.mkdir()
    pq.write_table(pa.Table.from_pylist([{"id": "1", "text": "strike"}]), posts / "good.parquet")
    (posts / "bad.parquet").write_bytes(b"not Parquet")
    archive = ArchiveStep(str(posts), str(tmp_path / "answers"))
    with (
        installation(tmp_path) as (app, topic, opener),
        pytest.raises(ClusterError, match=r"1 of 2 .*bad\.parquet is no complete Parquet"),
    ):
        Cluster(client, opener).classify_archive(app, topic, archive)
    assert [path.name for path in (tmp_path / "answers").iterdir()] == ["good.parquet"]


def test_a_scheduler_that_does_not_answer_is_a_clear_error() -> None:
    with (
        pytest.raises(ClusterError, match=r"tcp://127\.0\.0\.1:9") as caught,
        connected("tcp://127.0.0.1:9", 1),
    ):
        pass
    assert "monitor work --serve" in caught.value.hint


class Done:
    """A future that has ended in these ways, one after the other."""

    def __init__(self, *ends: str) -> None:
        self._ends = list(ends)

    @property
    def status(self) -> str:
        return self._ends.pop(0) if len(self._ends) > 1 else self._ends[0]

    def result(self) -> tuple[int, int]:
        return (30, 0)

    def exception(self) -> BaseException | None:
        return None


@pytest.mark.parametrize(
    ("ends", "fails"),
    [
        (["lost", "finished"], False),
        (["pending", "lost", "finished"], False),
        (["cancelled"], True),
    ],
)
def test_a_result_that_went_with_its_worker_is_waited_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: list[str], fails: bool
) -> None:
    class Stub:
        def submit(self, *_call: Any, **_how: Any) -> Done:
            return Done(*ends)

        def cancel(self, _futures: list[Done]) -> None:
            pass

    monkeypatch.setattr("monitor.cluster.wait", lambda waiting, *_: (waiting, set()))
    with installation(tmp_path) as (app, topic, opener):
        spread = Cluster(Stub(), opener)  # type: ignore[arg-type]
        if fails:
            with pytest.raises(ClusterError, match="CancelledError"):
                spread.classify(app, topic, partition_posts=POSTS)
        else:
            assert spread.classify(app, topic, partition_posts=POSTS)["posts"] == 30
