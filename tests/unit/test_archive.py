"""Files of posts become files of answers on any file system, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.bootstrap.scoring import classify_archive
from monitor.errors import ConfigurationError, MonitorError, UsageError
from monitor.pipeline.archive import ArchiveStep
from monitor.settings import DistributionSettings
from monitor.testing import FakeScorer
from monitor.topic import Topic, load_topic

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-11
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""

HERE = DistributionSettings(engine="local", scheduler="", workers=0)


@pytest.fixture
def topic(tmp_path: Path) -> Topic:
    path = tmp_path / "strike.toml"
    path.write_text(TOPIC)
    return load_topic(path)


@pytest.fixture(params=["path", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder on disk, and one that only fsspec knows."""
    if request.param == "path":
        return str(tmp_path / "archive")
    return f"memory://{uuid4().hex}"


def write(root: str, name: str, rows: list[dict[str, Any]]) -> None:
    with fsspec.open(f"{root}/posts/{name}", "wb", auto_mkdir=True) as file:
        pq.write_table(pa.Table.from_pylist(rows), file)


def read(root: str, name: str) -> list[dict[str, Any]]:
    with fsspec.open(f"{root}/answers/{name}", "rb") as file:
        found: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return found


def answer(root: str, topic: Topic, scorer: FakeScorer | None = None) -> int:
    archive = ArchiveStep(f"{root}/posts", f"{root}/answers")
    return sum(archive.answer(file, topic, scorer or FakeScorer()) for file in archive.files())


def test_every_post_gets_every_answer_and_no_text_is_copied(root: str, topic: Topic) -> None:
    rows = [
        {"id": "1", "text": "we strike", "platform": "x", "language": "en"},
        {"id": "2", "text": "wir streiken", "platform": "x", "language": "de"},
        {"id": "3", "text": "", "platform": "x", "language": "en"},
        {"id": "4", "text": "we strike", "platform": "x", "language": None},
    ]
    write(root, "a.parquet", rows)
    scorer = FakeScorer()
    assert answer(root, topic, scorer) == 2
    found = read(root, "a.parquet")
    assert [row["id"] for row in found if row["head"] == "sentiment"] == ["1", "4"]
    assert {row["target"] for row in found if row["head"] == "stance"} == {"strike"}
    assert all(sum(row["scores"]) == 10_000 for row in found)
    assert "text" not in found[0]
    assert scorer.texts_scored == 1


def test_a_file_is_answered_once_by_a_version_and_anew_when_it_changes(
    root: str, topic: Topic
) -> None:
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])
    assert answer(root, topic) == 1
    assert answer(root, topic) == 0
    assert answer(root, topic, FakeScorer("fake00000002")) == 1
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}, {"id": "2", "text": "no strike"}])
    assert answer(root, topic, FakeScorer("fake00000002")) == 2


def test_a_broken_file_of_answers_is_made_again(root: str, topic: Topic) -> None:
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])
    answer(root, topic)
    with fsspec.open(f"{root}/answers/a.parquet", "wb") as file:
        file.write(b"PAR1 cut off")
    assert answer(root, topic) == 1


def test_a_stop_leaves_no_file_of_answers(root: str, topic: Topic) -> None:
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])
    archive = ArchiveStep(f"{root}/posts", f"{root}/answers")
    (file,) = archive.files()
    assert archive.answer(file, topic, FakeScorer(), should_stop=lambda: True) == 0
    system, folder = fsspec.core.url_to_fs(f"{root}/answers")
    assert not system.glob(f"{folder}/*")
    assert answer(root, topic) == 1


def test_posts_are_not_overwritten_with_their_answers(root: str, topic: Topic) -> None:
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])
    archive = ArchiveStep(f"{root}/posts", f"{root}/posts")
    with pytest.raises(UsageError, match="not overwritten"):
        archive.answer(archive.files()[0], topic, FakeScorer())
    with fsspec.open(f"{root}/posts/a.parquet", "rb") as file:
        assert pq.read_schema(file).names == ["id", "text"]


