"""The labelling page: one question at a time, blind to the model; every answer can be undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collectors.post import Checkpoint
from monitor.dashboard.hostile import shown_text
from monitor.dashboard.queue import Queues
from monitor.kept import KeptPage
from monitor.pipeline.classify import questions_of
from monitor.store.desk import Answer, Assignment, DeskPost
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import HumanLabel
from tests.dashboard_fakes import NOW, TOPIC, FakeFigures, FakeQueries
from tests.desk_fakes import HOSTILE, Desk, kept_post, open_desk

PLACE = "/topics/walkout/label"
HERE = {"origin": "http://127.0.0.1"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = open_desk(tmp_path, [f"an invented text, number {n}" for n in range(6)])
    yield made
    made.engine.dispose()


def reader(desk: Desk, queries: FakeQueries | None = None) -> TestClient:
    """A visitor of a dashboard that shows no version yet, where no other is asked for."""
    app = desk.app(queries=queries or FakeQueries(posts=False))
    return TestClient(app, base_url="http://127.0.0.1")


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def say(visitor: TestClient, choice: str, page: str | None = None, **changes: str) -> Any:
    form = fields(page or visitor.get(PLACE).text) | {"choice": choice} | changes
    return visitor.post(PLACE, data=form, headers=HERE)


def labels(desk: Desk) -> list[tuple[str, str, str]]:
    return sorted((e.head, e.target, e.label) for e in Queries(desk.engine).examples("walkout"))


def test_a_post_is_asked_about_every_target_and_its_mood(desk: Desk) -> None:
    visitor = reader(desk)
    first = visitor.get(PLACE).text
    assert "Where does the author stand on the virtual walkout?" in first
    second = say(visitor, "favor", first).text
    assert "the decision to leave the posts up?" in second
    third = say(visitor, "none", second).text
    assert "What is the mood of the post?" in third
    fourth = say(visitor, "negative", third).text
    assert "question 1 of 3" in fourth
    assert fields(first)["post"] == fields(third)["post"] != fields(fourth)["post"]
    assert labels(desk) == [
        ("sentiment", "", "negative"),
        ("stance", "leaving-posts-up", "none"),
        ("stance", "walkout", "favor"),
    ]


def test_nothing_of_the_model_or_the_author_stands_on_the_page(desk: Desk) -> None:
    text = reader(desk).get(PLACE).text
    for telling in ("0123456789ab", "probab", "predict", "version", "%"):
        assert telling not in re.sub(r"<(link|script)[^>]*>", "", text)


def test_an_answer_sent_twice_counts_once_and_does_not_answer_the_next(desk: Desk) -> None:
    visitor = reader(desk)
    page = visitor.get(PLACE).text
    say(visitor, "favor", page)
    say(visitor, "favor", page)
    assert labels(desk) == [("stance", "walkout", "favor")]


def test_off_topic_takes_no_side_and_the_mood_is_still_asked(desk: Desk) -> None:
    after = say(reader(desk), "off_topic").text
    assert "What is the mood of the post?" in after
    assert labels(desk) == [
        ("stance", "leaving-posts-up", "none"),
        ("stance", "walkout", "none"),
    ]
    assert "1 off topic" in after


def test_a_skipped_post_waits_and_an_undone_one_is_back(desk: Desk) -> None:
    visitor = reader(desk)
    first = visitor.get(PLACE).text
    second = say(visitor, "skip", first).text
    assert fields(second)["post"] != fields(first)["post"]
    back = say(visitor, "undo", second).text
    assert fields(back)["post"] == fields(first)["post"]
    say(visitor, "favor", back)
    again = say(visitor, "undo").text
    assert (fields(again)["post"], labels(desk)) == (fields(first)["post"], [])


def test_taking_back_twice_from_one_page_takes_one_answer(desk: Desk) -> None:
    visitor = reader(desk)
    say(visitor, "favor")
    page = say(visitor, "none").text
    for _ in range(2):
        after = say(visitor, "undo", page).text
        assert labels(desk) == [("stance", "walkout", "favor")]
    say(visitor, "undo", after)
    assert labels(desk) == []


def test_skipped_posts_come_after_all_that_were_not_drawn_yet(tmp_path: Path) -> None:
    desk = open_desk(tmp_path, [f"an invented text, number {n}" for n in range(60)])
    visitor = reader(desk)
    shown = []
    for number in range(65):
        page = visitor.get(PLACE).text
        shown.append(fields(page)["post"])
        say(visitor, "skip" if number < 5 else "off_topic", page)
        if number >= 5:
            say(visitor, "neutral")
    assert "Nothing is left to label" in visitor.get(PLACE).text
    desk.engine.dispose()
    assert len(set(shown[:60])) == 60
    assert shown[60:] == shown[:5]


def test_what_is_taken_back_after_a_restart_keeps_how_it_was_chosen(desk: Desk) -> None:
    visitor = reader(desk)
    for sample in ("random", "active"):
        say(visitor, "favor", sample=sample)
        visitor = reader(desk)
        again = say(visitor, "undo").text
        assert fields(again)["sample"] == sample
    say(visitor, "favor", again)
    assert [one.sample for one in Queries(desk.engine).examples("walkout")] == ["active"]


def test_the_end_of_the_queue_says_so(desk: Desk) -> None:
    visitor = reader(desk)
    for _ in range(6):
        say(visitor, "off_topic")
        text = say(visitor, "neutral").text
    assert "Nothing is left to label" in text


def test_what_was_answered_when_chosen_hides_no_post_that_is_open(tmp_path: Path) -> None:
    desk = open_desk(tmp_path, [f"an invented text, number {n}" for n in range(60)])
    ann = Assignment(TOPIC.name, "ann", (("stance", "walkout"),), TOPIC.languages, overlap=0.0)
    for post_id in desk.desk.draw(ann, 50):
        given = Answer(post_id, "ann", ((("stance", "walkout"), "favor"),), sample="active")
        desk.desk.save(TOPIC.name, given, at=NOW)
    queues, asked = Queues(desk.desk), set()
    while (post := queues.next(ann)[0]) is not None:
        asked.add(post.id)
        desk.desk.save(TOPIC.name, replace(given, post_id=post.id, sample="random"), at=NOW)
    desk.engine.dispose()
    assert len(asked) == 60


def test_progress_and_agreement_of_several_annotators_show(desk: Desk) -> None:
    visitor = reader(desk)
    for code in ("ann", "ben"):
        for _ in range(6):
            page = visitor.get(f"{PLACE}?as={code}").text
            if "Nothing is left" in page:
                break
            for choice in ("off_topic", "neutral"):
                page = say(visitor, choice, page).text
    text = visitor.get(f"{PLACE}?as=ben").text
    assert "<code>ben</code>" in text
    assert re.search(r"<strong>6</strong> of 150", text)


def test_labels_about_posts_that_the_shown_version_has_not_answered_are_not_enough(
    tmp_path: Path,
) -> None:
    desk = open_desk(tmp_path, [f"an invented text, number {n}" for n in range(150)])
    answers = {"stance": "favor", "sentiment": "neutral"}
    given = [
        HumanLabel(str(n), "x", head, target, answers[head], "ann", "random")
        for n in range(150)
        for head, target in questions_of(TOPIC)
    ]
    Store(desk.engine).save_labels(TOPIC.name, given, at=NOW)
    enough, few = (reader(desk, FakeQueries(audited=n)).get(PLACE).text for n in (150, 12))
    before_any = reader(desk).get(PLACE).text
    desk.engine.dispose()
    assert "That is enough to show figures" in enough
    assert "That is enough to show figures" in before_any
    assert "<strong>12</strong> of 150" in few
    assert "That is enough to show figures" not in few


def test_of_a_question_that_the_shown_version_does_not_answer_all_labels_count(desk: Desk) -> None:
    figures = FakeFigures(unanswered=(("sentiment", ""),))
    visitor = TestClient(desk.app(figures=figures), base_url="http://127.0.0.1")
    counts = re.findall(r"<strong>(\d+)</strong> of 150", visitor.get(PLACE).text)
    assert counts == ["200", "200", "0"]


@pytest.mark.parametrize("audited", [150, 12])
def test_chosen_posts_come_once_the_audit_of_the_shown_version_has_enough(
    tmp_path: Path, audited: int
) -> None:
    desk = open_desk(tmp_path, [f"an invented text, number {n}" for n in range(60)])
    asked = Assignment(TOPIC.name, "local", tuple(questions_of(TOPIC)), ("en",), overlap=0.0)
    late = desk.desk.draw(asked, 60)[50:]
    Store(desk.engine).choose_posts(TOPIC.name, late, reason="uncertain", version="v1", at=NOW)
    visitor = reader(desk, FakeQueries(audited=audited))
    samples = {fields(visitor.get(PLACE).text)["sample"]}
    samples |= {fields(say(visitor, "skip").text)["sample"] for _ in range(8)}
    desk.engine.dispose()
    assert samples == ({"random", "active"} if audited == 150 else {"random"})


@pytest.mark.parametrize(
    "changes",
    [
        {"choice": "sideways"},
        {"post": "x"},
        {"post": "9" * 40},
        {"head": "mood"},
        {"target": "another"},
        {"as": "a name with spaces"},
    ],
    ids=["answer", "post", "huge-post", "head", "target", "code"],
)
def test_an_answer_that_makes_no_sense_is_refused(desk: Desk, changes: dict[str, str]) -> None:
    answer = say(reader(desk), changes.pop("choice", "favor"), **changes)
    assert answer.status_code == 422
    assert labels(desk) == []


def test_an_answer_about_a_post_that_is_gone_is_told(desk: Desk) -> None:
    assert say(reader(desk), "favor", post="4711").status_code == 404


@pytest.mark.parametrize("choice", ["favor", "off_topic", "unsure", "skip"])
def test_an_answer_about_a_text_that_was_edited_since_is_told_and_asked_again(
    desk: Desk, choice: str
) -> None:
    visitor = reader(desk)
    page = visitor.get(f"{PLACE}?as=ann").text
    number = re.findall("an invented text, number ([0-9])", page)[0]
    edited = kept_post(number, "an edited text")._replace(revision=1)
    Store(desk.engine).save_page(
        TOPIC.name, "file", KeptPage(Checkpoint({"n": 2}), (edited,)), at=NOW
    )
    after = say(visitor, choice, page)
    assert after.status_code == 200
    assert "has changed meanwhile" in after.text
    assert "an edited text" in after.text
    assert labels(desk) == []
    assert fields(after.text)["as"] == "ann"
    then = say(visitor, "favor", after.text).text
    assert "has changed meanwhile" not in then
    assert labels(desk) == [("stance", "walkout", "favor")]


def test_an_answer_about_a_target_that_was_reworded_since_is_told_and_not_kept(desk: Desk) -> None:
    visitor = reader(desk)
    page = visitor.get(f"{PLACE}?as=ann").text
    Store(desk.engine).sync_targets(TOPIC.name, {"walkout": "something else"})
    after = say(visitor, "favor", page)
    assert "has changed meanwhile" in after.text
    assert labels(desk) == []


def test_looking_at_texts_is_written_down(desk: Desk) -> None:
    visitor = reader(desk)
    visitor.get(PLACE)
    visitor.get(PLACE)
    assert desk.notes == [("local", "texts_shown")]


def test_hostile_texts_are_shown_harmlessly(tmp_path: Path) -> None:
    desk = open_desk(tmp_path, [HOSTILE])
    text = reader(desk).get(PLACE).text
    desk.engine.dispose()
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "\u0351" * 4 not in text
    assert "👩‍👩‍👧‍👦" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a□b"),
        ("a\x00b\x1b[31m", "a□b□[31m"),
        ("e\u0301 ने", "e\u0301 ने"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("🏳️‍🌈", "🏳️‍🌈"),
        ("a\U000e0041b", "ab"),
    ],
    ids=["bidi", "controls", "accents", "lines", "emoji", "tags"],
)
def test_what_is_unseen_becomes_seen(text: str, shown: str) -> None:
    assert shown_text(text) == shown


def test_what_was_drawn_at_random_for_one_stays_random_when_it_is_chosen_for_another() -> None:
    """Left out of the audit, it would leave the posts that the model doubts out of it."""
    waiting: list[int] = []
    desk: Any = SimpleNamespace(
        draw=lambda one, _: [1, 2] if one.annotator == "ada" else [3, 4],
        chosen=lambda *_: waiting,
        post=lambda _, post_id, __: DeskPost(
            post_id, NOW.date(), "text", "ab", (("stance", "walkout"),)
        ),
    )
    queues = Queues(desk)
    ada, ben = (
        Assignment(TOPIC.name, name, (), ("en",), overlap=0.2, random_part=0.5)
        for name in ("ada", "ben")
    )
    queues.next(ada)
    waiting.append(1)
    queues.next(ben)
    assert [queues.sample_of(one, 1) for one in (ada, ben)] == ["random", "active"]
