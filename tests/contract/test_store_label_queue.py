"""Conflicts and who settles them; texts that are asked once; posts that were chosen."""

from __future__ import annotations

import tracemalloc
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, Engine
from store_values import NOW, QUESTIONS, answers, label, page, pending, post

from monitor.store import echo
from monitor.store.chosen import Answered
from monitor.store.desk import WHOLE_POST, Answer, Assignment, LabelDesk, Mark
from monitor.store.draw import lot_of
from monitor.store.engine import writing
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.undo import Undone

STANCE = ("stance", "walkout")


HASHTAGS, OTHERS = 250, 250


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
    store.save_labels(topic, [label(each.native_id, "against") for each in drawn], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == 2
    assert store.echo_labels(topic, [STANCE], ["en"]) == 0
    found = [(each.label, each.sample) for each in queries.examples(topic)]
    assert found == [("against", "random")] * 5
    assert queries.unlabelled(topic, [STANCE], ["en"], limit=99) == []


def test_copies_take_a_label_that_came_with_the_first_moment_there_is(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    """Some tools write the empty date so."""
    first = datetime.min.replace(tzinfo=UTC)
    drawn = queries.unlabelled(topic, [STANCE], ["en"], limit=99)
    store.save_labels(topic, [label(each.native_id, at=first) for each in drawn], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == 2
    assert len(queries.examples(topic)) == 5
    assert LabelDesk(engine).undo(topic, "ann") is None  # They share their moment, as of a file.


def test_a_draw_holds_few_of_the_posts_at_once(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    store.save_page(topic, "file", page(*(post(f"many{n}") for n in range(6000))), at=NOW)
    desk, ann = LabelDesk(engine), Assignment(topic, "ann", (STANCE,), ("en",), 0.5)
    desk.draw(ann, 5)  # What is loaded once does not count.
    tracemalloc.start()
    drawn = desk.draw(ann, 5)
    of_queue = queries.unlabelled(topic, [STANCE], ["en"], limit=5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [desk.text(topic, one) for one in drawn] == [one.text for one in of_queue]
    assert peak < 1_500_000


def test_copies_behind_a_text_that_has_to_be_asked_take_no_labels(
    store: Store, queries: Queries, topic: str
) -> None:
    order = _in_order(["1", "2", "copy0", "copy1", "copy2"])
    copies = [one for one in order if one.startswith("copy")]
    others = [one for one in order if not one.startswith("copy")]
    before = [one for one in copies if order.index(one) < order.index(others[0])]
    store.save_labels(topic, [label(copies[-1])], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == len({*before} - {copies[-1]})
    assert _labelled(queries, topic) == {*before, copies[-1]}
    assert [one.native_id for one in queries.unlabelled(topic, [STANCE], ["en"], limit=99)] == (
        others
    )
    store.save_labels(topic, [label(one) for one in others], at=NOW)
    store.echo_labels(topic, [STANCE], ["en"])
    assert _labelled(queries, topic) == set(order)


def test_labels_from_elsewhere_give_copies_none_far_behind_what_was_asked(
    store: Store, queries: Queries, topic: str
) -> None:
    _fill(store, topic)
    every = [f"h{n}" for n in range(HASHTAGS)] + [f"o{n}" for n in range(OTHERS)]
    first = _in_order([*every, "1", "2", "copy0"])[0]
    elsewhere = [one for one in every[::10] if one != first]
    store.save_labels(topic, [label(one) for one in elsewhere], at=NOW)
    made = store.echo_labels(topic, [STANCE], ["en"])
    assert made < 10
    assert len(_labelled(queries, topic)) == len(elsewhere) + made


def test_with_its_copies_the_audit_has_the_share_of_all_posts(
    store: Store, queries: Queries, topic: str
) -> None:
    _fill(store, topic)
    drawn = queries.unlabelled(topic, [STANCE], ["en"], limit=100)
    store.save_labels(topic, [label(one.native_id, _truth(one.native_id)) for one in drawn], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) > 50
    found = [one.label for one in queries.examples(topic)]
    share = found.count("favor") / len(found)
    assert abs(share - HASHTAGS / (HASHTAGS + OTHERS)) < 2 * (0.25 / len(found)) ** 0.5
    labelled = _labelled(queries, topic)
    assert labelled == set(_in_order(_everything())[: len(labelled)])


def test_a_text_that_was_answered_when_chosen_holds_copies_up_until_its_turn_at_random(
    store: Store, queries: Queries, topic: str
) -> None:
    order = _in_order(_everything()[:5])
    chosen, twin = order[0], order[2]
    assert not chosen.startswith("copy") and twin.startswith("copy")
    given = [label(chosen, sample="active"), label(order[1]), label(twin)]
    store.save_labels(topic, given, at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == 0
    drawn = queries.unlabelled(topic, [STANCE], ["en"], limit=1)
    assert [one.native_id for one in drawn] == [chosen]
    store.save_labels(topic, [label(chosen)], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == 2


def test_a_copy_that_was_answered_when_chosen_takes_the_random_label_of_its_text(
    store: Store, queries: Queries, topic: str
) -> None:
    given = [label(one) for one in ("1", "2", "copy0")]
    store.save_labels(topic, [*given, label("copy1", "none", sample="active")], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == 2
    assert {(one.label, one.sample) for one in queries.examples(topic)} == {("favor", "random")}
    assert store.echo_labels(topic, [STANCE], ["en"]) == 0


def test_each_question_has_its_own_labels_for_copies(
    store: Store, queries: Queries, topic: str
) -> None:
    drawn = queries.unlabelled(topic, QUESTIONS, ["en"], limit=99)
    store.save_labels(topic, [label(one.native_id) for one in drawn], at=NOW)
    assert store.echo_labels(topic, QUESTIONS, ["en"]) == 2
    assert len(queries.examples(topic)) == 5
    again = queries.unlabelled(topic, QUESTIONS, ["en"], limit=99)
    assert [one.native_id for one in again] == [one.native_id for one in drawn]


def test_a_copy_with_labels_of_its_own_takes_no_others(
    store: Store, queries: Queries, topic: str
) -> None:
    given = [label(one) for one in ("1", "2", "copy0", "copy1")]
    store.save_labels(topic, [*given, label("copy2", "none", annotator="ben")], at=NOW)
    assert store.echo_labels(topic, QUESTIONS, ["en"]) == 0


@pytest.mark.parametrize("edited", ["copy", "twin"])
def test_a_post_that_is_edited_while_copies_are_sought_takes_and_gives_no_label(
    store: Store, queries: Queries, topic: str, edited: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = _in_order(["copy0", "copy1", "copy2"])
    now = post(copies[0 if edited == "copy" else 1], text="an edited text", revision=1)
    given = [label("1"), label("2"), label(copies[1])]
    store.save_labels(topic, given, at=NOW)

    def writing_late(engine: Engine) -> AbstractContextManager[Connection]:
        store.save_page(topic, "file", page(now, state=2), at=NOW)
        if edited == "twin":  # What is said of its new text is no copy's either.
            store.save_labels(topic, [label(copies[1], "against")], at=NOW)
        return writing(engine)

    monkeypatch.setattr(echo, "writing", writing_late)
    assert store.echo_labels(topic, [STANCE], ["en"]) == (1 if edited == "copy" else 0)
    assert _labelled(queries, topic) == {"1", "2", *copies[1 : 3 if edited == "copy" else 2]}


@pytest.mark.parametrize("mark", ["unsure", "skip"])
def test_what_was_asked_in_vain_holds_no_copies_up(
    engine: Engine, queries: Queries, topic: str, mark: Mark
) -> None:
    desk = LabelDesk(engine)
    ann = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0)
    texts = {one: desk.text(topic, one) for one in desk.draw(ann, 50)}
    about = WHOLE_POST if mark == "skip" else STANCE
    for number, (post_id, text) in enumerate(texts.items()):
        copied = text == "the same words again"
        said = {"labels": ((STANCE, "favor"),)} if copied else {"marks": ((about, mark),)}
        at = NOW + timedelta(seconds=number)
        desk.save(topic, Answer(post_id, "ann", **said), at=at)  # type: ignore[arg-type]
    desk.draw(ann, 50)
    assert _labelled(queries, topic) == {"copy0", "copy1", "copy2"}


@pytest.mark.parametrize("mark", ["unsure", "skip"])
def test_copies_of_what_was_asked_in_vain_are_asked_no_earlier(
    engine: Engine, topic: str, mark: Mark
) -> None:
    desk = LabelDesk(engine)
    ann = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0)
    drawn = desk.draw(ann, 50)
    (copy,) = [one for one in drawn if desk.text(topic, one) == "the same words again"]
    about = WHOLE_POST if mark == "skip" else STANCE
    desk.save(topic, Answer(copy, "ann", marks=((about, mark),)), at=NOW)
    others = [one for one in drawn if one != copy]
    assert desk.draw(ann, 50) == [*others, copy][: 2 if mark == "unsure" else 3]


def test_nobody_is_asked_a_copy_that_waits_for_its_label(
    engine: Engine, store: Store, queries: Queries, topic: str
) -> None:
    desk = LabelDesk(engine)
    ann = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0)
    copies = _in_order(_everything()[:3])
    store.save_labels(topic, [label(copies[0])], at=NOW)
    for who in ("ann", "ben"):
        asked = desk.draw(replace(ann, annotator=who), 50)
        assert len(asked) == 2
        assert {desk.text(topic, one) for one in asked}.isdisjoint({"the same words again"})


def test_an_answer_that_is_taken_back_is_taken_from_its_copies(
    engine: Engine, queries: Queries, topic: str
) -> None:
    desk = LabelDesk(engine)
    ann = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0)
    drawn = sorted(desk.draw(ann, 50), key=lambda one: "same words" in desk.text(topic, one))
    for number, post_id in enumerate(drawn):
        at = NOW + timedelta(seconds=number)
        desk.save(topic, Answer(post_id, "ann", labels=((STANCE, "favor"),)), at=at)
    assert desk.draw(ann, 50) == []
    assert len(_labelled(queries, topic)) == 5
    assert desk.undo(topic, "ann") == Undone(drawn[-1], "random")
    assert _labelled(queries, topic) == {"1", "2"}


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
    assert desk.undo(topic, "ann") == Undone(asked[-1], "random")


def _disputed(store: Store, topic: str) -> None:
    """A text that two answered differently, and whose copies have taken both answers."""
    given = [label("1"), label("2"), label("copy0"), label("copy0", "none", annotator="ben")]
    store.save_labels(topic, given, at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"]) == 2


def test_a_text_that_is_disputed_counts_once_however_often_it_was_copied(
    engine: Engine, store: Store, queries: Queries, topic: str
) -> None:
    _disputed(store, topic)
    day = NOW.date()
    assert [one.native_id for one in queries.conflicts(topic)] == ["copy0"]
    disputed = {"ann": "favor", "ben": "none"}
    found = queries.answers_by_text(topic, day, day + timedelta(days=1))[STANCE]
    assert sorted(found, key=len) == [{"ann": "favor"}, {"ann": "favor"}, disputed]
    counts = LabelDesk(engine).counts(topic)
    assert sorted(map(sorted, counts.given[STANCE])) == [["favor"], ["favor"], ["favor", "none"]]
    assert counts.by_annotator == {"ann": 3, "ben": 1}
    assert counts.posts == {STANCE: 5}


def test_what_was_corrected_since_is_what_is_said_of_a_copied_text(
    store: Store, queries: Queries, topic: str
) -> None:
    _disputed(store, topic)
    later = label("copy0", "favor", annotator="ben", at=NOW + timedelta(days=1))
    store.save_labels(topic, [later], at=NOW)
    found = queries.answers_by_text(topic, NOW.date(), NOW.date() + timedelta(days=1))[STANCE]
    assert {"ann": "favor", "ben": "favor"} in found


def test_what_settles_at_the_desk_settles_it_for_copies_and_is_taken_back_from_them(
    engine: Engine, store: Store, queries: Queries, topic: str
) -> None:
    _disputed(store, topic)
    desk = LabelDesk(engine)
    (conflict,) = queries.conflicts(topic)
    settled = Answer(conflict.post_id, "chair", labels=((STANCE, "against"),), decides=True)
    desk.save(topic, settled, at=NOW + timedelta(hours=1))
    assert queries.conflicts(topic) == []
    assert _truths(queries, topic) == {"1": "favor", "2": "favor"} | dict.fromkeys(
        ("copy0", "copy1", "copy2"), "against"
    )
    assert store.echo_labels(topic, [STANCE], ["en"]) == 0
    assert desk.undo(topic, "chair") == Undone(conflict.post_id, "random")
    assert len(queries.conflicts(topic)) == 1
    assert _truths(queries, topic) == {"1": "favor", "2": "favor"}


def test_what_settles_in_a_file_settles_it_for_copies_and_draws_none_into_the_audit(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_labels(topic, [label("copy0"), label("copy0", "none", annotator="ben")], at=NOW)
    store.save_labels(topic, [label("copy1", "none", sample="active")], at=NOW)
    first = label("copy0", "against", annotator="chair", decides=True)
    last = label("copy0", "favor", annotator="vice", decides=True, at=NOW + timedelta(hours=1))
    for settling, truth in ((first, "against"), (last, "favor")):
        store.save_labels(topic, [settling], at=NOW)
        store.echo_labels(topic, [("sentiment", "")], ["en"])
        found = {one.native_id: (one.label, one.sample) for one in queries.examples(topic)}
        assert found == {"copy0": (truth, "random"), "copy1": (truth, "active")}
    assert queries.unlabelled(topic, [STANCE], ["en"], limit=99)


def test_a_later_answer_of_who_settled_stays(store: Store, queries: Queries, topic: str) -> None:
    store.save_labels(topic, [label("copy0"), label("copy1")], at=NOW)
    settling = label("copy0", "none", annotator="chair", decides=True)
    store.save_labels(topic, [settling], at=NOW)
    store.echo_labels(topic, [STANCE], ["en"])
    later = label("copy0", "favor", annotator="chair", at=NOW + timedelta(days=1))
    store.save_labels(topic, [later], at=NOW)
    store.echo_labels(topic, [STANCE], ["en"])
    days = (NOW.date(), NOW.date() + timedelta(days=1))
    said = {(one.native_id, one.annotator): one.label for one in queries.labels(topic, *days)}
    assert said["copy0", "chair"] == "favor"


def test_annotators_agree_or_not_about_a_target_s_present_text(
    store: Store, queries: Queries, topic: str
) -> None:
    store.sync_targets(topic, {"walkout": "the walkout"})
    store.save_labels(topic, [label("1", "favor"), label("1", "none", annotator="ben")], at=NOW)
    store.sync_targets(topic, {"walkout": "the strike"})
    assert queries.answers_by_text(topic, NOW.date(), NOW.date() + timedelta(days=1)) == {}


def test_a_text_that_was_answered_outside_the_window_is_not_asked_again(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    late = post("late", text="the same words again", created_at=NOW + timedelta(days=1))
    store.save_page(topic, "file", page(late, state=2), at=NOW)
    store.save_labels(topic, [label("late")], at=NOW)
    days = (NOW.date(), NOW.date() + timedelta(days=1))
    of_queue = queries.unlabelled(topic, [STANCE], ["en"], limit=99, days=days)
    of_desk = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0, days=days)
    desk = LabelDesk(engine)
    drawn = [found.text for one in desk.draw(of_desk, 99) if (found := desk.post(of_desk, one))]
    assert drawn == [one.text for one in of_queue]
    assert "the same words again" not in drawn


def test_what_settles_a_post_without_a_text_settles_no_other(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(*(post(f"e{n}", text="") for n in range(2))), at=NOW)
    given = [label("e0", "against", annotator="chair", decides=True), label("e1")]
    store.save_labels(topic, given, at=NOW)
    store.echo_labels(topic, [STANCE], ["en"])
    assert len(queries.labels(topic, NOW.date(), NOW.date() + timedelta(days=1))) == 2


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
    assert len(queries.candidates(Answered(topic, "v1", ("en",)), limit=99)) == 4


def test_posts_of_days_that_the_window_has_lost_are_neither_drawn_nor_chosen(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    late = [post(f"late{n}", created_at=NOW + timedelta(days=1)) for n in range(3)]
    late += [post("late copy", text="the same words again", created_at=NOW + timedelta(days=1))]
    store.save_page(topic, "file", page(*late, state=2), at=NOW)
    ids = {one.native_id: one.post_id for one in _candidates(store, queries, topic)}
    best = [ids["late1"], ids["2"]]
    store.choose_posts(topic, best, reason="uncertain", version="v1", at=NOW)
    days = (NOW.date(), NOW.date() + timedelta(days=1))

    drawn = queries.unlabelled(topic, [STANCE], ["en"], limit=99, days=days)
    assert sorted(one.native_id[:4] for one in drawn) == ["1", "2", "copy"]
    assert queries.chosen_posts(topic, days=days) == [ids["2"]]
    assert len(queries.candidates(Answered(topic, "v1", ("en",), days), limit=99)) == 5
    of_desk = Assignment(topic, "ann", (STANCE,), ("en",), overlap=0.0, days=days)
    desk = LabelDesk(engine)
    assert [desk.post(of_desk, one).text for one in desk.draw(of_desk, 99)] == [  # type: ignore[union-attr]
        one.text for one in drawn
    ]
    assert desk.chosen(of_desk, 99) == [ids["2"]]

    store.save_labels(topic, [label(one.native_id) for one in drawn], at=NOW)
    assert store.echo_labels(topic, [STANCE], ["en"], days) == 2
    assert not any(one.startswith("late") for one in _labelled(queries, topic))


class _Named:
    def __init__(self, post_id: int, native_id: str) -> None:
        self.post_id, self.native_id = post_id, native_id


def _everything() -> list[str]:
    many = [f"h{n}" for n in range(HASHTAGS)] + [f"o{n}" for n in range(OTHERS)]
    return ["copy0", "copy1", "copy2", "1", "2", *many]


def _truth(native_id: str) -> str:
    return "favor" if native_id.startswith("h") else "none"


def _fill(store: Store, topic: str) -> None:
    """Posts of which half have the same text."""
    same = [post(f"h{n}", text="#WalkOut") for n in range(HASHTAGS)]
    others = [post(f"o{n}") for n in range(OTHERS)]
    store.save_page(topic, "file", page(*same, *others, state=2), at=NOW)


def _in_order(native_ids: list[str]) -> list[str]:
    """Posts in the order in which they are drawn."""
    return sorted(native_ids, key=lambda one: lot_of(_Id("x", one)))  # type: ignore[arg-type]


def _truths(queries: Queries, topic: str) -> dict[str, str]:
    return {one.native_id: one.label for one in queries.examples(topic)}


def _labelled(queries: Queries, topic: str) -> set[str]:
    return {one.native_id for one in queries.examples(topic)}


class _Id(NamedTuple):
    platform: str
    native_id: str


def _candidates(store: Store, queries: Queries, topic: str) -> list[_Named]:
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    found = queries.candidates(Answered(topic, "v1", ("en",)), limit=99)
    assert all(set(one.scores) == set(QUESTIONS) for one in found)
    names = queries.posts_by_id(topic, [one.post_id for one in found])
    return [_Named(one.post_id, names[one.post_id].native_id) for one in found]
