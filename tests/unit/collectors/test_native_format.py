"""Our own records in JSON lines, CSV and Parquet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harvesting import harvest, native

from collectors.errors import UnknownFormatError, UnreadableFileError
from collectors.formats.reading import detect_format
from collectors.post import Deletion, Post

Write = Callable[..., Path]


def test_a_record_with_every_field_becomes_a_post(write: Write) -> None:
    path = write(
        native(
            platform=" Forum ",
            author="a1",
            self_description="I work there",
            language="en-US",
            kind="reply",
            reference="0",
            label="ignored",
        )
    )

    assert harvest(path).post == Post(
        platform="forum",
        native_id="1",
        created_at=datetime(2020, 6, 1, 12, tzinfo=UTC),
        text="we walk",
        language="en",
        author="a1",
        self_description="I work there",
        kind="reply",
        reference="0",
    )


def test_absent_fields_have_defaults(write: Write) -> None:
    post = harvest(write(native(author=None, language="und"))).post

    assert (post.platform, post.author, post.language, post.kind) == (
        "file",
        None,
        None,
        "original",
    )


def test_a_time_with_an_offset_is_turned_into_utc(write: Write) -> None:
    post = harvest(write(native(created_at="2020-06-01T23:30:00-07:00"))).post

    assert post.created_at == datetime(2020, 6, 2, 6, 30, tzinfo=UTC)
    assert post.created_at.tzinfo is UTC


def test_a_whole_number_is_a_good_id(write: Write) -> None:
    assert harvest(write(native(id=567588278875213824))).post.native_id == "567588278875213824"


@pytest.mark.parametrize("key", ["data", "includes", "errors", "meta"])
@pytest.mark.parametrize("value", [None, [], {"source": "a"}], ids=str)
def test_fields_named_like_a_page_of_xs_are_passed_over(
    write: Write, key: str, value: object
) -> None:
    path = write(native(**{key: value}), {"id": "7", "deleted": True, key: value})

    result = harvest(path)

    assert (result.post.platform, result.deletions) == ("file", [Deletion("file", "7")])


@pytest.mark.parametrize("key", ["author_id", "conversation_id"])
@pytest.mark.parametrize(
    "own",
    [
        {"platform": "forum"},
        {"author": "a1"},
        {"self_description": "I work there"},
        {"language": "en"},
        {"kind": "reply"},
        {"reference": "0"},
        {"deleted": False},
    ],
    ids=str,
)
def test_fields_named_like_a_post_of_xs_are_passed_over(
    write: Write, key: str, own: dict[str, object]
) -> None:
    path = write(native(**own, **{key: "5"}))

    assert detect_format(path) == "jsonl"


@pytest.mark.parametrize("key", ["author_id", "action"])
def test_a_deletion_record_with_fields_of_xs_is_obeyed(write: Write, key: str) -> None:
    path = write({"id": "7", "deleted": True, key: "delete"})

    assert harvest(path).deletions == [Deletion("file", native_id="7")]


def test_a_deletion_record_removes_a_post(write: Write) -> None:
    path = write({"id": "7", "platform": "forum", "deleted": True})

    assert harvest(path).deletions == [Deletion("forum", native_id="7")]


@pytest.mark.parametrize("word", ["TRUE", " true ", "1", "WAHR"])
def test_a_row_marked_as_deleted_is_never_stored_as_a_post(write: Write, word: str) -> None:
    row = f"1,we walk,2020-06-01T12:00:00Z,{word}".encode()

    result = harvest(write(b"id,text,created_at,deleted", row, b"2,,,true"))

    assert not result.posts
    assert result.reasons == ({"bad_field": 1} if word == "WAHR" else {})


@pytest.mark.parametrize("word", ["", " ", "FALSE", "0"])
def test_a_row_not_marked_as_deleted_is_a_post(write: Write, word: str) -> None:
    row = f"1,we walk,2020-06-01T12:00:00Z,{word}".encode()

    assert harvest(write(b"id,text,created_at,deleted", row)).post.native_id == "1"


@pytest.mark.parametrize("column", ["id", "author", "reference"])
@pytest.mark.parametrize("cell", ["1.26812E+18", "1,26812E+18", "1.26812e+18", "1e+18", "1.2E18"])
def test_an_id_that_was_rounded_is_rejected(write: Write, column: str, cell: str) -> None:
    cells = {"id": "1", "author": "2", "reference": "3", column: f'"{cell}"'}
    row = f"{cells['id']},{cells['author']},{cells['reference']},a,2020-06-01T12:00:00Z".encode()

    result = harvest(
        write(b"id,author,reference,text,created_at", row, b"5,6,7,b,2020-06-01T12:00:00Z")
    )

    assert (len(result.posts), result.reasons) == (1, {"bad_field": 1})


@pytest.mark.parametrize("cell", ["8e12345", "12e+3", "1.2.0", "v55.0", "1234567890123456.0"])
def test_an_id_that_only_resembles_a_number_stays_as_it_is(write: Write, cell: str) -> None:
    path = write(b"id,text,created_at", f"{cell},a,2020-06-01T12:00:00Z".encode())

    assert harvest(path).post.native_id == cell


def test_whole_numbers_of_a_column_with_gaps_are_ids(write: Write) -> None:
    row = b"55.0,56.0,123456789012345.0,7.0,2020-06-01T12:00:00Z"

    post = harvest(write(b"id,author,reference,text,created_at", row)).post

    assert (post.native_id, post.author, post.reference) == ("55", "56", "123456789012345")
    assert post.text == "7.0"


def test_spaces_around_a_time_are_passed_over(write: Write) -> None:
    assert len(harvest(write(b"id, text, created_at", b"1, b, 2020-06-01T12:00:00Z")).posts) == 1


def test_authors_can_be_assumed_distinct(write: Write) -> None:
    path = write(native(1), native(2, author="a"))

    authors = [post.author for post in harvest(path, assume_distinct_authors=True).posts]

    assert authors == ["post:1", "a"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"id": None}, "missing_field"),
        ({"id": " "}, "bad_field"),
        ({"id": 1.5}, "bad_field"),
        ({"id": True}, "bad_field"),
        ({"id": "x" * 513}, "bad_field"),
        ({"text": None}, "missing_field"),
        ({"text": ["we"]}, "bad_field"),
        ({"text": "a" * 100_001}, "text_too_long"),
        ({"text": "a\0b"}, "nul_byte"),
        ({"text": "a\ud800b"}, "bad_encoding"),
        ({"author": {"id": 1}}, "bad_field"),
        ({"platform": "no spaces"}, "bad_field"),
        ({"kind": "shout"}, "bad_field"),
        ({"language": 5}, "bad_field"),
        ({"created_at": None}, "missing_field"),
        ({"created_at": "2020-06-01T12:00:00"}, "bad_date"),
        ({"created_at": "2020-06-01"}, "bad_date"),
        ({"created_at": "yesterday"}, "bad_date"),
        ({"created_at": 1591012800}, "bad_field"),
        ({"created_at": "1970-01-01T00:00:00Z"}, "bad_date"),
        ({"created_at": "2026-01-02T00:00:01Z"}, "bad_date"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "bad_date"),
        ({"created_at": "9999-12-31T23:59:59-12:00"}, "bad_date"),
    ],
    ids=str,
)
def test_a_bad_field_is_a_counted_rejection(
    write: Write, fields: dict[str, object], reason: str
) -> None:
    result = harvest(write(native(1), native(2) | fields))

    assert (len(result.posts), result.reasons) == (1, {reason: 1})
    assert result.rejections[0].place.endswith(":2")


def test_a_rejection_tells_nothing_of_the_record(write: Write) -> None:
    secret = "a-secret-word"
    result = harvest(
        write(native(1), native(2, kind=secret), native(3, created_at=secret), secret.encode())
    )

    assert len(result.rejections) == 3
    assert secret not in str(result.rejections)


def test_csv_rows_become_posts(write: Write) -> None:
    path = write(
        b"\xef\xbb\xbfID, created_at ,text,author,language",
        b'1,2020-06-01T12:00:00Z,"we, ""walk""\r\nout",,en',
        b"",
        b"2,2020-06-01T12:00:00Z,,a,",
    )

    first, second = harvest(path).posts

    assert (first.text, first.author, first.language) == ('we, "walk"\r\nout', None, "en")
    assert (second.text, second.author, second.language) == ("", "a", None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"2,2020-06-01T12:00:00Z", "bad_row"),
        (b"2,2020-06-01T12:00:00Z,text,more", "bad_row"),
        (b'2,2020-06-01T12:00:00Z,"te"xt"', "bad_row"),
        (b"2,2020-06-01T12:00:00Z," + b"a" * 200_000, "bad_row"),
        (b"2,2020-06-01T12:00:00Z,caf\xe9", "bad_encoding"),
        (b"2,2020-06-01T12:00:00Z,a\0b", "nul_byte"),
        (b"2,,text", "bad_date"),
        (b",2020-06-01T12:00:00Z,text", "bad_field"),
        (b"2,2020-06-01T12:00:00Z," + b"a" * (8 * 1024 * 1024), "line_too_long"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else None,
)
def test_a_bad_csv_row_costs_only_itself(write: Write, row: bytes, reason: str) -> None:
    good = b"1,2020-06-01T12:00:00Z,text"

    result = harvest(write(b"id,created_at,text", good, row, good))

    assert (len(result.posts), result.reasons) == (2, {reason: 1})
    assert result.rejections[0].place.endswith(":3")


def test_quotes_that_never_close_are_a_rejection(write: Write) -> None:
    result = harvest(
        write(b"id,created_at,text", b"1,2020-06-01T12:00:00Z,text", b'2,2020-06-01T12:00:00Z,"te')
    )

    assert (len(result.posts), result.reasons) == (1, {"bad_row": 1})


@pytest.mark.parametrize("count", [3, 5000], ids=["up to the end", "over the limit of a cell"])
@pytest.mark.parametrize("later", [b"text", b'"te, ""xt"""', b'"te\nxt"'], ids=repr)
def test_a_quote_that_never_closes_costs_only_its_own_row(
    write: Write, count: int, later: bytes
) -> None:
    good = b"1,2020-06-01T12:00:00Z,"
    broken = b'2,2020-06-01T12:00:00Z,"te'

    result = harvest(
        write(
            b"id,created_at,text",
            good + b"text",
            broken,
            b"",
            *[good + b"text"] * count,
            good + later,
            broken,
            good + b"text",
        )
    )

    assert (len(result.posts), result.reasons) == (count + 3, {"bad_row": 2})
    lines = [one.place.rpartition(":")[2] for one in result.rejections]
    assert lines == ["3", str(6 + count + later.count(b"\n"))]


