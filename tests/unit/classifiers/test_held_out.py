"""What a version said of examples it had not seen, on disk."""

from pathlib import Path

import pytest

from classifiers.errors import ModelFilesError
from classifiers.held_out import HELD_OUT_FILE, drop_held_out, read_held_out, write_held_out

ANSWERS = {"aa": [0.25, 0.75], "bb": [0.5, 0.5]}
UNREADABLE = pytest.mark.parametrize(
    "content", [b"", b'{"aa": [0.25', b"\xff\xfe", b"[" * 100_000, b"[0.25]"],
    ids=["empty", "cut", "no text", "deep", "no table"],
)  # fmt: skip


def test_answers_survive_writing_and_reading(tmp_path: Path) -> None:
    assert read_held_out(tmp_path) == {}
    write_held_out(tmp_path, ANSWERS)
    assert read_held_out(tmp_path) == ANSWERS


def test_a_crash_while_writing_leaves_the_old_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    write_held_out(tmp_path, ANSWERS)
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_held_out(tmp_path, {"cc": [1.0, 0.0]})
    assert read_held_out(tmp_path) == ANSWERS


@UNREADABLE
def test_an_unreadable_file_is_a_damaged_version(tmp_path: Path, content: bytes) -> None:
    (tmp_path / HELD_OUT_FILE).write_bytes(content)
    with pytest.raises(ModelFilesError, match=HELD_OUT_FILE) as caught:
        read_held_out(tmp_path)
    assert "roll back" in caught.value.hint


@UNREADABLE
def test_of_an_unreadable_file_nothing_is_left(tmp_path: Path, content: bytes) -> None:
    (tmp_path / HELD_OUT_FILE).write_bytes(content)
    assert drop_held_out(tmp_path, ANSWERS) == 0
    assert read_held_out(tmp_path) == {}


def test_answers_about_examples_that_are_gone_are_dropped(tmp_path: Path) -> None:
    assert drop_held_out(tmp_path, ["aa"]) == 0
    write_held_out(tmp_path, ANSWERS)
    assert drop_held_out(tmp_path, ["aa"]) == 1
    assert read_held_out(tmp_path) == {"aa": ANSWERS["aa"]}
