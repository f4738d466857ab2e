"""Real recordings of platforms' answers: every record of every file is accounted for.

The expected numbers come from plain counts over the raw JSON, not from the code under test.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collectors.file import FileCollector
from collectors.post import Page, Post, Window
from monitor.redaction import redact

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("MONITOR_SHARED_DATA", ROOT.parent / "shared/data")) / "recordings"
WINDOW = Window(datetime(2006, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
NOW = datetime(2030, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of ../shared/data are not here"
)

X_FILES = sorted(RECORDINGS.glob("x_v2_twarc-*/*.json*"))
JETSTREAM_FILES = sorted(RECORDINGS.glob("bluesky_jetstream/*/testdata/*_v1.jsonl"))
CASSETTES = sorted(RECORDINGS.glob("mastodon_py_cassettes/*/*.yaml"))


def read(path: Path) -> list[Page]:
    return list(FileCollector(path, now=lambda: NOW).fetch(None, WINDOW))


def posts_of(pages: list[Page]) -> list[Post]:
    return [post for page in pages for post in page.posts]


def reasons_of(pages: list[Page]) -> Counter[str]:
    return Counter(rejection.reason for page in pages for rejection in page.rejections)


def deletions_in(pages: list[Page]) -> int:
    return sum(len(page.deletions) for page in pages)


def parsed_lines(path: Path) -> Iterator[Any]:
    """Yields each line's JSON, None for a line that is none."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                yield None


def x_records(path: Path) -> Iterator[Any]:
    """Yields the records of a file of X's: items of pages, or whole lines."""
    for line in parsed_lines(path):
        data = line.get("data", line) if isinstance(line, dict) else line
        yield from data if isinstance(data, list) else [data]
        errors = line.get("errors", []) if isinstance(line, dict) else []
        yield from (error for error in errors if error["parameter"] == "ids")


def x_outcome(record: Any) -> str:
    if record is None:
        return "bad_json"
    if "text" in record and "author_id" in record:
        return "post"
    if record.get("action") == "delete":
        return "deletion"
    return "platform_error" if "detail" in record else "not_a_post"


@pytest.mark.parametrize("path", X_FILES, ids=lambda path: path.stem)
def test_every_record_of_an_x_file_is_accounted_for(path: Path) -> None:
    expected = Counter(map(x_outcome, x_records(path)))

    pages = read(path)

    found = reasons_of(pages) + Counter(post=len(posts_of(pages)), deletion=deletions_in(pages))
    assert found == expected


@pytest.mark.parametrize("path", X_FILES, ids=lambda path: path.stem)
def test_posts_of_an_x_file_have_the_kind_that_their_references_say(path: Path) -> None:
    kinds = {"retweeted": "repost", "quoted": "quote", "replied_to": "reply"}
    expected: Counter[str] = Counter()
    for record in x_records(path):
        if x_outcome(record) == "post":
            types = sorted(one["type"] for one in record.get("referenced_tweets", []))
            # Where there are two, "quoted" sorts first and wins.
            expected[kinds[types[0]] if types else "original"] += 1

    assert Counter(post.kind for post in posts_of(read(path))) == expected


def x_file(name: str) -> Path:
    return RECORDINGS / "x_v2_twarc-csv" / f"{name}.jsonl"


def test_flattened_posts_are_the_posts_of_the_page() -> None:
    flat, page = (posts_of(read(x_file(name))) for name in ("flat", "noflat"))

    assert flat == page
    assert len(flat) == 100


def test_a_data_set_of_169_counts_is_169_rejections() -> None:
    assert reasons_of(read(x_file("counts"))) == {"not_a_post": 169}


def test_revisions_of_an_edited_post_are_one_post_at_one_time() -> None:
    (before,), (after,) = (posts_of(read(x_file(f"edited_{when}"))) for when in ("before", "after"))

    assert (before.native_id, before.created_at) == (after.native_id, after.created_at)
    assert (before.revision, after.revision) == (0, 1)


