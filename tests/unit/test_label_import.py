"""A label file's answers and the posts that have the same texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from classifiers.heads import head as head_named
from collectors.post import Checkpoint
from monitor.kept import KeptPage
from monitor.labelfiles.record import Given, Item, Question
from monitor.labelfiles.shapes import SHAPES
from monitor.pipeline.classify import questions_of
from monitor.pipeline.label_items import exported_items, queue_items
from monitor.pipeline.labels import LabelsImported, LabelStep
from monitor.post_ids import PostIds
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import UnlabelledPost
from tests.dashboard_fakes import TOPIC
from tests.desk_fakes import Desk, kept_post, open_desk


class _PlainIds:
    """Ids that need no seal."""

    def seal(self, native_id: str) -> str:
        return native_id


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Of 60 posts every other has the same text."""
    made = open_desk(tmp_path, ["#WalkOut" if n % 2 else f"text {n}" for n in range(60)])
    yield made
    made.engine.dispose()


def drawn(desk: Desk, limit: int) -> list[UnlabelledPost]:
    questions = questions_of(TOPIC)
    return Queries(desk.engine).unlabelled(TOPIC.name, questions, TOPIC.languages, limit=limit)


def imported(desk: Desk, file: Path, posts: Sequence[UnlabelledPost]) -> LabelsImported:
    answers = {"stance": ("favor", "none"), "sentiment": ("positive", "neutral")}
    lines = [
        {"id": post.native_id, "head": head, "target": target, "sample": "random"}
        | {"label": answers[head][post.text != "#WalkOut"], "annotator": "ann"}
        for post in posts
        for head, target in questions_of(TOPIC)
    ]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    step = LabelStep(Store(desk.engine), cast(PostIds, _PlainIds()), desk.clock)
    return step.import_file(TOPIC, file)


def answered_queue(desk: Desk) -> tuple[list[Item], list[Question]]:
    items, questions = queue_items(
        Queries(desk.engine), TOPIC, None, choose="random", limit=3, random_part=1
    )
    said = tuple(Given(*one, head_named(one[0]).labels[0], "ann") for one in questions)
    return [replace(one, answers=said) for one in items], questions


def import_items(desk: Desk, file: Path, items: Sequence[Item]) -> LabelsImported:
    file.write_text(SHAPES["jsonl"].write(items, questions_of(TOPIC)))
    step = LabelStep(Store(desk.engine), cast(PostIds, _PlainIds()), desk.clock)
    return step.import_file(TOPIC, file)


def edit(desk: Desk, native_id: str) -> None:
    edited = kept_post(native_id, "an edited text")._replace(revision=1)
    page = KeptPage(Checkpoint({"n": 2}), (edited,))
    Store(desk.engine).save_page(TOPIC.name, "file", page, at=desk.clock())


def test_after_an_import_a_repeated_text_counts_as_often_as_it_was_posted(
    desk: Desk, tmp_path: Path
) -> None:
    result = imported(desk, tmp_path / "labels.jsonl", drawn(desk, 20))
    found = Queries(desk.engine).examples(TOPIC.name)
    stance = [one.label for one in found if (one.head, one.target) == ("stance", "walkout")]
    assert len(stance) == 20 + result.copies
    assert stance.count("favor") == 1 + result.copies
    assert 0.3 < stance.count("favor") / len(stance) < 0.7


def test_an_import_answers_the_texts_that_the_targets_have_by_now(
    desk: Desk, tmp_path: Path
) -> None:
    first, *rest = TOPIC.targets
    before = {first.name: "a former text", **{one.name: one.text for one in rest}}
    store, queries = Store(desk.engine), Queries(desk.engine)
    store.sync_targets(TOPIC.name, before)
    posts = drawn(desk, 20)
    imported(desk, tmp_path / "labels.jsonl", posts)
    now = {one.name: one.text for one in TOPIC.targets}
    given = queries.label_count(TOPIC.name, "stance", first.name)
    store.sync_targets(TOPIC.name, now)  # as the next pass of the classifier does
    assert queries.label_count(TOPIC.name, "stance", first.name) == given > 0


def test_an_import_of_the_same_file_makes_no_more_copies(desk: Desk, tmp_path: Path) -> None:
    posts = drawn(desk, 20)
    assert imported(desk, tmp_path / "labels.jsonl", posts).copies > 0
    assert imported(desk, tmp_path / "labels.jsonl", posts).copies == 0


def test_an_answer_from_the_future_is_rejected(desk: Desk, tmp_path: Path) -> None:
    now = desk.clock()
    times = [now, now + timedelta(seconds=1)]
    line = {"head": "sentiment", "label": "neutral", "annotator": "ann"}
    posts = drawn(desk, 2)
    lines = [
        line | {"id": post.native_id, "at": at.isoformat()}
        for post, at in zip(posts, times, strict=True)
    ]
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in lines))
    step = LabelStep(Store(desk.engine), cast(PostIds, _PlainIds()), lambda: now)
    result = step.import_file(TOPIC, file)
    assert (result.counts["stored"], result.counts["rejected"]) == (1, 1)
    assert result.problems == [
        f"line 2: at {times[1].isoformat()} is later than now ({now.isoformat()})"
    ]


def test_an_answered_queue_has_nothing_to_say_about_posts_edited_since(
    desk: Desk, tmp_path: Path
) -> None:
    items, questions = answered_queue(desk)
    edit(desk, items[0].native_id)
    counts = import_items(desk, tmp_path / "queue.jsonl", items).counts
    assert (counts["edited_post"], counts["stored"]) == (len(questions), 2 * len(questions))


@pytest.mark.parametrize(("texts", "count"), [(True, "edited_post"), (False, "stored")])
def test_exported_labels_tell_what_text_they_are_about_where_they_hold_it(
    desk: Desk, tmp_path: Path, texts: bool, count: str
) -> None:
    items, questions = answered_queue(desk)
    import_items(desk, tmp_path / "queue.jsonl", items)
    exported = exported_items(Queries(desk.engine), TOPIC, texts=texts)
    edit(desk, items[0].native_id)
    counts = import_items(desk, tmp_path / "labels.jsonl", exported).counts
    assert {name: counts[name] for name in ("edited_post", "stored") if counts[name]} == {
        count: len(questions)
    }


def test_a_post_that_was_left_empty_holds_later_copies_up(desk: Desk, tmp_path: Path) -> None:
    first, *others = drawn(desk, 20)
    assert imported(desk, tmp_path / "labels.jsonl", others).copies <= 1
    assert drawn(desk, 1) == [first]
    assert imported(desk, tmp_path / "labels.jsonl", [first]).copies > 0


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:30:00-01:00"]
)
def test_an_answer_from_the_end_of_the_calendar_is_rejected(
    desk: Desk, tmp_path: Path, at: str
) -> None:
    (drawn_post,) = drawn(desk, 1)
    line = {"id": drawn_post.native_id, "head": "sentiment", "label": "neutral", "annotator": "ann"}
    file = tmp_path / "labels.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in (line | {"at": at}, line)))
    step = LabelStep(Store(desk.engine), cast(PostIds, _PlainIds()), desk.clock)
    result = step.import_file(TOPIC, file)
    assert (result.counts["stored"], result.counts["rejected"]) == (1, 1)
    assert "is no time such as" in result.problems[0]
