"""Conflicts and who settles them; texts that are asked once; posts that were chosen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine
from store_values import NOW, QUESTIONS, answers, label, page, pending, post

from monitor.store.desk import Answer, Assignment, LabelDesk
from monitor.store.queries import Queries
from monitor.store.store import Store

STANCE = ("stance", "walkout")


@pytest.fixture(autouse=True)
def posts(store: Store, topic: str) -> None:
    same = [post(f"copy{n}", text="the same words again") for n in range(3)]
    store.save_page(topic, "file", page(post("1"), post("2"), *same), at=NOW)


def test_a_conflict_is_open_until_somebody_settles_it(
    store: Store, queries: Queries, topic: str
) -> None:
    both = [label("1", "favor"), label("1", "none", annotator="ben"), label("2", "favor")]
    store.save_labels(topic, both, at=NOW)
    (conflict,) = queries.conflicts(topic)
    assert (conflict.native_id, conflict.is_even) == ("1", True)
    assert conflict.given == {"ann": "favor", "ben": "none"}
    assert [each.native_id for each in queries.examples(topic)] == ["2"]

    settled = label("1", "none", annotator="chair", decides=True)
    store.save_labels(topic, [settled], at=NOW)
    assert queries.conflicts(topic) == []
    found = {each.native_id: (each.label, each.annotators) for each in queries.examples(topic)}
    assert found == {"1": ("none", ("ben", "chair")), "2": ("favor", ("ann",))}


def test_what_settles_beats_the_majority_and_the_later_word_counts(
    store: Store, queries: Queries, topic: str
) -> None:
    given = [label("1", "favor", annotator=name) for name in ("a", "b", "c")]
    settling = [
        label("1", "none", annotator="chair", decides=True, at=NOW),
        label("1", "against", annotator="vice", decides=True, at=NOW + timedelta(days=1)),
    ]
    store.save_labels(topic, [*given, *settling], at=NOW)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    assert [each.label for each in queries.examples(topic)] == ["against"]
    audit = queries.audit_labels(topic, *STANCE, "v1")
    assert [each.truth for each in audit] == ["against"]


def test_an_uneven_conflict_comes_after_the_even_ones(
    store: Store, queries: Queries, topic: str
) -> None:
    given = [label("1", said, annotator=who) for who, said in zip("abc", "fnf", strict=True)]
    words = {"f": "favor", "n": "none"}
    uneven = [label("1", words[one.label], annotator=one.annotator) for one in given]
    even = [label("2", "favor", annotator="a"), label("2", "none", annotator="b")]
    store.save_labels(topic, [*uneven, *even], at=NOW)
    assert [(one.native_id, one.is_even) for one in queries.conflicts(topic)] == [
        ("2", True),
        ("1", False),
    ]


def test_of_copies_one_is_drawn_and_the_others_take_its_labels(
    store: Store, queries: Queries, topic: str
) -> None:
    drawn = queries.unlabelled(topic, [STANCE], ["en"], limit=99)
    assert sorted(each.native_id[:4] for each in drawn) == ["1", "2", "copy"]
    (copy,) = [each for each in drawn if each.native_id.startswith("copy")]
    given = label(copy.native_id, "against")
    store.save_labels(topic, [given], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"], limit=99) == 2
    assert store.echo_labels(topic, [STANCE], ["en"], limit=99) == 0
    found = [(each.label, each.sample) for each in queries.examples(topic)]
    assert found == [("against", "random")] * 3


def test_only_copies_that_the_draw_has_met_take_labels(
    store: Store, queries: Queries, topic: str
) -> None:
    order = [each.native_id for each in queries.unlabelled(topic, [STANCE], ["en"], limit=99)]
    place = next(n for n, one in enumerate(order) if one.startswith("copy"))
    store.save_labels(topic, [label(order[place])], at=NOW)
    met = store.echo_labels(topic, [STANCE], ["en"], limit=1)
    assert met <= store.echo_labels(topic, [STANCE], ["en"], limit=99) + met == 2


def test_the_desk_asks_a_text_once(engine: Engine, queries: Queries, topic: str) -> None:
    desk = LabelDesk(engine)
    ann = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0)
    asked = desk.draw(ann, 50)
    assert len(asked) == 3
    for number, post_id in enumerate(asked):
        at = NOW + timedelta(seconds=number)
        desk.save(topic, Answer(post_id, "ann", labels=((STANCE, "favor"),)), at=at)
    assert desk.draw(ann, 50) == []
    assert len(queries.examples(topic)) == 5
    assert desk.undo(topic, "ann") == asked[-1]


def test_chosen_posts_wait_in_their_order_until_somebody_labels_them(
    store: Store, queries: Queries, topic: str
) -> None:
    ids = {one.native_id: one.post_id for one in _candidates(store, queries, topic)}
    best = [ids["2"], ids["1"]]
    store.choose_posts(topic, best, reason="uncertain", version="v1", at=NOW)
    assert queries.chosen_posts(topic) == best
    store.save_labels(topic, [label("2", sample="active")], at=NOW)
    assert queries.chosen_posts(topic) == [ids["1"]]
    store.choose_posts(topic, [], reason="uncertain", version="v2", at=NOW)
    assert queries.chosen_posts(topic) == []


def test_candidates_are_unlabelled_opinions_with_an_answer(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("1")], at=NOW)
    found = _candidates(store, queries, topic)
    assert sorted(one.native_id for one in found) == ["2", "copy0", "copy1", "copy2"]
    store.save_page(topic, "file", page(post("new"), state=2), at=NOW)
    assert len(queries.candidates(topic, "v1", languages=["en"], limit=99)) == 4


class _Named:
    def __init__(self, post_id: int, native_id: str) -> None:
        self.post_id, self.native_id = post_id, native_id


def _candidates(store: Store, queries: Queries, topic: str) -> list[_Named]:
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    found = queries.candidates(topic, "v1", languages=["en"], limit=99)
    assert all(set(one.scores) == set(QUESTIONS) for one in found)
    names = queries.posts_by_id(topic, [one.post_id for one in found])
    return [_Named(one.post_id, names[one.post_id].native_id) for one in found]
