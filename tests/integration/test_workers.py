"""Workers that score at the same time share the posts, and what they leave comes to the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cluster_fakes as fakes
import pytest

from monitor.pipeline.aggregate import AggregateStep
from monitor.pipeline.classify import ClassifyStep
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.testing import FakeScorer

POSTS = 200


@contextmanager
def installation(folder: Path, url: str | None) -> Iterator[tuple[Any, Any]]:
    app = fakes.opener(folder, url)()
    yield app, app.topic("strike")
    app._engine.dispose()


def step(app: Any, scorer: FakeScorer, **changes: Any) -> ClassifyStep:
    return ClassifyStep(Store(app._engine), Queries(app._engine), scorer, 10, **changes)


def cells(app: Any, topic: Any) -> list[Any]:
    AggregateStep(app.store, app.queries).aggregate(topic)
    return fakes.figures(app, topic, FakeScorer().version)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_three_workers_and_an_import_at_once_score_every_post_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    with installation(tmp_path / "alone", None) as (app, topic):
        fakes.fill(app, topic, POSTS)
        step(app, FakeScorer()).classify(topic)
        expected = cells(app, topic)

    with installation(tmp_path / "shared", url) as (app, topic):
        fakes.fill(app, topic, POSTS // 2)
        scorers = [FakeScorer() for _ in range(3)]
        failed: list[BaseException] = []

        def work(scorer: FakeScorer) -> None:
            try:
                step(app, scorer).classify(topic)
            except BaseException as error:
                failed.append(error)

        workers = [threading.Thread(target=work, args=(scorer,)) for scorer in scorers]
        for worker in workers:
            worker.start()
        fakes.fill(app, topic, POSTS)
        for worker in workers:
            worker.join()
        assert failed == []
        last = FakeScorer()
        step(app, last).classify(topic)
        assert sum(each.texts_scored for each in (*scorers, last)) == POSTS
        assert cells(app, topic) == expected


def test_a_worker_with_nothing_left_waits_for_what_others_are_at(tmp_path: Path) -> None:
    with installation(tmp_path, None) as (app, topic):
        fakes.fill(app, topic, 10)
        first, second = FakeScorer(), FakeScorer()
        waited: list[float] = []

        class Slow(FakeScorer):
            """Lets another worker come and find nothing while it is at work."""

            def score(self, *given: Any, **how: Any) -> list[Any]:
                done = step(app, second, wait=waited.append).classify(
                    topic, should_stop=lambda: len(waited) == 3
                )
                assert not done.finished
                return first.score(*given, **how)

        step(app, Slow()).classify(topic)
    assert (len(waited), first.texts_scored, second.texts_scored) == (3, 10, 0)