def test_a_quote_that_pairs_with_a_later_one_costs_only_the_rows_of_the_two(write: Write) -> None:
    good = b"1,text,2020-06-01T12:00:00Z"
    path = write(b"id,text,created_at", b'2,"te,2020-06-01T12:00:00Z', good, b'3,te"', good)

    result = harvest(path)

    assert (len(result.posts), result.reasons) == (2, {"bad_row": 2})
    assert [one.place[-2:] for one in result.rejections] == [":2", ":4"]


def test_a_row_of_several_lines_and_the_wrong_width_is_one_rejection(write: Write) -> None:
    path = write(b"id,text,created_at", b'2,"we\nwalk, we\nstay"', b"1,text,2020-06-01T12:00:00Z")

    result = harvest(path)

    assert (len(result.posts), result.reasons) == (1, {"bad_row": 1})


def test_a_csv_without_a_required_column_is_unreadable(write: Write) -> None:
    with pytest.raises(UnreadableFileError, match="no column created_at"):
        harvest(write(b"id,text", b"1,we walk"))


@pytest.mark.parametrize("again", ["id", " ID "])
def test_a_csv_with_a_column_twice_is_unreadable(write: Write, again: str) -> None:
    header = f"id,text,created_at,other,other,{again}".encode()

    with pytest.raises(UnreadableFileError, match="the column id twice") as caught:
        harvest(write(header, b"1,text,2020-06-01T12:00:00Z,a,b,2"))

    assert "Rename or drop" in caught.value.hint


