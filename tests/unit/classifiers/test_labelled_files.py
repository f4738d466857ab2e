import json
from pathlib import Path

import pytest

from classifiers.errors import BadExampleError
from classifiers.labelled_files import read_judged


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_task(folder: Path, mapping: str, labels: list[str], split: str = "test") -> Path:
    folder.mkdir(parents=True)
    (folder / "mapping.txt").write_text(mapping, encoding="utf-8")
    texts = "".join(f"post {n}\u2028still {n}\n" for n in range(len(labels)))
    (folder / f"{split}_text.txt").write_text(texts, encoding="utf-8")
    (folder / f"{split}_labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["negative", "positive"], "sentiment"),
        (["favor", "none"], "stance"),
        (["off_topic"], "relevance"),
    ],
)
def test_the_labels_tell_the_head(tmp_path: Path, labels: list[str], expected: str) -> None:
    rows = [{"text": "we walk out", "target": "the walkout", "label": label} for label in labels]
    known, read = read_judged(write_rows(tmp_path / "rows.jsonl", rows))
    assert known.name == expected
    assert [known.labels[row.labels[known.name]] for row in read] == labels


def test_a_target_can_be_given_for_all_rows(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [{"text": "we walk out", "label": "favor"}])
    _, (row,) = read_judged(path, target="the walkout")
    assert row.target == "the walkout"


def test_stance_without_a_target_is_refused_with_the_count(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [{"text": "we walk out", "label": "favor"}])
    with pytest.raises(BadExampleError, match="1 of 1 rows") as caught:
        read_judged(path)
    assert "--target" in caught.value.hint


def test_a_tweeteval_task_is_read_as_it_is(tmp_path: Path) -> None:
    mapping = "0\tnegative\n1\tneutral\n2\tpositive\n"
    known, rows = read_judged(write_task(tmp_path / "sentiment", mapping, ["2", "0", "1"]))
    assert [known.labels[row.labels["sentiment"]] for row in rows] == [
        "positive",
        "negative",
        "neutral",
    ]
    assert rows[0].text == "post 0\u2028still 0"


def test_tweetevals_stance_tasks_are_pooled_with_their_targets(tmp_path: Path) -> None:
    for name in ("abortion", "hillary"):
        write_task(tmp_path / "stance" / name, "0\tnone\n1\tagainst\n2\tfavor\n", ["2", "1"], "val")
    known, rows = read_judged(tmp_path / "stance", split="val")
    assert known.name == "stance"
    assert [row.target for row in rows] == ["legalization of abortion"] * 2 + [
        "Hillary Clinton"
    ] * 2
    assert [known.labels[row.labels["stance"]] for row in rows] == ["favor", "against"] * 2


def test_a_task_with_a_line_missing_is_refused_with_both_counts(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "sentiment", "0\tnegative\n", ["0", "0"])
    (folder / "test_labels.txt").write_text("0\n", encoding="utf-8")
    with pytest.raises(BadExampleError, match="2 texts and 1 labels"):
        read_judged(folder)


@pytest.mark.parametrize(
    "content",
    ["", "not json\n", "[1]\n", '{"text": "a"}\n', '{"text": "a", "label": "angry"}\n'],
    ids=["empty", "no json", "no object", "no label", "unknown label"],
)
def test_what_is_no_labelled_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadExampleError):
        read_judged(path)


def test_a_folder_without_tasks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExampleError, match=r"mapping\.txt"):
        read_judged(tmp_path)
