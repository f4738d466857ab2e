"""From pages to daily counts on real databases, with a fake in the classifier's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine

from classifiers.runtime import Scores
from collectors.post import ASSUMED_AUTHOR, Checkpoint, Coverage, Deletion, Page, Post, Rejection
from monitor.errors import StoreError
from monitor.figures import every_question
from monitor.kept import KeptDeletion, KeptPage
from monitor.pipeline.admission import Admission
from monitor.pipeline.aggregate import AggregateStep
from monitor.pipeline.classify import ClassifyStep, questions_of
from monitor.pipeline.collect import Collected, CollectStep
from monitor.pipeline.forget import ForgetStep
from monitor.pipeline.retention import RetentionStep
from monitor.pipeline.switch import SwitchStep
from monitor.post_ids import PostIds
from monitor.pseudonym import KeyRing, Pseudonyms
from monitor.shares.evidence import gather
from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import DailyAggregate
from monitor.testing import FakeClock, FakeCollector, FakeScorer, numbered_pages
from monitor.topic import Target, Topic, load_topic

TOPIC = """
name = "strike"
title = "A strike"
timezone = "America/Los_Angeles"
start = 2020-06-01
end = 2020-06-05
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
cohorts = [{ name = "employees", patterns = ["works at acme"] }]
"""


@dataclass
class Pipeline:
    """Every step over one database."""

    engine: Engine
    topic: Topic
    scorer: FakeScorer
    clock: FakeClock

    def __post_init__(self) -> None:
        self.store = Store(self.engine, clock=self.clock)
        self.queries = Queries(self.engine)

    def collect(self, collector: FakeCollector) -> Collected:
        admission = Admission(self.topic, Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
        return CollectStep(self.store, self.queries, admission, self.clock).collect(collector)

    def classify(self, *, batch: int = 7) -> None:
        ClassifyStep(self.store, self.queries, self.scorer, batch).classify(self.topic)

    def aggregate(self) -> int:
        step, version = SwitchStep(self.store, self.queries), self.scorer.version
        is_covered = step.covers(self.topic, version, questions_of(self.topic))
        days = AggregateStep(self.store, self.queries).aggregate(self.topic)
        if is_covered:
            step.show(self.topic, version)
        return days

    def cells(self, *versions: str) -> list[DailyAggregate]:
        chosen = versions or (self.scorer.version,)
        return self.queries.cells(self.topic.name, chosen, self.topic.start, self.topic.end)


@pytest.fixture(params=["sqlite", "postgresql"])
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pipeline]:
    path = tmp_path / "strike.toml"
    path.write_text(TOPIC)
    url = (
        f"sqlite:///{tmp_path / 'monitor.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    engine = open_engine(url)
    migrate(engine)
    yield Pipeline(engine, load_topic(path), FakeScorer(), FakeClock())
    engine.dispose()


def post(number: int, **changes: object) -> Post:
    values: dict[str, object] = {
        "platform": "x",
        "native_id": str(number),
        "created_at": datetime(2020, 6, 1, 12, tzinfo=UTC) + timedelta(hours=number % 72),
        "text": f"what I think, number {number % 17}",
        "language": "en",
        "author": f"author-{number % 23}",
        "self_description": "works at ACME" if number % 3 == 0 else "likes tea",
    }
    return Post(**(values | changes))  # type: ignore[arg-type]


def corpus() -> list[Page]:
    """Pages with reposts, edits, deletions, other languages, late and repeated posts."""
    posts = [post(number) for number in range(60)]
    reposts = [
        post(100 + n, kind="repost", reference=str(n), text=posts[n].text) for n in range(10)
    ]
    edits = [post(n, revision=1, text="I have changed my mind") for n in range(5, 9)]
    foreign = [post(200 + n, language="de") for n in range(6)]
    gone = (
        Deletion("x", native_id="3"),
        Deletion("x", author="author-9", reason="account deleted"),
        Deletion("x", native_id="59"),
    )
    return [
        Page(Checkpoint({}), tuple(posts[:30]), coverage=(_span(1),)),
        Page(Checkpoint({}), tuple(posts[30:] + edits), (Rejection("bad_json", "f:7"),)),
        Page(Checkpoint({}), tuple(reposts + foreign + posts[:4]), deletions=gone),
        Page(Checkpoint({}), (post(300, created_at=datetime(2020, 7, 1, tzinfo=UTC)),)),
    ]


def _span(day: int) -> Coverage:
    start = datetime(2020, 6, day, tzinfo=UTC)
    return Coverage(start, start + timedelta(days=1), "complete")


def test_every_record_is_in_exactly_one_count(pipeline: Pipeline) -> None:
    pages = corpus()
    collected = pipeline.collect(FakeCollector(numbered_pages(pages)))
    handed_over = sum(len(p.posts) + len(p.rejections) + len(p.deletions) for p in pages)
    assert collected.records == handed_over
    assert collected.reasons == {"bad_json": 1, "outside_window": 1}


def test_days_are_those_of_the_topic_s_time_zone(pipeline: Pipeline) -> None:
    late_evening = post(1, created_at=datetime(2020, 6, 2, 6, 59, tzinfo=UTC))
    next_day = post(2, created_at=datetime(2020, 6, 2, 7, 0, tzinfo=UTC))
    pipeline.collect(
        FakeCollector(numbered_pages([Page(Checkpoint({}), (late_evening, next_day))]))
    )
    pipeline.aggregate()
    assert {cell.day for cell in pipeline.cells()} == {date(2020, 6, 1), date(2020, 6, 2)}


def test_any_order_repetition_and_interruption_gives_the_same_figures(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.classify()
    pipeline.aggregate()
    undisturbed = pipeline.cells()

    random = Random(4)
    pipeline.store.remove_source("strike", "fake")
    for attempt in range(6):
        pages = corpus()
        random.shuffle(pages)
        broken = FakeCollector(numbered_pages(pages), f"fake{attempt}", fail_after=attempt)
        if attempt < 4:
            with pytest.raises(RuntimeError):
                pipeline.collect(broken)
        else:
            pipeline.collect(broken)
        pipeline.classify(batch=random.randint(1, 20))
        pipeline.aggregate()

    assert pipeline.cells() == undisturbed


@pytest.mark.parametrize("assumed", [False, True], ids=["no authors", "assumed authors"])
def test_posts_that_come_again_with_less_change_no_figure(
    pipeline: Pipeline, assumed: bool
) -> None:
    posts = tuple(post(number) for number in range(60))
    poor = tuple(
        replace(
            one,
            author=f"{ASSUMED_AUTHOR}{one.native_id}" if assumed else None,
            self_description=None,
            language=None,
        )
        for one in posts
    )
    pipeline.collect(FakeCollector([Page(Checkpoint({"page": 0}), posts)]))
    pipeline.classify()
    pipeline.aggregate()
    told = pipeline.cells()

    collected = pipeline.collect(FakeCollector([Page(Checkpoint({"page": 0}), poor)], "again"))
    pipeline.store.mark_days("strike")
    pipeline.aggregate()

    assert collected.counts["repeated"] == len(poor)
    assert pipeline.cells() == told


def test_after_an_interruption_the_next_pass_goes_on_where_the_last_page_was_stored(
    pipeline: Pipeline,
) -> None:
    pages = numbered_pages(corpus())
    with pytest.raises(RuntimeError):
        pipeline.collect(FakeCollector(pages, fail_after=2))
    collected = pipeline.collect(FakeCollector(pages))
    assert collected.records == sum(
        len(p.posts) + len(p.rejections) + len(p.deletions) for p in pages[2:]
    )


def test_identical_texts_are_scored_once(pipeline: Pipeline) -> None:
    page = Page(Checkpoint({}), tuple(post(n, text="sign the petition") for n in range(40)))
    pipeline.collect(FakeCollector(numbered_pages([page])))
    pipeline.classify(batch=10)
    assert pipeline.scorer.texts_scored == 1


def test_posts_in_other_languages_count_for_the_volume_and_are_not_scored(
    pipeline: Pipeline,
) -> None:
    page = Page(Checkpoint({}), (post(1, language="de"), post(2, language=None), post(3)))
    pipeline.collect(FakeCollector(numbered_pages([page])))
    pipeline.classify()
    pipeline.aggregate()
    by_head: dict[str, int] = {}
    for cell in pipeline.cells():
        by_head[cell.head] = by_head.get(cell.head, 0) + cell.posts
    assert by_head == {"volume": 3, "sentiment": 2, "stance": 2}


def test_a_deleted_post_leaves_the_figures_of_its_day(pipeline: Pipeline) -> None:
    pages = numbered_pages([Page(Checkpoint({}), (post(1), post(2)))])
    pipeline.collect(FakeCollector(pages))
    pipeline.classify()
    pipeline.aggregate()
    removal = Page(Checkpoint({}), deletions=(Deletion("x", native_id="1"), Deletion("x", "2")))
    pipeline.collect(FakeCollector(numbered_pages([removal]), "compliance"))
    pipeline.aggregate()
    assert pipeline.cells() == []


def test_a_new_version_is_shown_only_when_it_covers_every_post(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.classify()
    pipeline.aggregate()
    old = pipeline.scorer.version
    before = pipeline.cells(old)

    pipeline.scorer = FakeScorer(version="fake00000002")
    step = ClassifyStep(pipeline.store, pipeline.queries, pipeline.scorer, 5)
    stopped = step.classify(pipeline.topic, should_stop=lambda: True)
    assert not stopped.finished
    pipeline.aggregate()
    assert pipeline.queries.shown_version("strike") == old
    assert pipeline.cells(old) == before

    pipeline.classify()
    pipeline.aggregate()
    assert pipeline.queries.shown_version("strike") == "fake00000002"
    assert {cell.version for cell in pipeline.cells()} == {"", "fake00000002"}
    switches = pipeline.queries.series_switches("strike")
    assert [one.version for one in switches] == ["fake00000002", old]


def test_a_new_version_is_shown_while_posts_keep_coming(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.classify()
    pipeline.aggregate()
    old = pipeline.scorer.version

    pipeline.scorer = FakeScorer(version="fake00000002")
    pipeline.aggregate()  # nothing has been scored with it
    assert pipeline.queries.shown_version("strike") == old

    pipeline.classify()
    newest = Page(Checkpoint({}), (post(9001), post(9002)))
    pipeline.collect(FakeCollector(numbered_pages([newest]), "stream"))
    pipeline.aggregate()
    assert pipeline.queries.shown_version("strike") == "fake00000002"
    assert sum(cell.posts for cell in pipeline.cells()) > 0


def test_a_new_version_takes_no_day_whose_texts_it_cannot_read(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.classify()
    pipeline.aggregate()
    old = pipeline.scorer.version
    before = {cell for cell in told(pipeline) if cell[1] == "sentiment"}
    pipeline.clock.forward(days=31)
    RetentionStep(pipeline.store, 30, pipeline.clock).purge("strike")
    late = tuple(post(9000 + n, text=f"late {n}", created_at=LAST_DAY) for n in range(20))
    pipeline.collect(FakeCollector(numbered_pages([Page(Checkpoint({}), late)]), "stream"))

    pipeline.scorer = FakeScorer(version="fake00000002")
    pipeline.classify()
    pipeline.aggregate()
    assert pipeline.queries.shown_versions("strike") == ["fake00000002", old]
    after = {cell for cell in told(pipeline) if cell[1] == "sentiment"}
    assert {cell[0] for cell in after - before} == {LAST_DAY.date()}
    assert {cell[2] for cell in after - before} == {"fake00000002"}
    assert before <= after


LAST_DAY = datetime(2020, 6, 4, 20, tzinfo=UTC)


def told(pipeline: Pipeline) -> set[tuple[Any, ...]]:
    """Day, head, version, posts and labels of what tells of the days."""
    found = gather(pipeline.queries, pipeline.topic, every_question, enough=0.9)
    return {
        (one.day, one.head, one.version, one.posts, str(one.label_counts))
        for one in found.aggregates
    }


def test_going_back_to_the_old_version_scores_nothing_again(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    first = pipeline.scorer
    pipeline.classify()
    pipeline.aggregate()
    scored = first.texts_scored
    pipeline.scorer = FakeScorer(version="fake00000002")
    pipeline.classify()
    pipeline.aggregate()
    pipeline.scorer = first
    pipeline.classify()
    pipeline.aggregate()
    assert first.texts_scored == scored
    assert pipeline.queries.shown_version("strike") == first.version


def test_a_changed_target_text_is_asked_anew(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.classify()
    scored = pipeline.scorer.texts_scored
    pipeline.topic = replace(pipeline.topic, targets=(Target("strike", "the strikers"),))
    pipeline.classify()
    assert pipeline.scorer.texts_scored > scored


def test_a_worker_with_a_targets_former_text_ends_with_an_error(pipeline: Pipeline) -> None:
    """What it is scoring when the topic file is changed is not taken for the new text's."""
    former, store = pipeline.topic, pipeline.store
    reworded = replace(former, targets=(Target("strike", "the strikers"),))

    class Late(FakeScorer):
        def score(self, *given: Any, **options: Any) -> list[Scores]:
            store.sync_targets("strike", reworded.target_texts)
            return super().score(*given, **options)

    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.scorer = Late()
    with pytest.raises(StoreError, match="asked as 'the strikers' now"):
        pipeline.classify()
    asked = []
    for topic in (reworded, former):
        pipeline.topic, pipeline.scorer = topic, FakeScorer()
        pipeline.classify()
        asked.append(pipeline.scorer.texts_scored)
    assert asked[0] == asked[1]


