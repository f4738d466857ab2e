"""The labelling desk: who is asked what next, and what becomes of the answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine
from store_values import NOW, label, page, post, repost

from monitor.store.desk import WHOLE_POST, Answer, Assignment, DeskCounts, DeskPost, LabelDesk, Mark
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.undo import Undone
from monitor.store.values import LabelSample
from monitor.text_digest import text_digest

STANCE, MOOD = ("stance", "walkout"), ("sentiment", "")
LATER = NOW + timedelta(seconds=1)


@pytest.fixture
def desk(engine: Engine) -> LabelDesk:
    return LabelDesk(engine)


@pytest.fixture
def ann(topic: str) -> Assignment:
    return Assignment(topic, "ann", (STANCE, MOOD), ("en",), overlap=0.0)


@pytest.fixture(autouse=True)
def posts(store: Store, topic: str) -> None:
    given = [post(str(n)) for n in range(12)]
    others = [repost("r", of="1"), post("fr", language="fr"), post("und", language="und")]
    store.save_page(topic, "file", page(*given, *others), at=NOW)


def answer(
    desk: LabelDesk,
    who: Assignment,
    post_id: int,
    *,
    later: int = 0,
    sample: LabelSample = "random",
) -> None:
    at = NOW + timedelta(seconds=later)
    for question, said in ((STANCE, "favor"), (MOOD, "neutral")):
        given = Answer(post_id, who.annotator, labels=((question, said),), sample=sample)
        assert desk.save(who.topic, given, at=at + timedelta(microseconds=question == MOOD))


def test_opinions_in_the_topics_languages_are_drawn_in_the_order_of_the_queue(
    desk: LabelDesk, queries: Queries, ann: Assignment
) -> None:
    drawn = desk.draw(ann, 50)
    texts = [found.text for one in drawn if (found := desk.post(ann, one))]
    of_queue = queries.unlabelled(ann.topic, ann.questions, ["en"], limit=50)
    assert texts == [one.text for one in of_queue]
    assert len(texts) == 13


def test_a_post_is_asked_question_by_question_and_then_no_more(
    desk: LabelDesk, ann: Assignment
) -> None:
    first, second = desk.draw(ann, 2)
    assert desk.post(ann, first).open == (STANCE, MOOD)  # type: ignore[union-attr]
    desk.save(ann.topic, Answer(first, "ann", labels=((STANCE, "against"),)), at=NOW)
    assert desk.post(ann, first).open == (MOOD,)  # type: ignore[union-attr]
    assert desk.draw(ann, 1) == [first]
    desk.save(ann.topic, Answer(first, "ann", labels=((MOOD, "negative"),)), at=NOW)
    assert desk.post(ann, first) is None
    assert desk.draw(ann, 1) == [second]


def test_a_post_that_was_answered_when_chosen_is_asked_again_in_its_turn_at_random(
    desk: LabelDesk, queries: Queries, ann: Assignment
) -> None:
    """Else the audit would lack the posts that the model doubts."""
    first, second = desk.draw(ann, 2)
    assert desk.post(ann, first, "active").open == (STANCE, MOOD)  # type: ignore[union-attr]
    answer(desk, ann, first, sample="active")
    assert desk.post(ann, first, "active") is None
    assert desk.draw(ann, 1) == [first]
    assert desk.post(ann, first).open == (STANCE, MOOD)  # type: ignore[union-attr]
    answer(desk, ann, first, later=1)
    assert desk.post(ann, first) is None
    assert [one.sample for one in queries.examples(ann.topic)] == ["random", "random"]
    assert desk.draw(ann, 1) == [second]


def test_an_answer_twice_is_one_and_a_later_one_replaces_it(
    desk: LabelDesk, queries: Queries, ann: Assignment
) -> None:
    (first,) = desk.draw(ann, 1)
    for said in ("favor", "favor", "against"):
        desk.save(ann.topic, Answer(first, "ann", labels=((STANCE, said),)), at=NOW)
    assert [one.label for one in queries.examples(ann.topic)] == ["against"]
    assert [one.sample for one in queries.examples(ann.topic)] == ["random"]


def test_a_post_of_another_topic_takes_no_answer(desk: LabelDesk, ann: Assignment) -> None:
    (first,) = desk.draw(ann, 1)
    assert not desk.save("another", Answer(first, "ann", labels=((STANCE, "favor"),)), at=NOW)
    assert desk.post(replace(ann, topic="another"), first) is None


def read_first(desk: LabelDesk, store: Store, ann: Assignment) -> DeskPost:
    """A post as an annotator has it before them."""
    store.save_page(ann.topic, "file", page(post("1"), state=2), at=NOW)
    first = {desk.text(ann.topic, one): one for one in desk.draw(ann, 50)}[post("1").text]
    read = desk.post(ann, first)
    assert read is not None
    return read


@pytest.mark.parametrize("mark", [None, "unsure", "skip"])
def test_an_answer_about_a_text_that_was_edited_since_is_not_taken(
    desk: LabelDesk, store: Store, ann: Assignment, mark: Mark | None
) -> None:
    read = read_first(desk, store, ann)
    edited = post("1", text="an edited text", revision=1)
    store.save_page(ann.topic, "file", page(edited, state=3), at=NOW)
    marks = ((STANCE, mark),) if mark else ()
    labels = () if mark else ((STANCE, "favor"),)
    given = Answer(read.id, "ann", labels, marks, text_digest=read.text_digest)
    assert not desk.save(ann.topic, given, at=NOW)
    assert desk.counts(ann.topic) == DeskCounts({}, {}, {}, {})
    now = desk.post(ann, read.id)
    assert now is not None
    assert (now.text, now.open) == ("an edited text", (STANCE, MOOD))
    assert desk.save(ann.topic, replace(given, text_digest=now.text_digest), at=NOW)


def test_an_answer_about_a_target_that_has_another_text_by_now_is_not_taken(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    read = read_first(desk, store, ann)
    store.sync_targets(ann.topic, {"walkout": "the walkout of June"})
    given = Answer(read.id, "ann", ((STANCE, "favor"),), targets={"walkout": text_digest("before")})
    assert not desk.save(ann.topic, given, at=NOW)
    assert desk.counts(ann.topic) == DeskCounts({}, {}, {}, {})
    now = {"walkout": text_digest("the walkout of June")}
    assert desk.save(ann.topic, replace(given, targets=now | {"unknown": "any"}), at=NOW)


def test_what_was_unsure_about_a_text_is_asked_about_the_edited_one(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    read = read_first(desk, store, ann)
    given = Answer(
        read.id,
        "ann",
        marks=((STANCE, "unsure"), (MOOD, "unsure")),
        text_digest=read.text_digest,
    )
    assert desk.save(ann.topic, given, at=NOW)
    assert desk.post(ann, read.id) is None
    edited = post("1", text="an edited text", revision=1)
    store.save_page(ann.topic, "file", page(edited, state=3), at=NOW)
    assert desk.counts(ann.topic) == DeskCounts({}, {}, {}, {})
    now = desk.post(ann, read.id)
    assert now is not None and now.open == (STANCE, MOOD)


def test_what_one_annotator_answered_another_is_not_asked(desk: LabelDesk, ann: Assignment) -> None:
    ben = replace(ann, annotator="ben")
    first = desk.draw(ann, 1)[0]
    answer(desk, ann, first)
    assert first not in desk.draw(ben, 50)
    both = replace(ben, overlap=1.0)
    assert desk.draw(both, 50)[0] == first
    answer(desk, both, first, later=1)
    assert first not in desk.draw(replace(both, annotator="eve"), 50)


def test_a_question_that_is_new_is_asked_about_the_posts_that_others_labelled(
    desk: LabelDesk, ann: Assignment
) -> None:
    first = desk.draw(ann, 1)[0]
    answer(desk, ann, first)
    more = (STANCE, MOOD, ("relevance", "walkout"))
    for who in ("ann", "ben"):
        asked = replace(ann, annotator=who, questions=more)
        assert desk.draw(asked, 1) == [first]
        assert desk.post(asked, first).open == more[2:]  # type: ignore[union-attr]


def test_what_one_annotator_was_unsure_about_another_is_asked(
    desk: LabelDesk, ann: Assignment
) -> None:
    first = desk.draw(ann, 1)[0]
    said = Answer(first, "ann", labels=((STANCE, "favor"),), marks=((MOOD, "unsure"),))
    desk.save(ann.topic, said, at=NOW)
    assert first not in desk.draw(ann, 50)
    ben = replace(ann, annotator="ben")
    assert desk.draw(ben, 1) == [first]
    assert desk.post(ben, first).open == (MOOD,)  # type: ignore[union-attr]


def test_the_overlap_is_about_as_large_as_asked_for(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    many = [post(f"m{n}") for n in range(400)]
    store.save_page(ann.topic, "file", page(*many, state=2), at=NOW)
    labels = [
        label(one.native_id, head=head, target=target, label=said, annotator="ben")
        for one in many
        for (head, target), said in ((STANCE, "favor"), (MOOD, "neutral"))
    ]
    store.save_labels(ann.topic, labels, at=NOW)
    twice = len(desk.draw(replace(ann, overlap=0.2), 1000)) - len(desk.draw(ann, 1000))
    assert 50 < twice < 110


def test_unsure_asks_somebody_else_and_never_the_same_again(
    desk: LabelDesk, ann: Assignment
) -> None:
    first = desk.draw(ann, 1)[0]
    for question in ann.questions:
        desk.save(ann.topic, Answer(first, "ann", marks=((question, "unsure"),)), at=NOW)
    assert first not in desk.draw(ann, 50)
    assert desk.draw(replace(ann, annotator="ben"), 1) == [first]
    assert desk.counts(ann.topic).marks == {"unsure": 2}


def test_a_skipped_post_comes_again_at_the_end(desk: LabelDesk, ann: Assignment) -> None:
    first = desk.draw(ann, 1)[0]
    desk.save(ann.topic, Answer(first, "ann", marks=((WHOLE_POST, "skip"),)), at=NOW)
    drawn = desk.draw(ann, 50)
    assert drawn[-1] == first
    answer(desk, ann, first, later=1)
    assert first not in desk.draw(ann, 50)
    assert desk.counts(ann.topic).marks == {}


def test_posts_that_are_skipped_again_come_after_those_that_were_skipped_before(
    desk: LabelDesk, ann: Assignment
) -> None:
    first, second, *fresh = desk.draw(ann, 50)
    for number, post_id in enumerate((first, second, first)):
        at = NOW + timedelta(seconds=number)
        desk.save(ann.topic, Answer(post_id, "ann", marks=((WHOLE_POST, "skip"),)), at=at)
    assert desk.draw(ann, 50) == [*fresh, second, first]


@pytest.mark.parametrize("mark", ["unsure", "skip"])
def test_whoever_skipped_a_chosen_post_or_was_unsure_gets_others(
    desk: LabelDesk, store: Store, ann: Assignment, mark: Mark
) -> None:
    best = desk.draw(ann, 2)
    store.choose_posts(ann.topic, best, reason="uncertain", version="v1", at=NOW)
    about = WHOLE_POST if mark == "skip" else STANCE
    desk.save(ann.topic, Answer(best[0], "ann", marks=((about, mark),)), at=NOW)
    assert desk.chosen(ann, 1) == best[1:]
    assert desk.chosen(replace(ann, annotator="ben"), 1) == best[:1]


def test_undo_takes_back_the_last_answer_alone(
    desk: LabelDesk, queries: Queries, ann: Assignment
) -> None:
    first, second = desk.draw(ann, 2)
    answer(desk, ann, first)
    off = Answer(second, "ann", ((STANCE, "none"),), ((WHOLE_POST, "off_topic"),))
    desk.save(ann.topic, off, at=NOW + timedelta(seconds=5))
    assert desk.undo(ann.topic, "ann") == Undone(second, "random")
    assert desk.post(ann, second).open == (STANCE, MOOD)  # type: ignore[union-attr]
    assert desk.counts(ann.topic).marks == {}
    assert desk.undo(ann.topic, "ann") == Undone(first, "random")
    assert desk.post(ann, first).open == (MOOD,)  # type: ignore[union-attr]
    assert desk.undo(ann.topic, "ann") == Undone(first, "random")
    assert desk.undo(ann.topic, "ann") is None
    assert queries.examples(ann.topic) == []


def test_undo_leaves_what_was_said_of_the_same_post_a_moment_before(
    desk: LabelDesk, ann: Assignment
) -> None:
    """A copy's label is dated a millisecond before its twin's, and goes with it."""
    first = desk.draw(ann, 1)[0]
    for number, question in enumerate((STANCE, MOOD)):
        said = "favor" if question == STANCE else "negative"
        at = NOW + timedelta(milliseconds=number)
        desk.save(ann.topic, Answer(first, "ann", ((question, said),)), at=at)
    assert desk.undo(ann.topic, "ann") == Undone(first, "random")
    assert desk.post(ann, first).open == (MOOD,)  # type: ignore[union-attr]


@pytest.mark.parametrize("sample", ["random", "active"])
def test_undo_tells_how_the_post_of_a_label_was_chosen(
    desk: LabelDesk, ann: Assignment, sample: LabelSample
) -> None:
    first = desk.draw(ann, 1)[0]
    answer(desk, ann, first, sample=sample)
    desk.save(ann.topic, Answer(first, "ann", marks=((MOOD, "unsure"),)), at=LATER)
    assert desk.undo(ann.topic, "ann") == Undone(first, sample)
    assert desk.undo(ann.topic, "ann") == Undone(first, sample)


def test_undo_calls_no_chosen_post_random_where_nothing_but_a_mark_was_given(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    first, second = desk.draw(ann, 2)
    store.choose_posts(ann.topic, [second], reason="uncertain", version="v1", at=NOW)
    for post_id, sample in ((first, "random"), (second, "active")):
        desk.save(ann.topic, Answer(post_id, "ann", marks=((STANCE, "unsure"),)), at=LATER)
        assert desk.undo(ann.topic, "ann") == Undone(post_id, sample)  # type: ignore[arg-type]


def test_undo_leaves_labels_from_a_file_alone(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    store.save_labels(ann.topic, [label("1"), label("2")], at=NOW)
    assert desk.undo(ann.topic, "ann") is None
    assert desk.counts(ann.topic).posts == {STANCE: 2}


def test_counts_tell_posts_annotators_and_double_answers(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    given = [label("1"), label("1", "none", annotator="ben"), label("2", sample="active")]
    store.save_labels(ann.topic, given, at=NOW)
    counts = desk.counts(ann.topic)
    assert counts.posts == {STANCE: 1}
    assert counts.by_annotator == {"ann": 1, "ben": 1}
    assert [sorted(one) for one in counts.given[STANCE]] == [["favor", "none"]]


def test_what_settles_is_no_second_annotator_s_answer(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    given = [label("1"), label("1", "none", annotator="decides-ann", decides=True)]
    alone = label("2", annotator="decides-ann", decides=True)
    store.save_labels(ann.topic, [*given, alone], at=NOW)
    counts = desk.counts(ann.topic)
    assert sorted(counts.given[STANCE]) == [[], ["favor"]]
    assert counts.posts == {STANCE: 2}


def test_a_removed_post_takes_its_marks_along(
    desk: LabelDesk, store: Store, ann: Assignment
) -> None:
    first = desk.draw(ann, 1)[0]
    desk.save(ann.topic, Answer(first, "ann", marks=((STANCE, "unsure"),)), at=NOW)
    store.remove_source(ann.topic, "file")
    assert desk.counts(ann.topic).marks == {}
    assert desk.draw(ann, 50) == []