def test_a_csv_with_a_column_of_no_field_twice_is_read(write: Write) -> None:
    path = write(b"id,text,created_at,other,other", b"1,text,2020-06-01T12:00:00Z,a,b")

    assert harvest(path).post.native_id == "1"


def test_a_csv_of_deletions_needs_no_texts(write: Write) -> None:
    assert harvest(write(b"id,deleted", b"1,true")).deletions == [Deletion("file", native_id="1")]


def test_a_csv_with_a_broken_header_is_unreadable(write: Write) -> None:
    with pytest.raises(UnreadableFileError, match="first line"):
        harvest(write(b'"id"x,text', b"1,we walk"), format="csv")


def test_a_csv_that_separates_by_semicolons_is_an_unknown_format(write: Write) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        harvest(write(b"id;created_at;text", b"1;2020-06-01T12:00:00Z;we walk"))

    assert "commas" in caught.value.hint


def _parquet(path: Path, **columns: pa.Array) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_parquet_rows_become_posts_whatever_the_unit_of_their_times(tmp_path: Path) -> None:
    moment = datetime(2020, 6, 1, 5, tzinfo=timezone(timedelta(hours=-7)))
    path = _parquet(
        tmp_path / "posts",
        id=pa.array([1, 2, 3]),
        text=pa.array(["a", "b", None]),
        created_at=pa.array([moment] * 3, pa.timestamp("ns", "America/Los_Angeles")),
        extra=pa.array([{"deep": 1}] * 3),
    )

    result = harvest(path)

    assert [post.native_id for post in result.posts] == ["1", "2"]
    assert {post.created_at for post in result.posts} == {datetime(2020, 6, 1, 12, tzinfo=UTC)}
    assert result.reasons == {"missing_field": 1}


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
@pytest.mark.parametrize("pages", ["1.0", "2.0"])
def test_parquet_texts_are_read_however_they_are_encoded(
    tmp_path: Path, encoding: str, pages: str
) -> None:
    texts = [f"a walkout, number {number}" for number in range(3)]
    table = pa.table(
        {"id": ["1", "2", "3"], "text": texts, "created_at": ["2020-06-01T12:00Z"] * 3}
    )
    path = tmp_path / "posts.parquet"
    pq.write_table(
        table, path, use_dictionary=False, data_page_version=pages,
        column_encoding=dict.fromkeys(table.column_names, encoding),
    )  # fmt: skip
    assert [post.text for post in harvest(path).posts] == texts


