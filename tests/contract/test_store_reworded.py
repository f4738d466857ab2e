"""What people said of a target: it answers the text that they were asked about, and no other."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine
from store_values import NOW, answers, label, page, pending, post

from monitor.errors import StoreError
from monitor.store.desk import Answer, Assignment, LabelDesk
from monitor.store.queries import Queries
from monitor.store.store import Store

TEXTS = {"walkout": "the walkout", "policy": "the policy"}
REWORDED = {**TEXTS, "walkout": "the employees' demands"}
STANCE = ("stance", "walkout")


@pytest.fixture(autouse=True)
def posts(store: Store, topic: str) -> None:
    store.save_page(topic, "file", page(post("1"), post("2")), at=NOW)
    store.sync_targets(topic, TEXTS)


def audited(store: Store, queries: Queries, topic: str) -> list[tuple[str, str]]:
    """What audits the walkout when every post is answered: posts and labels."""
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    examples = [one for one in queries.examples(topic) if one.target == "walkout"]
    assert len(queries.audit_labels(topic, *STANCE, "v1")) == len(examples)
    assert queries.label_count(topic, *STANCE, "random") == len(examples)
    return [(one.native_id, one.label) for one in examples]


def test_labels_of_a_former_text_audit_it_alone(store: Store, queries: Queries, topic: str) -> None:
    store.save_labels(topic, [label("1"), label("1", target="policy")], at=NOW)
    assert audited(store, queries, topic) == [("1", "favor")]
    store.sync_targets(topic, REWORDED)
    assert audited(store, queries, topic) == []
    assert [one.target for one in queries.examples(topic)] == ["policy", "walkout: the walkout"]
    store.save_labels(topic, [label("1", "against"), label("2", "none")], at=NOW)
    assert audited(store, queries, topic) == [("1", "against"), ("2", "none")]

    store.sync_targets(topic, TEXTS)
    assert audited(store, queries, topic) == [("1", "favor")]
    store.sync_targets(topic, REWORDED)
    assert audited(store, queries, topic) == [("1", "against"), ("2", "none")]


def test_another_topics_labels_stay(store: Store, queries: Queries, topic: str) -> None:
    store.save_page("another", "file", page(post("1")), at=NOW)
    store.sync_targets("another", TEXTS)
    store.save_labels("another", [label("1")], at=NOW)
    store.sync_targets(topic, REWORDED)
    assert queries.label_count("another", *STANCE, "random") == 1


def test_whoever_could_not_tell_is_asked_about_the_new_text(
    engine: Engine, store: Store, topic: str
) -> None:
    desk, ann = LabelDesk(engine), Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0)
    first, second = desk.draw(ann, 9)
    desk.save(topic, Answer(first, "ann", marks=((STANCE, "unsure"),)), at=NOW)
    desk.save(topic, Answer(second, "ann", labels=((STANCE, "favor"),)), at=NOW)
    assert desk.draw(ann, 9) == []
    store.sync_targets(topic, REWORDED)
    assert sorted(desk.draw(ann, 9)) == sorted([first, second])
    store.sync_targets(topic, TEXTS)
    assert desk.draw(ann, 9) == []


def test_answers_to_a_former_text_are_refused(store: Store, queries: Queries, topic: str) -> None:
    """A worker that began before the topic file was changed: they would be the new text's."""
    late = answers(pending(queries, topic))
    store.sync_targets(topic, REWORDED)
    with pytest.raises(StoreError, match='asked as "the employees\' demands" now'):
        store.save_predictions(topic, "v1", late, asked=TEXTS)
    assert len(pending(queries, topic)) == 2
    assert store.save_predictions(topic, "v1", late, asked=REWORDED) == len(late)
