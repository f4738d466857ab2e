"""A label file's answers and the posts that have the same texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest

from monitor.pipeline.classify import questions_of
from monitor.pipeline.labels import LabelsImported, LabelStep
from monitor.post_ids import PostIds
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import UnlabelledPost
from tests.dashboard_fakes import TOPIC
from tests.desk_fakes import Desk, open_desk


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


def test_a_post_that_was_left_empty_holds_later_copies_up(desk: Desk, tmp_path: Path) -> None:
    first, *others = drawn(desk, 20)
    assert imported(desk, tmp_path / "labels.jsonl", others).copies <= 1
    assert drawn(desk, 1) == [first]
    assert imported(desk, tmp_path / "labels.jsonl", [first]).copies > 0
