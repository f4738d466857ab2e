"""The bundled sample posts are what their generator makes, and what they claim to be."""

from __future__ import annotations

import gzip
import importlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from monitor.topic import Topic, load_topic

CONFIG = Path(__file__).parents[2] / "config"
FOLDER = CONFIG / "samples" / "facebook-walkout-2020"


@pytest.fixture(scope="module")
def generator() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CONFIG / "samples"))
        yield importlib.import_module("generate")


@pytest.fixture(scope="module")
def corpus(generator: ModuleType) -> Any:
    return generator.generate()


@pytest.fixture(scope="module")
def topic() -> Topic:
    return load_topic(CONFIG / "topics" / "facebook-walkout-2020.toml")


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    text = gzip.decompress((FOLDER / "posts.jsonl.gz").read_bytes()).decode()
    return [json.loads(line) for line in text.splitlines()]


def _remaining(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    gone = {one["id"] for one in records if one.get("deleted")}
    return {one["id"]: one for one in records if one["id"] not in gone}


def _opinions(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    posts = _remaining(records).values()
    return [one for one in posts if one["kind"] != "repost" and one["language"] == "en"]


def test_the_committed_files_are_what_the_generator_makes(
    generator: ModuleType, corpus: Any
) -> None:
    made = generator.files(corpus)

    assert {name: generator.committed(name) == made[name] for name in made} == dict.fromkeys(
        made, True
    )


def test_the_compressed_file_carries_no_time_stamp() -> None:
    header = (FOLDER / "posts.jsonl.gz").read_bytes()[:10]

    assert header[4:8] == b"\x00\x00\x00\x00"


def test_no_record_gives_its_labels_away(records: list[dict[str, Any]]) -> None:
    native = {"id", "created_at", "platform", "author", "self_description", "language", "kind"}

    assert {key for one in records for key in one} == native | {"reference", "text", "deleted"}


def test_the_walkout_week_is_dense_and_every_post_is_in_the_window(
    records: list[dict[str, Any]], topic: Topic
) -> None:
    moments = [datetime.fromisoformat(one["created_at"]) for one in _remaining(records).values()]
    days = Counter(topic.day_of(moment).isoformat() for moment in moments)
    week = sum(posts for day, posts in days.items() if "2020-05-31" <= day <= "2020-06-06")

    assert all(moment in topic.window for moment in moments)
    assert 3300 <= len(moments) <= 3800
    assert 2300 <= week <= 2700


def test_the_posts_hold_every_kind_and_case_that_a_source_brings(
    records: list[dict[str, Any]],
) -> None:
    posts = [one for one in records if "text" in one]
    order = [one["created_at"] for one in posts]
    first = {one["id"]: place for place, one in reversed(list(enumerate(records)))}
    deleted_first = [
        one for one in records if one.get("deleted") and "text" not in records[first[one["id"]]]
    ]

    assert {one["kind"] for one in posts} == {"original", "reply", "quote", "repost"}
    assert {one["platform"] for one in posts} == {"x", "reddit", "bluesky", "mastodon"}
    assert {one["language"] for one in posts} == {"en", "es", "de", "fr"}
    assert order != sorted(order)
    assert len(posts) > len({one["id"] for one in posts})
    assert deleted_first
    assert Counter(one["text"] for one in _opinions(records)).most_common(1)[0][1] > 20


def test_a_repost_repeats_the_text_of_a_post_of_its_platform(
    records: list[dict[str, Any]],
) -> None:
    posts = {one["id"]: one for one in records if "text" in one}
    reposts = [one for one in posts.values() if one["kind"] == "repost"]

    assert reposts
    assert all(
        (one["text"], one["platform"], one["created_at"] > posts[one["reference"]]["created_at"])
        == (posts[one["reference"]]["text"], posts[one["reference"]]["platform"], True)
        for one in reposts
    )


def test_the_topic_finds_each_author_in_the_cohort_meant(corpus: Any, topic: Topic) -> None:
    people = {post.author for post in corpus.posts}

    assert len(people) >= 1100
    assert {topic.cohort_of(one.self_description) == one.cohort for one in people} == {True}


@pytest.mark.parametrize("day", [f"2020-06-0{n}" for n in range(1, 7)] + ["2020-05-31"])
def test_enough_employees_speak_on_a_main_day_to_be_shown(
    records: list[dict[str, Any]], topic: Topic, day: str
) -> None:
    authors = {
        one["author"]
        for one in _opinions(records)
        if topic.cohort_of(one.get("self_description")) == "employees"
        and topic.day_of(datetime.fromisoformat(one["created_at"])).isoformat() == day
    }

    assert len(authors) >= topic.minimum_authors


def test_the_audit_labels_are_of_opinions_that_remain(records: list[dict[str, Any]]) -> None:
    labels = [json.loads(line) for line in (FOLDER / "labels.jsonl").read_text().splitlines()]
    questions = Counter((one["head"], one.get("target")) for one in labels)

    assert {one["id"] for one in labels} <= {one["id"] for one in _opinions(records)}
    assert {(one["annotator"], one["sample"]) for one in labels} == {("sample-truth", "random")}
    assert questions == {
        ("sentiment", None): 400,
        ("stance", "walkout"): 400,
        ("stance", "leaving-posts-up"): 400,
    }


def test_the_truth_counts_the_opinions_that_remain(
    records: list[dict[str, Any]], topic: Topic
) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for one in _opinions(records):
        day = topic.day_of(datetime.fromisoformat(one["created_at"])).isoformat()
        counted[day, "all"] += 1
        counted[day, topic.cohort_of(one.get("self_description"))] += 1
    told = json.loads((FOLDER / "truth.json").read_text())["days"]

    assert {(one["day"], one["cohort"]): one["posts"] for one in told} == counted
    assert all(sum(one["shares"].values()) == pytest.approx(1, abs=1e-5) for one in told)
    assert {one["target"] for one in told} == {"", *(target.name for target in topic.targets)}


def test_the_truth_is_made_of_the_labels_of_each_cell(corpus: Any) -> None:
    answers = defaultdict(list)
    for post in corpus.opinions:
        answers[post.day.isoformat()].append(post.labels.walkout)
    told = {
        one["day"]: one["shares"]["favor"]
        for one in json.loads((FOLDER / "truth.json").read_text())["days"]
        if (one["cohort"], one["target"]) == ("all", "walkout")
    }

    assert told == {
        day: pytest.approx(said.count("favor") / len(said), abs=1e-6)
        for day, said in answers.items()
    }


def test_sentiment_does_not_follow_from_stance(corpus: Any) -> None:
    moods = defaultdict(set)
    for post in corpus.opinions:
        moods[post.labels.walkout].add(post.labels.sentiment)

    assert all(len(found) == 3 for found in moods.values())


def test_the_check_says_so_when_a_file_differs(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "committed", lambda name: b"")

    assert generator.main(["--check"]) == 1
    assert "posts.jsonl" in capsys.readouterr().out
