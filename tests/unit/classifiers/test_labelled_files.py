import json
from pathlib import Path

import pytest

from classifiers.errors import BadExampleError
from classifiers.labelled_files import read_judged

STANCES = "0\tnone\n1\tagainst\n2\tfavor\n"


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


@pytest.mark.parametrize(
    "empty",
    [None, "", " ", "\u200b", "\ud83d"],
    ids=["null", "empty", "blank", "invisible", "half"],
)
def test_a_row_whose_target_is_empty_names_none(tmp_path: Path, empty: str | None) -> None:
    rows = [{"text": "we walk out", "label": "favor", "target": empty}]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    _, (row,) = read_judged(path, target="the walkout")
    assert row.target == "the walkout"
    with pytest.raises(BadExampleError, match="1 of 1 rows"):
        read_judged(path)


@pytest.mark.parametrize("head_name", [None, "sentiment"], ids=["told by labels", "named"])
def test_byte_order_marks_and_blank_lines_are_no_rows(
    tmp_path: Path, head_name: str | None
) -> None:
    path = tmp_path / "rows.jsonl"
    row = b'{"text": "a", "label": "neutral"}\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + row + b"\r\n" + row + b"\n")
    _, rows = read_judged(path, head_name=head_name)
    assert [row.text for row in rows] == ["a", "a"]


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"text": "caf\xe9", "label": "neutral"}\n')
    with pytest.raises(BadExampleError, match="not JSON"):
        read_judged(path, head_name="sentiment")


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
        write_task(tmp_path / "stance" / name, STANCES, ["2", "1"], "val")
    known, rows = read_judged(tmp_path / "stance", split="val")
    assert known.name == "stance"
    assert [row.target for row in rows] == ["legalization of abortion"] * 2 + [
        "Hillary Clinton"
    ] * 2
    assert [known.labels[row.labels["stance"]] for row in rows] == ["favor", "against"] * 2


@pytest.fixture
def stance(tmp_path: Path) -> Path:
    """TweetEval's stance folder: one mapping for all its targets' folders."""
    for name in ("abortion", "hillary"):
        (write_task(tmp_path / "stance" / name, STANCES, ["2", "1"]) / "mapping.txt").unlink()
    (tmp_path / "stance/mapping.txt").write_text(STANCES, encoding="utf-8")
    return tmp_path / "stance"


def test_tweetevals_stance_folder_has_one_mapping_for_all_targets(stance: Path) -> None:
    _, rows = read_judged(stance)
    assert [row.target for row in rows] == ["legalization of abortion"] * 2 + [
        "Hillary Clinton"
    ] * 2


def test_one_target_of_tweetevals_stance_folder_is_read_from_within(
    stance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stance / "hillary")
    _, rows = read_judged(Path())
    assert [row.target for row in rows] == ["Hillary Clinton"] * 2


def test_a_task_written_on_windows_is_read(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "sentiment", "0 negative\n\n", ["0", "0"])
    (folder / "test_text.txt").write_bytes(b"\xef\xbb\xbfone\rstill one\r\ntwo\r\n")
    (folder / "test_labels.txt").write_bytes(b"\xef\xbb\xbf0\r\n0\r\n")
    _, rows = read_judged(folder)
    assert [row.text for row in rows] == ["one\rstill one", "two"]


def test_a_task_in_another_encoding_is_refused(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "sentiment", "0\tnegative\n", ["0"])
    (folder / "test_text.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(BadExampleError, match="UnicodeDecodeError"):
        read_judged(folder)


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
