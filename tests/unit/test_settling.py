"""The page on which labels are settled: a decision stands, and what was said before stays too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collectors.post import Checkpoint
from monitor.kept import KeptPage
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import HumanLabel, Prediction
from tests.dashboard_fakes import NOW, TOPIC
from tests.desk_fakes import VERSIONS, Desk, kept_post, open_desk
from tests.unit.test_labelling import HERE, fields, reader

PLACE = "/topics/walkout/label/settle"
POSTS = 60


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Post 0 was answered differently by two, post 1 by three; the other answers are alike."""
    made = open_desk(tmp_path, [f"an invented text, number {n}" for n in range(POSTS)])
    given = [label(str(n), "positive" if n % 2 else "negative", "ann") for n in range(POSTS)]
    given += [label("0", "positive", "ben"), label("1", "neutral", "ben")]
    given += [label("1", "positive", "eve")]
    Store(made.engine).save_labels("walkout", given, at=NOW)
    yield made
    made.engine.dispose()


def label(native_id: str, said: str, who: str) -> HumanLabel:
    return HumanLabel(
        native_id=native_id, platform="x", head="sentiment", target="", label=said,
        annotator=who, sample="random",
    )  # fmt: skip


def doubt(desk: Desk, native_id: str) -> None:
    """A model that had not seen the posts agrees with every label but that of one post."""
    queries, version = Queries(desk.engine), VERSIONS[0].id
    told = []
    for post in queries.examples("walkout"):
        sure = post.label if post.native_id != native_id else "negative"
        scores = tuple(9_000 if one == sure else 500 for one in ("negative", "neutral", "positive"))
        told.append(Prediction(post.post_id, post.text_digest, "sentiment", "", sure, scores))
    Store(desk.engine).save_predictions("walkout", version, told)


def say(visitor: TestClient, choice: str, address: str = PLACE, **changes: str) -> Any:
    form = fields(visitor.get(address).text) | {"choice": choice} | changes
    return visitor.post(PLACE, data=form, headers=HERE)


def stored(desk: Desk) -> list[tuple[str, str, str, bool]]:
    return [
        (one.native_id, one.annotator, one.label, one.decides)
        for one in Queries(desk.engine).labels("walkout", date(2020, 1, 1), date(2021, 1, 1))
        if one.native_id in ("0", "1", "7")
    ]


def truth(desk: Desk, native_id: str) -> list[str]:
    return [e.label for e in Queries(desk.engine).examples("walkout") if e.native_id == native_id]


def test_an_even_split_comes_first_with_what_was_said_and_nobody_s_name(desk: Desk) -> None:
    text = reader(desk).get(PLACE).text
    assert "Answered differently: 2" in text
    assert "an invented text, number 0" in text
    assert "negative (1), positive (1)" in text
    assert "What is the mood of the post?" in text
    assert "Irony counts as what it means" in text
    assert not any(name in text for name in (">ann<", ">ben<", ">eve<", "ann (", "ben ("))
    assert ("local", "texts_shown") in desk.notes or desk.notes[-1][1] == "texts_shown"


def test_nothing_is_to_be_settled_about_a_text_that_is_no_longer_asked(desk: Desk) -> None:
    store, (target, *_) = Store(desk.engine), TOPIC.targets
    store.sync_targets(TOPIC.name, {target.name: "a former text"})
    about = {"head": "stance", "target": target.name}
    given = [
        replace(label("3", said, who), **about) for said, who in (("favor", "ann"), ("none", "ben"))
    ]
    store.save_labels(TOPIC.name, given, at=NOW)
    assert "Answered differently: 3" in reader(desk).get(PLACE).text
    store.sync_targets(TOPIC.name, {target.name: target.text})
    assert "Answered differently: 2" in reader(desk).get(PLACE).text


def test_a_decision_settles_and_what_was_said_before_stays(desk: Desk) -> None:
    visitor = reader(desk)
    assert truth(desk, "0") == []
    after = say(visitor, "negative").text
    assert truth(desk, "0") == ["negative"]
    assert [one for one in stored(desk) if one[0] == "0"] == [
        ("0", "ann", "negative", False),
        ("0", "ben", "positive", False),
        ("0", "decides-local", "negative", True),
    ]
    assert "Answered differently: 1" in after
    assert "an invented text, number 1<" in after
    again = fields(after) | {"choice": "positive"}
    visitor.post(PLACE, data=again, headers=HERE)
    assert "Nothing is left to settle" in visitor.post(PLACE, data=again, headers=HERE).text
    assert truth(desk, "1") == ["positive"]