def test_two_workers_at_one_file_do_not_meet(root: str, topic: Topic) -> None:
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])

    class Slow(FakeScorer):
        def score(self, *args: Any, **options: Any) -> Any:
            assert answer(root, topic) == 1  # the other one is faster
            return super().score(*args, **options)

    assert answer(root, topic, Slow()) == 1
    assert {row["id"] for row in read(root, "a.parquet")} == {"1"}
    system, folder = fsspec.core.url_to_fs(f"{root}/answers")
    assert [str(path).rsplit("/", 1)[-1] for path in system.glob(f"{folder}/*")] == ["a.parquet"]


@pytest.mark.parametrize(
    ("id", "expected"), [(b"1", ["1"]), (1, ["1"]), (1.0, ["1"]), (None, [])], ids=repr
)
def test_columns_of_bytes_and_numbers_are_read_as_texts(
    root: str, topic: Topic, id: object, expected: list[str]
) -> None:
    row = {"id": id, "text": b"we strike", "platform": b"x", "language": b"en-US"}
    write(root, "a.parquet", [row])
    scorer = FakeScorer()
    assert answer(root, topic, scorer) == len(expected)
    found = read(root, "a.parquet")
    assert [row["id"] for row in found if row["head"] == "sentiment"] == expected
    assert {row["platform"] for row in found} <= {"x"}
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])
    answer(root, topic, scorer)
    again = [row["scores"] for row in read(root, "a.parquet")]
    assert not found or [row["scores"] for row in found] == again


def test_damage_in_the_middle_of_a_file_is_a_clear_error(topic: Topic, tmp_path: Path) -> None:
    rows = [{"id": str(n), "text": f"we strike, day {n}"} for n in range(5000)]
    write(str(tmp_path), "a.parquet", rows)
    path = tmp_path / "posts/a.parquet"
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes(2000) + content[middle + 2000 :])
    with pytest.raises(UsageError, match="no complete Parquet file"):
        answer(str(tmp_path), topic)
    assert list((tmp_path / "answers").iterdir()) == []


def test_answers_that_cannot_be_written_are_a_clear_error(topic: Topic, tmp_path: Path) -> None:
    write(str(tmp_path), "a.parquet", [{"id": "1", "text": "we strike"}])
    (tmp_path / "answers").write_text("a file")
    with pytest.raises(MonitorError, match=r"cannot be answered in .*answers: File exists"):
        answer(str(tmp_path), topic)
    assert (tmp_path / "answers").read_text() == "a file"


def test_a_broken_file_keeps_no_other_back(topic: Topic, tmp_path: Path) -> None:
    write(str(tmp_path), "b.parquet", [{"id": "1", "text": "we strike"}])
    (tmp_path / "posts/a.parquet").write_bytes(b"not Parquet")
    app = Mock()
    app.scorers.lazy.return_value = FakeScorer()
    archive = ArchiveStep(f"{tmp_path}/posts", f"{tmp_path}/answers")
    with pytest.raises(MonitorError, match=r"1 of 2 files .*a\.parquet is no complete"):
        classify_archive(app, topic, archive, engine=HERE)
    assert {row["id"] for row in read(str(tmp_path), "b.parquet")} == {"1"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [([{"id": "1"}], "no column text"), ([{"text": "we strike"}], "no column id")],
    ids=["no text", "no id"],
)
def test_a_file_without_the_columns_is_a_clear_error(
    root: str, topic: Topic, rows: list[dict[str, Any]], message: str
) -> None:
    write(root, "a.parquet", rows)
    with pytest.raises(UsageError, match=message):
        answer(root, topic)


def test_two_files_of_one_name_are_refused(root: str, topic: Topic) -> None:
    write(root, "a.parquet", [{"id": "1", "text": "we strike"}])
    write(root, "b/a.parquet", [{"id": "1", "text": "we strike"}])
    with pytest.raises(UsageError, match=r"are called a\.parquet"):
        ArchiveStep(f"{root}/posts/**/*.parquet", f"{root}/answers").files()


def test_no_files_and_unknown_addresses_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Parquet files"):
        ArchiveStep(str(tmp_path), str(tmp_path)).files()
    with pytest.raises(ConfigurationError, match="nonsense://"):
        ArchiveStep("nonsense://bucket", str(tmp_path)).files()