def test_retention_takes_texts_and_pseudonyms_and_leaves_the_figures(pipeline: Pipeline) -> None:
    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    pipeline.classify()
    pipeline.aggregate()
    before = pipeline.cells()
    pipeline.clock.forward(days=31)
    purged = RetentionStep(pipeline.store, 30, pipeline.clock).purge("strike")
    pipeline.store.mark_days("strike")
    pipeline.aggregate()
    assert purged > 0
    assert pipeline.cells() == before
    with pipeline.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM posts WHERE text <> ''").scalar()
        rejections = connection.exec_driver_sql("SELECT count(*) FROM rejections").scalar()
    assert (kept, rejections) == (0, 0)


class Waiting(Store):
    """Somebody else is at work while the first removal waits for the writer."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], None]) -> None:
        super().__init__(engine)
        self.waits = [meanwhile]

    def remove(self, topic: str, demand: KeptDeletion, *, at: datetime) -> int:
        while self.waits:
            self.waits.pop()()
        return super().remove(topic, demand, at=at)


@pytest.mark.parametrize("stored", ["before", "after"])
def test_who_is_forgotten_while_a_page_is_taken_in_is_not_stored(
    pipeline: Pipeline, tmp_path: Path, stored: str
) -> None:
    """The page makes its key and asks for marks before the mark is there."""
    keys, ids = KeyRing(tmp_path / "keys", "strike", 30), PostIds(b"k" * 32)
    removed = partial(pipeline.queries.buried_marks, "strike")
    admission = Admission(pipeline.topic, keys, ids, removed)
    pages: list[KeptPage] = []

    def admit() -> None:
        pages.append(admission.page(Page(Checkpoint({}), (post(1),))))
        if stored == "before":
            pipeline.store.save_page("strike", "file", pages[0], at=pipeline.clock())

    store = Waiting(pipeline.engine, admit)
    gone = ForgetStep(store, keys, ids, pipeline.clock).forget(Deletion("x", author="author-1"))
    pipeline.store.save_page("strike", "file", pages[0], at=pipeline.clock())
    assert gone == (1 if stored == "before" else 0)
    assert pipeline.queries.totals("strike").posts == 0


def test_scores_that_never_reach_the_store_end_with_an_error(pipeline: Pipeline) -> None:
    class Forgetful(Store):
        def save_predictions(self, *_: object, **__: object) -> int:
            return 0

    pipeline.collect(FakeCollector(numbered_pages(corpus())))
    step = ClassifyStep(Forgetful(pipeline.engine), pipeline.queries, pipeline.scorer, 50)
    with pytest.raises(StoreError, match="stay pending"):
        step.classify(pipeline.topic)


@pytest.mark.parametrize("is_counted", [True, False], ids=["counted", "never counted"])
def test_posts_move_into_the_days_of_another_time_zone(
    pipeline: Pipeline, tmp_path: Path, is_counted: bool
) -> None:
    """The figures are those of a topic that has had this zone from the beginning."""
    auckland = tmp_path / "elsewhere" / "strike.toml"
    auckland.parent.mkdir()
    auckland.write_text(TOPIC.replace("America/Los_Angeles", "Pacific/Auckland"))
    moved = load_topic(auckland)
    # Within both windows, so that no post is refused by one of them.
    times = [datetime(2020, 6, 1, 8, tzinfo=UTC) + timedelta(hours=n) for n in range(72)]
    posts = tuple(post(n, created_at=at) for n, at in enumerate(times))
    half = len(posts) // 2

    def collect(which: Pipeline, part: tuple[Post, ...], *, count: bool = True) -> None:
        page = Page(Checkpoint({"page": 0}), posts=part)
        which.collect(FakeCollector([page], source="file"))
        if count:
            which.classify()
            which.aggregate()

    collect(pipeline, posts[:half], count=is_counted)
    first = pipeline.cells()
    pipeline.topic = moved
    collect(pipeline, posts[half:])

    engine = open_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    migrate(engine)
    fresh = Pipeline(engine, moved, FakeScorer(), FakeClock())
    collect(fresh, posts)
    days = {date(2020, 6, 1), date(2020, 6, 2)} if is_counted else set()
    assert {cell.day for cell in first} == days
    assert pipeline.cells() == fresh.cells()
    assert pipeline.aggregate() == 0
    engine.dispose()