def test_parquet_cells_that_python_cannot_hold_cost_only_their_row(tmp_path: Path) -> None:
    texts = pa.Array.from_buffers(
        pa.string(), 2, pa.array([b"ok", b"\xff\xfe"], pa.binary()).buffers()
    )
    times = pa.array([1_590_000_000] * 2, pa.timestamp("s", "UTC"))
    path = _parquet(tmp_path / "posts", id=pa.array(["1", "2"]), text=texts, created_at=times)

    result = harvest(path)

    assert (result.post.native_id, result.reasons) == ("1", {"bad_encoding": 1})


def test_parquet_without_a_required_column_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no column text, created_at"):
        harvest(_parquet(tmp_path / "posts", id=pa.array(["1"])))


def test_parquet_with_a_column_twice_is_unreadable(tmp_path: Path) -> None:
    values = pa.array(["1"])
    table = pa.Table.from_arrays([values] * 4, names=["id", "text", "created_at", "id"])
    pq.write_table(table, tmp_path / "posts")

    with pytest.raises(UnreadableFileError, match="the column id twice"):
        harvest(tmp_path / "posts")


def test_a_parquet_file_that_is_cut_off_is_unreadable(tmp_path: Path) -> None:
    whole = _parquet(tmp_path / "whole", id=pa.array(["1"])).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(UnreadableFileError, match="complete Parquet"):
        harvest(cut)


def test_a_format_is_told_by_content_not_by_name(write: Write) -> None:
    path = write(b"id,created_at,text", b"1,2020-06-01T12:00:00Z,text", name="posts.jsonl")

    assert detect_format(path) == "csv"


def test_an_unknown_format_name_is_refused(write: Write) -> None:
    with pytest.raises(UnknownFormatError, match="xml"):
        harvest(write(native()), format="xml")
