"""What versions keep on disk of labelled posts goes with the post or its labels, and no sooner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from store_values import NOW, deletion, label, page, post

from classifiers.examples import Example
from classifiers.held_out import read_held_out, write_held_out
from classifiers.registry import Registry
from monitor.pipeline.forget import UnlearnStep
from monitor.post_ids import PostIds
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.topic import Query, Target, Topic

TEXTS = {"walkout": "the walkout", "policy": "the policy"}
REWORDED = {**TEXTS, "walkout": "the employees' demands"}
LEFT_OUT = {"policy": "the policy"}
DIGESTS = {
    f"{name} {number}": Example(f"x/{number}", "", head, text, "", audit=False).digest
    for name, head, text in (("stance", "stance", "the walkout"), ("sentiment", "sentiment", ""))
    for number in range(2)
}
ALL = sorted(DIGESTS)
Left = Callable[..., list[str]]


def watched(topic: str, texts: dict[str, str]) -> Topic:
    return Topic(
        name=topic,
        title="Walkout",
        timezone=ZoneInfo("UTC"),
        start=NOW.date(),
        end=NOW.date() + timedelta(days=1),
        languages=("en",),
        targets=tuple(Target(*one) for one in texts.items()),
        queries={"": Query(("walkout",), {})},
    )


@pytest.fixture
def left(store: Store, queries: Queries, topic: str, tmp_path: Path) -> Left:
    """Unlearns by a topic file, and tells of which of the labelled posts there are answers left."""
    store.save_page(topic, "file", page(post("0"), post("1")), at=NOW)
    store.sync_targets(topic, TEXTS)
    questions: list[dict[str, Any]] = [{}, {"head": "sentiment", "target": "", "answer": "neutral"}]
    given = [label(str(number), **each) for number in range(2) for each in questions]
    store.save_labels(topic, given, at=NOW)
    write_held_out(tmp_path, {digest: [0.2, 0.6, 0.2] for digest in DIGESTS.values()})
    versions = [SimpleNamespace(id="v1", topic=topic)]
    registry = SimpleNamespace(list=lambda _: versions, path=lambda _: tmp_path)

    def unlearned(texts: dict[str, str] = TEXTS) -> list[str]:
        step = UnlearnStep(queries, cast("Registry", registry), PostIds(b"k" * 32))
        step.unlearn(watched(topic, texts))
        known = read_held_out(tmp_path)
        return [name for name in ALL if DIGESTS[name] in known]

    return unlearned


def test_answers_about_removed_posts_go(store: Store, topic: str, left: Left) -> None:
    assert left() == ALL
    store.remove(topic, deletion("0"), at=NOW)
    assert left() == ["sentiment 1", "stance 1"]


def test_answers_about_purged_texts_go(store: Store, topic: str, left: Left) -> None:
    store.purge_texts(topic, NOW + timedelta(days=1))
    assert left() == []


def test_answers_about_a_former_text_stay_as_its_labels_do(
    store: Store, topic: str, left: Left
) -> None:
    assert left(REWORDED) == ALL  # the file has another text, and nobody has noted it yet
    store.sync_targets(topic, REWORDED)
    assert left(REWORDED) == ALL
    store.remove(topic, deletion("0"), at=NOW)
    assert left(REWORDED) == ["sentiment 1", "stance 1"]


def test_answers_about_a_target_that_is_left_out_for_a_while_stay(
    store: Store, topic: str, left: Left
) -> None:
    store.sync_targets(topic, LEFT_OUT)
    assert left(LEFT_OUT) == ALL


def test_answers_stay_while_annotators_are_even(store: Store, topic: str, left: Left) -> None:
    """Once that is settled they are needed again, and nobody could make them anew."""
    store.save_labels(topic, [label("0", "against", annotator="ben")], at=NOW)
    assert left() == ALL
