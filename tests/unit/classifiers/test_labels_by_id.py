"""Labels of posts whose texts are elsewhere: the file format, and what a recipe makes of it."""

import json
from pathlib import Path

import pytest

from classifiers.dataset import RELEVANT, read_labelled, texts_by_id
from classifiers.errors import BadExampleError, TrainingError
from classifiers.heads.sentiment import HEAD as SENTIMENT
from classifiers.heads.stance import HEAD as STANCE
from classifiers.recipe import TrainingSet, ValidationSet, rows_of

FAVOR, AGAINST, NONE = (STANCE.labels.index(name) for name in ("favor", "against", "none"))
TEXTS = {"a-1": "we go", "a-2": "where is he"}
LINE = "a-1\t+\t+the walkout|-the company\n"


def labels(folder: Path, text: str) -> Path:
    path = folder / "labels.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_post_answers_for_each_target_of_its_line(tmp_path: Path) -> None:
    path = labels(tmp_path, LINE + "\na-2\t0\t0cats  \n")
    rows = read_labelled(path, STANCE, TEXTS)
    assert [(row.id, row.text, row.target, row.labels["stance"]) for row in rows] == [
        ("a-1", "we go", "the walkout", FAVOR),
        ("a-1", "we go", "the company", AGAINST),
        ("a-2", "where is he", "cats", NONE),
    ]
    assert [row.labels.get("relevance") for row in rows] == [RELEVANT, RELEVANT, None]


def test_a_post_answers_sentiment_once(tmp_path: Path) -> None:
    rows = read_labelled(labels(tmp_path, LINE + "a-2\t0\t0cats\n"), SENTIMENT, TEXTS)
    assert [(row.text, row.target, SENTIMENT.labels[row.labels["sentiment"]]) for row in rows] == [
        ("we go", "", "positive"),
        ("where is he", "", "neutral"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a-1 + +cats\n", "labels.txt:1: 'a-1 [+] [+]cats' has no such fields"),
        ("a-1\t?\t+cats\n", "has no such fields"),
        ("a-1\t+\t\n", "has no such fields"),
        ("a-1\t+\tcats\n", "has no such fields"),
        ("a-1\t+\t+cats|\n", "has no such fields"),
        ("a-1\t+\t- |+cats\n", "labels.txt:1: a target is empty or named twice"),
        ("a-1\t+\t+cats|-cats\n", "a target is empty or named twice"),
        (LINE + LINE, "labels.txt:2: the id a-1 is on an earlier line too"),
        ("b-1\t+\t+cats\n", "labels.txt:1: the id b-1 is in no set that was read"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadExampleError, match=said):
        read_labelled(labels(tmp_path, text), STANCE, TEXTS)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(LINE.encode("utf-16"))
    with pytest.raises(BadExampleError, match="is not UTF-8"):
        read_labelled(path, STANCE, TEXTS)


@pytest.mark.parametrize("kind", [TrainingSet, ValidationSet])
def test_a_recipe_names_the_sets_that_the_ids_are_of(
    tmp_path: Path, kind: type[TrainingSet | ValidationSet]
) -> None:
    for name, (post, text) in zip("ab", TEXTS.items(), strict=True):
        (tmp_path / name).mkdir()
        row = json.dumps({"id": post, "text": text, "label": "whatever", "target": "another"})
        (tmp_path / name / "train.jsonl").write_text(row + "\n")
    path = labels(tmp_path, LINE + "a-2\t0\t0cats\n")
    own = {"rows": 3} if kind is TrainingSet else {"metric": "macro_f1"}
    part = kind(name="asked", head="stance", file=str(path), posts=["a", "b"], **own)
    assert [row.text for row in rows_of(part, tmp_path)] == ["we go", "we go", "where is he"]
    assert texts_by_id(tmp_path, ["b"]) == {"a-2": "where is he"}
    with pytest.raises(TrainingError, match="no data at"):
        texts_by_id(tmp_path, ["c"])
