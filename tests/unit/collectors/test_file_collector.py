"""Pages, checkpoints and coverage of a file's import."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from harvesting import NOW, WINDOW, harvest, native

from collectors.file import FileCollector
from collectors.post import Checkpoint, Coverage

Write = Callable[..., Path]


def stored(checkpoint: Checkpoint) -> Checkpoint:
    """What comes back from a database: the state went through JSON."""
    return Checkpoint(json.loads(json.dumps(checkpoint.state)))


def test_pages_are_bounded_and_in_the_files_order(write: Write) -> None:
    path = write(*(native(number) for number in range(7)), b"bad")

    result = harvest(path, page_posts=3)

    assert [len(page.posts) + len(page.rejections) for page in result.pages] == [3, 3, 2]
    assert [post.native_id for post in result.posts] == [str(number) for number in range(7)]


def test_pages_come_before_the_whole_file_is_read(write: Write) -> None:
    path = write(*(native(number) for number in range(1000)))
    pages = FileCollector(path, page_posts=10, now=lambda: NOW).fetch(None, WINDOW)

    first = next(pages)

    assert (len(first.posts), first.checkpoint.state["units"]) == (10, 10)


def test_a_file_read_to_its_end_yields_nothing_again(write: Write) -> None:
    path = write(native())
    collector = FileCollector(path, now=lambda: NOW)
    (page,) = collector.fetch(None, WINDOW)

    assert page.checkpoint.state["done"] is True
    assert list(collector.fetch(stored(page.checkpoint), WINDOW)) == []


@pytest.mark.parametrize("page_posts", [1, 2, 3, 7, 100])
def test_an_import_interrupted_anywhere_goes_on_without_a_gap(
    write: Write, page_posts: int
) -> None:
    pages_of_three = {"data": [native(n, author_id="1") for n in range(3)] + [{"id": "x"}]}
    path = write(pages_of_three, b"bad", native(5, author_id="2"), pages_of_three)
    whole = harvest(path)
    collector = FileCollector(path, page_posts=page_posts, now=lambda: NOW)

    pages, since = [], None
    while page := next(collector.fetch(since, WINDOW), None):
        pages.append(page)
        since = stored(page.checkpoint)

    assert [post for page in pages for post in page.posts] == whole.posts
    assert [one for page in pages for one in page.rejections] == whole.rejections
    assert pages[-1].coverage == whole.pages[-1].coverage


def test_another_file_or_another_reading_starts_from_the_beginning(write: Write) -> None:
    path = write(native(1))
    (page,) = FileCollector(path, now=lambda: NOW).fetch(None, WINDOW)

    named = list(
        FileCollector(path, format="jsonl", now=lambda: NOW).fetch(page.checkpoint, WINDOW)
    )
    write(native(1), native(2))
    grown = list(FileCollector(path, now=lambda: NOW).fetch(page.checkpoint, WINDOW))

    assert [len(pages[0].posts) for pages in (named, grown)] == [1, 2]


def test_coverage_is_one_span_per_run_of_days_and_stands_on_the_last_page(write: Write) -> None:
    times = ("2020-06-02T23:59:59Z", "2020-06-01T00:00:00Z", "2020-06-05T12:00:00Z")
    path = write(*(native(n, created_at=time) for n, time in enumerate(times)))

    first, second = harvest(path, page_posts=2).pages

    assert first.coverage == ()
    assert second.coverage == (
        Coverage(_day(1), _day(3), "complete"),
        Coverage(_day(5), _day(6), "complete"),
    )


def test_the_days_that_are_covered_are_those_of_the_time_zone(write: Write) -> None:
    times = ("2020-06-04T00:30:00Z", "2020-06-04T16:00:00Z")  # the evening of the 3rd, and the 4th
    path = write(*(native(n, created_at=time) for n, time in enumerate(times)))

    (page,) = harvest(path, timezone=ZoneInfo("America/Los_Angeles")).pages

    assert page.coverage == (
        Coverage(_day(3) + timedelta(hours=7), _day(5) + timedelta(hours=7), "complete"),
    )


def _day(day: int) -> datetime:
    return datetime(2020, 6, day, tzinfo=UTC)


def test_coverage_is_partial_where_records_were_lost(write: Write) -> None:
    (page,) = harvest(write(native(), b"bad", b"worse")).pages

    assert page.coverage == (Coverage(_day(1), _day(2), "partial", "2 records rejected"),)


def test_records_that_never_were_posts_leave_coverage_complete(write: Write) -> None:
    count = {"start": "2020-06-01", "tweet_count": 3}

    (page,) = harvest(write({"data": [native(), count]})).pages

    assert [span.status for span in page.coverage] == ["complete"]


@pytest.mark.parametrize("content", [b"", b"\n \r\n\n", b"[]", b"\xef\xbb\xbf"], ids=repr)
def test_a_file_without_records_is_read_to_its_end(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "posts"
    path.write_bytes(content)

    (page,) = harvest(path).pages

    assert page.checkpoint.state["done"] is True
    assert (page.posts, page.rejections, page.coverage) == ((), (), ())


def test_the_source_can_be_named(write: Write) -> None:
    assert FileCollector(write(native()), source="sample").source == "sample"