def test_a_decision_about_a_text_that_was_edited_since_is_not_taken(desk: Desk) -> None:
    visitor, store = reader(desk), Store(desk.engine)
    page = visitor.get(PLACE).text
    edited = kept_post("0", "an edited text")._replace(revision=1)
    store.save_page("walkout", "file", KeptPage(Checkpoint({"n": 2}), (edited,)), at=NOW)
    again = [label("0", "negative", "ann"), label("0", "positive", "ben")]
    store.save_labels("walkout", again, at=NOW)
    after = visitor.post(PLACE, data=fields(page) | {"choice": "negative"}, headers=HERE).text
    assert "an edited text" in after
    assert truth(desk, "0") == []
    visitor.post(PLACE, data=fields(after) | {"choice": "negative"}, headers=HERE)
    assert truth(desk, "0") == ["negative"]


def test_a_decision_about_a_target_that_was_asked_otherwise_is_not_taken(desk: Desk) -> None:
    visitor = reader(desk)
    about = fields(visitor.get(PLACE).text) | {
        "choice": "negative",
        "about": "another text's digest",
    }
    visitor.post(PLACE, data=about, headers=HERE)
    assert truth(desk, "0") == []


def test_a_decision_can_be_taken_back_and_a_skipped_one_comes_again(desk: Desk) -> None:
    visitor = reader(desk)
    skipped = say(visitor, "skip").text
    assert "an invented text, number 1<" in skipped
    assert "an invented text, number 0<" in say(visitor, "skip", f"{PLACE}?at=1").text
    say(visitor, "positive")
    assert truth(desk, "0") == ["positive"]
    assert "an invented text, number 0<" in say(visitor, "undo").text
    assert truth(desk, "0") == []


def test_taking_back_twice_from_one_page_takes_one_decision(desk: Desk) -> None:
    visitor = reader(desk)
    say(visitor, "negative")
    form = fields(say(visitor, "positive").text) | {"choice": "undo"}
    for _ in range(2):
        visitor.post(PLACE, data=form, headers=HERE)
        assert (truth(desk, "0"), stored(desk)[-1][1]) == (["negative"], "ann")
    say(visitor, "undo")
    assert truth(desk, "0") == []


def test_a_label_that_seems_wrong_is_settled_once_whatever_is_said(desk: Desk) -> None:
    doubt(desk, "7")
    visitor = reader(desk)
    errors = f"{PLACE}?list=errors"
    text = visitor.get(errors).text
    assert "Probably wrong: 1" in text
    assert "an invented text, number 7" in text
    assert "positive (1)" in text
    assert "negative (" not in text  # what the model would say
    say(visitor, "positive", errors)
    assert "Probably wrong: 0" in visitor.get(errors).text
    assert truth(desk, "7") == ["positive"]
    assert ("7", "decides-local", "positive", True) in stored(desk)


def test_what_copies_have_taken_is_settled_once(desk: Desk) -> None:
    doubt(desk, "7")
    copies = (
        kept_post("c0", "an invented text, number 0"),
        kept_post("c7", "an invented text, number 7"),
    )
    Store(desk.engine).save_page("walkout", "file", KeptPage(Checkpoint({"n": 2}), copies), at=NOW)
    taken = [label("c0", "negative", "ann"), label("c0", "positive", "ben")]
    Store(desk.engine).save_labels("walkout", [*taken, label("c7", "positive", "ann")], at=NOW)
    visitor = reader(desk)
    errors = f"{PLACE}?list=errors"
    text = visitor.get(errors).text
    assert "Answered differently: 2" in text
    assert "Probably wrong: 1" in text
    say(visitor, "neutral", errors)
    say(visitor, "negative")
    text = visitor.get(PLACE).text
    assert "Answered differently: 1" in text
    assert "Probably wrong: 0" in text
    assert [truth(desk, one) for one in ("7", "c7", "0", "c0")] == [
        *([["neutral"]] * 2),
        *([["negative"]] * 2),
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"choice": "favor"}, 422),
        ({"list": "others"}, 422),
        ({"as": "no code!"}, 422),
        ({"post": "999"}, 200),
        ({"at": "x" * 99}, 200),
    ],
    ids=["answer", "list", "code", "post", "number"],
)
def test_fields_that_make_no_sense_settle_nothing(
    desk: Desk, changes: dict[str, str], status: int
) -> None:
    visitor = reader(desk)
    before = stored(desk)
    form = fields(visitor.get(PLACE).text) | {"choice": "negative"} | changes
    assert visitor.post(PLACE, data=form, headers=HERE).status_code == status
    assert stored(desk) == before or "at" in changes
