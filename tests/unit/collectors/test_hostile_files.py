"""Files that nobody would write on purpose, and some that somebody would."""

from __future__ import annotations

import codecs
import gzip
import json
import os
import resource
import struct
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from harvesting import as_lines, harvest, native, write_as
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors import opening
from collectors.errors import CollectorError, UnknownFormatError, UnreadableFileError
from collectors.formats.reading import FORMATS
from collectors.post import Post

Write = Callable[..., Path]
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "bad_json"),
        (b'{"id": NaN}', "bad_json"),
        (b'{"id": ' + b"9" * 5000 + b"}", "bad_json"),
        (b"[" * 100_000, "bad_json"),
        (b'{"a":' * 100_000, "bad_json"),
        (b"[1, 2]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"{}", "missing_field"),
        (b'{"id": "caf\xe9"}', "bad_encoding"),
        ('{"id": "1"}'.encode("utf-16-le"), "nul_byte"),
        (b'{"id": "a\0b"}', "nul_byte"),
        (b'{"id": "' + b"a" * 10_000_000 + b'"}', "line_too_long"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else value,
)
def test_a_bad_line_costs_only_itself(write: Write, line: bytes, reason: str) -> None:
    result = harvest(write(native(1), line, native(2)))

    assert (len(result.posts), result.reasons) == (2, {reason: 1})
    assert result.rejections[0].place.endswith(":2")


def test_a_bad_first_line_does_not_hide_the_format(write: Write) -> None:
    assert len(harvest(write(b"garbage", b"\xff\xfe\xfd", native(1))).posts) == 1


def test_a_byte_order_mark_is_fine(write: Write) -> None:
    assert harvest(write(codecs.BOM_UTF8 + as_lines([native()]))).records == 1


def test_byte_order_marks_between_joined_files_are_fine(write: Write) -> None:
    marked = codecs.BOM_UTF8 + as_lines([native()])

    assert len(harvest(write(marked.rstrip(), marked.rstrip(), b"", marked)).posts) == 3


def test_byte_order_marks_between_joined_arrays_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    path.write_bytes((codecs.BOM_UTF8 + json.dumps([native()]).encode()) * 2)

    assert len(harvest(path).posts) == 2


def test_a_last_line_without_an_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    path.write_bytes(as_lines([native(1), native(2)]).rstrip())

    assert len(harvest(path).posts) == 2


def compress(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data)
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
@pytest.mark.parametrize("format_name", ["jsonl", "csv", "array", "parquet"])
def test_every_format_may_be_compressed(tmp_path: Path, how: str, format_name: str) -> None:
    posts = [Post("x", str(n), datetime(2020, 6, 1, tzinfo=UTC), "we walk") for n in range(3)]
    plain = write_as(posts, tmp_path, format_name)
    packed = tmp_path / "packed"
    packed.write_bytes(compress(plain.read_bytes(), how))

    assert harvest(packed).posts == posts


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_compressed_parts_may_be_joined(tmp_path: Path, how: str) -> None:
    path = tmp_path / "posts"
    path.write_bytes(compress(as_lines([native(1)]), how) + compress(as_lines([native(2)]), how))

    assert len(harvest(path).posts) == 2


@pytest.mark.parametrize("magic", [0x184D2A50, 0x184D2A5F], ids=hex)
def test_a_frame_to_be_skipped_may_come_first(tmp_path: Path, magic: int) -> None:
    path = tmp_path / "posts"
    skipped = struct.pack("<II", magic, 300) + bytes(300)
    path.write_bytes(skipped + compress(as_lines([native(1), native(2)]), "zstd"))

    assert len(harvest(path).posts) == 2


def test_a_long_cell_that_parquet_rows_share_is_never_made_for_each(tmp_path: Path) -> None:
    shared = pa.DictionaryArray.from_arrays([0] * 500 + [1], ["x" * 2_000_000, "short"])
    ids = [str(number) for number in range(501)]
    table = pa.table({"id": ids, "text": shared, "created_at": ["2020-06-01T12:00:00Z"] * 501})
    path = tmp_path / "bomb.parquet"
    pq.write_table(table, path, compression="zstd", dictionary_pagesize_limit=1 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = harvest(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert [post.text for post in found.posts] == ["short"]
    assert {flaw.reason for flaw in found.rejections} == {"text_too_long"}
    assert len(found.rejections) == 500


def test_a_parquet_file_may_follow_a_frame_to_be_skipped(tmp_path: Path) -> None:
    posts = [Post("x", "1", datetime(2020, 6, 1, tzinfo=UTC), "we walk")]
    plain = write_as(posts, tmp_path, "parquet").read_bytes()
    path = tmp_path / "packed"
    path.write_bytes(struct.pack("<II", 0x184D2A50, 4) + bytes(4) + compress(plain, "zstd"))

    assert harvest(path).posts == posts


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_the_start_of_an_array_may_be_a_block_of_its_own(tmp_path: Path, how: str) -> None:
    path = tmp_path / "posts"
    rest = json.dumps([native(1), native(2)])[1:].encode()
    path.write_bytes(b"".join(compress(part, how) for part in (b"[", b"\n", rest)))

    assert len(harvest(path).posts) == 2


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_posts_before_the_cut_in_a_compressed_file_are_kept(tmp_path: Path, how: str) -> None:
    posts = [native(number, text=os.urandom(3000).hex()) for number in range(500)]
    whole = compress(as_lines(posts), how)
    path = tmp_path / "posts"
    path.write_bytes(whole[: len(whole) // 2])

    result = harvest(path)

    assert 100 < len(result.posts) < 400
    assert result.reasons == {"truncated_file": 1}


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_posts_before_damage_in_a_compressed_file_are_kept(tmp_path: Path, how: str) -> None:
    posts = [native(number, text=os.urandom(3000).hex()) for number in range(500)]
    damaged = bytearray(compress(as_lines(posts), how))
    damaged[len(damaged) // 2 : len(damaged) // 2 + 200] = bytes(200)
    path = tmp_path / "posts"
    path.write_bytes(damaged)

    result = harvest(path)

    assert len(result.posts) > 50
    assert result.reasons["truncated_file"] == 1


@pytest.mark.parametrize("how", ["gzip", "zstd"])
@pytest.mark.parametrize("format_name", ["jsonl", "csv", "array"])
@pytest.mark.parametrize("count", [3, 5000])
def test_no_post_before_nonsense_at_the_end_of_a_compressed_file_is_lost(
    tmp_path: Path, how: str, format_name: str, count: int
) -> None:
    moment = datetime(2020, 6, 1, tzinfo=UTC)
    posts = [Post("x", str(n), moment, f"we walk {n}") for n in range(count)]
    path = tmp_path / "posts"
    plain = write_as(posts, tmp_path, format_name).read_bytes()
    path.write_bytes(compress(plain, how) + b"nonsense")

    result = harvest(path)

    assert result.posts == posts
    assert result.reasons == {"truncated_file": 1}


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_a_bomb_of_one_line_is_passed_over_in_little_memory(tmp_path: Path, how: str) -> None:
    path = tmp_path / "posts"
    bomb = b"a" * (100 * MEBIBYTE) + b"\n"
    path.write_bytes(compress(as_lines([native(1)]) + bomb + as_lines([native(2)]), how))
    del bomb

    tracemalloc.start()
    result = harvest(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (len(result.posts), result.reasons) == (2, {"line_too_long": 1})
    assert peak < 48 * MEBIBYTE


def test_an_array_is_read_to_its_first_damage(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    path.write_text(f"[{json.dumps(native(1))}, {json.dumps(native(2))}, {{broken}}, {{}}]")

    result = harvest(path)

    assert (len(result.posts), result.reasons) == (2, {"bad_json": 1})


def test_an_element_without_end_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    path.write_text(f'[{json.dumps(native(1))}, {{"id": "' + "a" * (30 * MEBIBYTE))

    result = harvest(path)

    assert (len(result.posts), result.reasons) == (1, {"line_too_long": 1})


def test_elements_of_very_different_sizes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "posts"
    large = native(1, ignored="a" * (3 * MEBIBYTE))
    path.write_text(json.dumps([large, *(native(number) for number in range(2, 5000))]))

    assert len(harvest(path).posts) == 4999


def test_a_file_of_which_nothing_can_be_read_says_so_after_counting(write: Write) -> None:
    path = write(b"garbage", b"more")

    with pytest.raises(UnreadableFileError, match="none of the 2 records"):
        harvest(path, format="jsonl")


def test_a_file_of_which_nothing_can_be_read_tells_why(write: Write) -> None:
    path = write(native(1, created_at="2020-06-01T12:00:00"), native(2, created_at="2020-06-01"), 5)

    with pytest.raises(UnreadableFileError) as caught:
        harvest(path)

    assert "read: bad_date (created_at has no offset from UTC), not_an_object" in str(caught.value)


def test_an_unknown_format_names_the_formats(write: Write) -> None:
    with pytest.raises(UnknownFormatError) as caught:
        harvest(write(b"<xml/>", b"<more/>"))

    assert "jsonl" in caught.value.hint
    assert "bad_json 2" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_a_file_in_a_wide_encoding_is_not_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "posts"
    path.write_text(json.dumps(native()), encoding=encoding)

    with pytest.raises(CollectorError):
        harvest(path)


@pytest.mark.parametrize("kind", ["folder", "missing", "pipe"])
def test_what_is_no_file_is_unreadable(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)

    with pytest.raises(UnreadableFileError) as caught:
        harvest(path)

    assert caught.value.hint


def test_a_file_that_may_not_be_read_is_unreadable(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(native())
    monkeypatch.setattr(opening.Path, "open", refuse)

    with pytest.raises(UnreadableFileError, match="Permission denied"):
        harvest(path)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_WORDS = (
    "id text created_at platform author kind deleted data includes errors meta users tweets "
    "author_id referenced_tweets edit_history_tweet_ids action withheld uri account content "
    "reblog quote visibility edited_at did time_us commit collection operation record rkey "
    "createdAt langs embed reply subject lang note_tweet"
)
_KEYS = st.sampled_from(_WORDS.split(" "))
_RECORDS = st.recursive(
    st.dictionaries(_KEYS, _JSON, max_size=8),
    lambda inner: st.dictionaries(_KEYS, inner | st.lists(inner, max_size=3) | _JSON, max_size=8),
    max_leaves=10,
)
_FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_FUZZ
@given(content=st.binary(max_size=400), format_name=st.sampled_from(FORMATS))
def test_random_bytes_are_read_or_refused_but_never_crash(
    tmp_path: Path, content: bytes, format_name: str
) -> None:
    path = tmp_path / "posts"
    path.write_bytes(content)

    try:
        records = harvest(path, format=format_name).records
    except CollectorError as error:
        records = len(str(error))

    assert records >= 0


@_FUZZ
@given(
    records=st.lists(_RECORDS | st.binary(max_size=40), max_size=6),
    format_name=st.sampled_from(["jsonl", "mastodon", "jetstream"]),
)
def test_every_line_of_one_record_has_exactly_one_outcome(
    tmp_path: Path, records: list[dict[str, object] | bytes], format_name: str
) -> None:
    lines = [native(1), *(as_lines([record]).replace(b"\n", b"") for record in records)]
    path = tmp_path / "posts"
    path.write_bytes(as_lines(lines))
    expected = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())

    try:
        counted = harvest(path, format=format_name).records
    except UnreadableFileError as error:
        counted = int(str(error).split(" records")[0].split(" ")[-1])

    assert counted == expected


@_FUZZ
@given(items=st.lists(_RECORDS | _JSON, max_size=6), includes=_RECORDS | _JSON)
def test_every_item_of_an_x_page_has_exactly_one_outcome(
    tmp_path: Path, items: list[object], includes: object
) -> None:
    path = tmp_path / "posts"
    good = {"data": native(1, author_id="1")}
    path.write_bytes(as_lines([good, {"data": items, "includes": includes}]))

    assert harvest(path).records == 1 + len(items)
