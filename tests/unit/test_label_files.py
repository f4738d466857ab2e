"""Label files of several makers: what goes out comes back, and what is none is told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import LabelError
from monitor.labelfiles.doccano import doccano_labels
from monitor.labelfiles.label_studio import label_studio_config
from monitor.labelfiles.record import FIELDS, Given, Item
from monitor.labelfiles.shapes import SHAPES, shape_of

QUESTIONS = [("sentiment", ""), ("stance", "Walkout"), ("stance", "leaving-posts-up")]
ANSWERS = [
    *[("sentiment", "", label) for label in ("negative", "neutral", "positive")],
    *[("stance", "Walkout", label) for label in ("favor", "against", "none")],
    *[("stance", "leaving-posts-up", label) for label in ("favor", "against", "none")],
]
DIGEST = "0123456789abcdef0123456789abcdef"
words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)


@st.composite
def items(draw: Callable[..., object]) -> list[Item]:
    made = []
    for native_id in draw(st.lists(words, min_size=1, max_size=4, unique=True)):  # type: ignore[attr-defined]
        chosen = draw(st.lists(st.tuples(st.sampled_from(ANSWERS), words), max_size=5))
        answers = {
            (head, target, who): Given(head, target, label, who, "2020-06-02T10:00:00+00:00")
            for (head, target, label), who in chosen  # type: ignore[attr-defined]
        }
        sample = draw(st.sampled_from(["random", "active", "other"]))
        made.append(Item(native_id, "x", draw(texts), sample, tuple(answers.values()), DIGEST))  # type: ignore[arg-type]
    return made


def read(text: str, shape: str = "auto") -> tuple[list[dict[str, object]], list[str]]:
    problems: list[str] = []
    records = shape_of(text, shape).read(
        text, QUESTIONS, lambda place, why: problems.append(f"{place}: {why}")
    )
    return [dict(record) for _, record in records], problems


def wanted(made: list[Item]) -> list[tuple[str, ...]]:
    return sorted(
        (item.native_id, "x", one.head, one.target, one.label, one.annotator, item.sample)
        for item in made
        for one in item.answers
    )


@pytest.mark.parametrize("shape", SHAPES)
@given(made=items())
def test_what_is_written_is_read_again(shape: str, made: list[Item]) -> None:
    records, problems = read(SHAPES[shape].write(made, QUESTIONS), shape)
    answered = [one for one in records if one["label"]]
    assert problems == []
    assert sorted(tuple(str(one[name]) for name in FIELDS[:7]) for one in answered) == wanted(made)
    assert {str(one["at"]) for one in answered} <= {"2020-06-02T10:00:00+00:00"}
    assert {one["text_digest"] for one in records} <= {DIGEST}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mark", "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", ids=ascii)
def test_only_a_line_feed_ends_a_line(shape: str, mark: str) -> None:
    said = (Given("sentiment", "", "neutral", "ann"),)
    made = [Item(n, "x", f"we walk{mark}out", "random", said, DIGEST) for n in "12"]
    records, problems = read(SHAPES[shape].write(made, QUESTIONS))
    assert [(one["id"], one["label"]) for one in records] == [("1", "neutral"), ("2", "neutral")]
    assert problems == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_told_by_its_look(shape: str) -> None:
    made = [Item("1", "x", "a text", "random", (Given("sentiment", "", "neutral", "ann"),))]
    assert shape_of(SHAPES[shape].write(made, QUESTIONS)) is SHAPES[shape]


@pytest.mark.parametrize("shape", SHAPES)
def test_where_no_text_leaves_nothing_names_it(shape: str) -> None:
    made = [Item("1", "x", "", "random", (Given("sentiment", "", "neutral", "ann"),))]
    assert "digest" not in SHAPES[shape].write(made, QUESTIONS)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_label_that_settles_still_does(shape: str) -> None:
    given_ = Given("stance", "Walkout", "favor", "chair", decides=True)
    text = SHAPES[shape].write([Item("1", "x", "", "random", (given_,))], QUESTIONS)
    records, _ = read(text, shape)
    assert records[0]["decides"] in (True, "yes")


def test_label_studios_own_export_is_read() -> None:
    result = {
        "from_name": "stance__walkout",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": ["against"]},
    }
    task = {
        "id": 7,
        "data": {"text": "t", "id": "p1", "platform": "x", "sample": "random"},
        "annotations": [
            {"completed_by": {"id": 3, "email": "a@b.example"}, "result": [result]},
            {"completed_by": 4, "was_cancelled": True, "result": [result]},
            {"completed_by": 5, "result": [{**result, "value": {"choices": ["a", "b"]}}]},
        ],
        "predictions": [{"result": [result]}],
    }
    records, problems = read(json.dumps([task]))
    assert [(one["id"], one["target"], one["label"], one["annotator"]) for one in records] == [
        ("p1", "Walkout", "against", "ls-3")
    ]
    assert len(problems) == 1
    assert "a@b.example" not in str(records)


def test_an_annotation_of_label_studio_is_as_late_as_its_last_change() -> None:
    result = {"from_name": "stance__walkout", "value": {"choices": ["against"]}}
    created, updated = "2020-06-01T09:00:00Z", "2020-06-02T09:00:00Z"
    annotations = [
        {"completed_by": 1, "created_at": created, "result": [result]},
        {"completed_by": 2, "created_at": created, "updated_at": updated, "result": [result]},
    ]
    records, _ = read(json.dumps([{"data": {"id": "p1"}, "annotations": annotations}]))
    assert [one["at"] for one in records] == [created, updated]


def test_argillas_drafts_and_discarded_responses_are_no_answers() -> None:
    said = [
        {"value": "favor", "user_id": "u1", "status": "submitted"},
        {"value": "none", "user_id": "u2", "status": "discarded"},
        {"value": "none", "user_id": "u3", "status": "draft"},
    ]
    record = {
        "id": "a",
        "fields": {"text": "t"},
        "metadata": {"id": "p1"},
        "responses": {"stance__walkout": said, "mood": said},
    }
    records, problems = read(json.dumps([record]))
    assert [(one["id"], one["annotator"]) for one in records] == [("p1", "u1")]
    assert problems == ["record 1: 'mood' is no question of this topic"]


def test_doccanos_own_id_is_not_the_posts() -> None:
    line = {"id": 4711, "text": "t", "label": ["sentiment:negative", "odd"], "post_id": "p1",
            "platform": "x", "Comments": []}  # fmt: skip
    records, problems = read(json.dumps(line))
    assert [(one["id"], one["head"], one["label"]) for one in records] == [
        ("p1", "sentiment", "negative")
    ]
    assert problems == ["line 1: 'odd' is no answer to a question of this topic"]


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("[1, 2", "label-studio", "no JSON export"),
        ('{"a": 1}', "argilla", "no list"),
        ("a,b\n1,2\n", "auto", "neither JSON lines nor a CSV"),
        ("[{}]", "auto", "none of the shapes"),
    ],
    ids=["broken", "object", "columns", "unknown"],
)
def test_a_file_of_no_known_shape_is_refused(text: str, shape: str, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        read(text, shape)


def test_a_queue_has_an_empty_line_for_each_question() -> None:
    records, _ = read(SHAPES["csv"].write([Item("=1", "x", "=text", "random")], QUESTIONS))
    assert [(one["id"], one["head"], one["label"]) for one in records] == [
        ("=1", head, "") for head, _ in QUESTIONS
    ]


def test_the_tools_are_told_every_question_and_answer() -> None:
    config = label_studio_config(QUESTIONS)
    assert config.count("<Choices ") == 3
    assert '<Choice value="favor"/>' in config
    labels = [one["text"] for one in json.loads(doccano_labels(QUESTIONS))]
    assert len(labels) == 9
    assert "stance__walkout:favor" in labels