def test_a_quote_of_an_edited_post_refers_to_its_first_revision() -> None:
    (quote,) = posts_of(read(x_file("quoted_edit")))
    (edited,) = posts_of(read(x_file("edited")))

    assert (quote.kind, quote.reference) == ("quote", edited.native_id)


def test_withheld_posts_name_their_countries() -> None:
    expected = sum(1 for record in x_records(x_file("withheld")) if "withheld" in record)

    posts = posts_of(read(x_file("withheld")))

    assert sum(1 for post in posts if post.withheld_in) == expected > 0


@pytest.mark.parametrize("path", X_FILES, ids=lambda path: path.stem)
def test_nobody_whom_x_marks_as_mentioned_is_left_in_a_text(path: Path) -> None:
    for record in x_records(path):
        if x_outcome(record) == "post":
            kept = redact(record["text"]).lower()
            mentions = record.get("entities", {}).get("mentions", [])
            handles = [f"@{mention['username']}".lower() for mention in mentions]
            assert not [each for each in handles if re.search(rf"{each}(?!\w)", kept)]


def test_reposts_have_whole_texts_where_the_page_holds_the_original() -> None:
    reposts = [post for post in posts_of(read(x_file("kpop"))) if post.kind == "repost"]

    assert reposts
    assert not any(post.text.startswith("RT @") for post in reposts)


@pytest.mark.parametrize("path", JETSTREAM_FILES, ids=lambda path: path.stem)
def test_every_event_of_a_jetstream_file_is_accounted_for(path: Path) -> None:
    expected: Counter[str] = Counter()
    for event in parsed_lines(path):
        commit = event.get("commit", {})
        ours = commit.get("collection") in ("app.bsky.feed.post", "app.bsky.feed.repost")
        if event["kind"] == "account":
            is_active = event["account"]["active"]
            expected["deletion" if is_active else "not_a_removal"] += 1
        elif not ours:
            expected["not_a_post"] += 1
        else:
            expected["deletion" if commit["operation"] == "delete" else "post"] += 1

    pages = read(path)

    found = reasons_of(pages) + Counter(post=len(posts_of(pages)), deletion=deletions_in(pages))
    assert found == expected


def statuses_of(cassette: Path) -> Iterator[dict[str, Any]]:
    """Yields the statuses that the recorded answers consist of."""
    yaml = pytest.importorskip("yaml")
    # The redaction of secrets left bare words where the format wants list items.
    text = re.sub(r"(?m)^( +)REDACTED.*$", r"\1- REDACTED", cassette.read_text(encoding="utf-8"))
    for interaction in yaml.load(text, Loader=yaml.CSafeLoader)["interactions"]:
        body = interaction["response"]["body"]["string"]
        try:
            answer = json.loads(body)
        except ValueError:
            continue
        for one in answer if isinstance(answer, list) else [answer]:
            if isinstance(one, dict) and {"uri", "content", "account"} <= one.keys():
                yield one


def mastodon_outcome(status: dict[str, Any]) -> str:
    if status["visibility"] not in ("public", "unlisted"):
        return "not_public"
    account = status["account"]
    is_hidden = account.get("discoverable") is False and "@" not in account["acct"]
    opted_out = account.get("noindex") is True or is_hidden
    return "author_opted_out" if opted_out else "post"


@pytest.mark.parametrize("as_array", [False, True], ids=["lines", "array"])
def test_every_recorded_status_is_accounted_for(tmp_path: Path, *, as_array: bool) -> None:
    statuses = [status for cassette in CASSETTES for status in statuses_of(cassette)]
    path = tmp_path / "statuses"
    lines = (json.dumps(status) for status in statuses)
    path.write_text(json.dumps(statuses) if as_array else "\n".join(lines), encoding="utf-8")

    pages = read(path)
    posts = posts_of(pages)

    assert reasons_of(pages) + Counter(post=len(posts)) == Counter(map(mastodon_outcome, statuses))
    boosts = sum(mastodon_outcome(one) == "post" and bool(one["reblog"]) for one in statuses)
    assert sum(post.kind == "repost" for post in posts) == boosts > 0
    assert not any("<p" in post.text for post in posts)
