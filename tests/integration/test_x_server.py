"""The local X server speaks as X does: its shapes are in the recordings, and tweepy reads it.

Nothing of a recording but names and types of fields is looked at here.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import tweepy
import yaml
from servers.faults import LocalServer, Reply, Request, json_reply
from servers.x import TOKEN, X
from x_visitor import QUERY, START, Clock, Visitor

from collectors.file import FileCollector
from collectors.post import Window
from collectors.source import Surroundings
from collectors.x import XCollector
from collectors.x_client import GENERATIONS
from collectors.x_records import read_answer
from collectors.x_transport import Transport

Shapes = dict[str, set[str]]
EVER = Window(datetime(2006, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
# What X has added since the recordings were made, as its documentation shows it.
DOCUMENTED = {".data[].note_tweet.text", ".includes.tweets[].note_tweet.text"}


@pytest.fixture
def site() -> Iterator[X]:
    clock = Clock()
    site = X(clock, page_posts=2)
    posts = site.posts
    first = posts.add("walkout", clock() - timedelta(minutes=9))
    posts.add("RT walkout", clock(), "bob", references=[{"type": "retweeted", "id": first}])
    posts.add("walkout indeed", clock(), "cid", references=[{"type": "replied_to", "id": first}])
    yield site
    site.close()


@pytest.fixture
def recordings(shared_data: Path) -> Path:
    return shared_data / "recordings"


def shape(value: Any, shapes: Shapes, path: str = "") -> Shapes:
    """Gathers the types of every field, by its path."""
    if isinstance(value, dict):
        for name, one in value.items():
            shape(one, shapes, f"{path}.{name}")
    elif isinstance(value, list):
        for one in value:
            shape(one, shapes, f"{path}[]")
    else:
        shapes[path].add(type(value).__name__)
    return shapes


def recorded(folder: Path, *names: str) -> Shapes:
    shapes: Shapes = defaultdict(set)
    for name in names:
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            try:
                shape(json.loads(line), shapes)
            except ValueError:
                continue
    return shapes


def exchanges(path: Path) -> Iterator[tuple[dict[str, str], Any]]:
    """A cassette's answers: headers and JSON."""
    for one in yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]:
        body = one["response"]["body"]["string"]
        body = body.encode() if isinstance(body, str) else body
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        headers = {name.lower(): value[0] for name, value in one["response"]["headers"].items()}
        yield headers, json.loads(body)


def check(mine: Shapes, theirs: Shapes) -> None:
    unknown = {path: kinds for path, kinds in mine.items() if not kinds <= theirs.get(path, set())}
    assert set(unknown) <= DOCUMENTED, unknown


def ask(site: X, path: str, **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.get(site.url + path, params=query, headers=headers, timeout=10)


FIELDS = dict(GENERATIONS["tweet"])


def test_pages_have_the_shape_of_recorded_ones(site: X, recordings: Path) -> None:
    folder = recordings / "x_v2_twarc-csv"
    known = recorded(folder, "2sets.jsonl", "edited_after.jsonl", "many_urls.jsonl")
    first = ask(site, "/2/tweets/search/recent", query="walkout", **FIELDS).json()
    check(shape(first, defaultdict(set)), known)
    assert {".meta.next_token", ".includes.users[].description"} <= shape(
        first, defaultdict(set)
    ).keys()


def test_streamed_lines_have_the_shape_of_recorded_ones(site: X, recordings: Path) -> None:
    name = "streaming_output_with_error.jsonl"
    names = (name, "edited_after.jsonl", "many_urls.jsonl")
    known = recorded(recordings / "x_v2_twarc-csv", *names)
    for path, kinds in list(known.items()):  # There an edit's fields are in pages only.
        known[path.replace(".data[]", ".data", 1)] |= kinds
    site.rules = {"1": {"id": "1", "value": "walkout", "tag": "t"}}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{site.url}/2/tweets/search/stream"
    with requests.get(url, params=FIELDS, headers=headers, stream=True, timeout=10) as answer:
        lines = answer.iter_lines(chunk_size=1)
        assert next(lines) == b""
        site.posts.add("walkout", site.now())
        line = json.loads(next(line for line in lines if line))
    found = shape(line, defaultdict(set))
    rules = {".matching_rules[].id", ".matching_rules[].tag"}  # Once a number, now a text.
    assert rules <= found.keys() & known.keys()
    check({path: kinds for path, kinds in found.items() if path not in rules}, known)


def test_refusals_of_posts_have_the_shape_of_recorded_ones(site: X, recordings: Path) -> None:
    folder = recordings / "x_v2_twarc-csv"
    known = recorded(folder, *(path.name for path in sorted(folder.glob("*.jsonl"))))
    ids = list(site.posts.by_id)
    for number, reason in zip(ids, ("protected", "deleted", "suspended"), strict=True):
        site.posts.remove(number, reason)
    answer = ask(site, "/2/tweets", ids=",".join(ids), **FIELDS).json()
    assert len(answer["errors"]) == 3
    check(shape(answer, defaultdict(set)), known)


def test_results_of_jobs_have_the_shape_of_recorded_ones(site: X, recordings: Path) -> None:
    known = recorded(recordings / "x_v2_twarc-csv", "tweets_compliance.jsonl")
    number = next(iter(site.posts.by_id))
    site.posts.remove(number)
    line = site.jobs._line(number, "delete", "deleted")
    check(shape(json.loads(line), defaultdict(set)), known)


def test_jobs_and_limits_have_the_shape_of_recorded_ones(site: X, recordings: Path) -> None:
    name = "test_client_create_and_get_compliance_job_and_jobs.yaml"
    known: Shapes = defaultdict(set)
    for headers, body in exchanges(recordings / "x_v2_tweepy_cassettes" / name):
        limits = {name for name in headers if name.startswith("x-rate-limit")}
        shape(body, known)
    visitor = Visitor(site, site.now, {"compliance": "job"})  # type: ignore[arg-type]
    visitor.check(list(site.posts.by_id))
    answer = ask(site, "/2/compliance/jobs", type="tweets")
    mine = shape(answer.json(), defaultdict(set))
    assert {name for name in answer.headers if name.startswith("x-rate-limit")} == limits
    known[".data[].name"] = {"str"}  # Only of jobs that were given one.
    known[".meta.result_count"] = {"int"}
    check(mine, known)


# Recorded pages, read by the collector


@pytest.mark.parametrize(
    "name", ["2sets.jsonl", "noflat.jsonl", "edited_after.jsonl", "kpop.jsonl"]
)
def test_recorded_pages_become_the_same_posts_live_as_from_a_file(
    name: str, recordings: Path
) -> None:
    path = recordings / "x_v2_twarc-csv" / name
    pages = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def answer(request: Request) -> Reply:
        number = int(request.query.get("next_token", "0"))
        more = {"next_token": str(number + 1)} if number + 1 < len(pages) else {}
        return json_reply({**pages[number], "meta": {"result_count": 1, **more}})

    site = LocalServer(answer)
    settings = {"approval_reference": "X-1", "base_url": site.url, "recent_days": 0}
    clock = Clock()
    here = Surroundings(
        settings, {"bearer_token": TOKEN}.get, clock, clock.sleep, lambda: False, lambda: 0
    )
    live = list(XCollector(QUERY, here).fetch(None, EVER))
    site.close()
    from_file = list(FileCollector(path, now=Clock()).fetch(None, EVER))
    posts = [post for page in from_file for post in page.posts]
    assert [post for page in live for post in page.posts] == posts
    assert posts
    assert sum(page.reads for page in live) == sum(len(page["data"]) for page in pages)


# tweepy's own methods


@pytest.fixture
def client(site: X) -> Iterator[tweepy.Client]:
    client = tweepy.Client(TOKEN)
    clock = site.now
    assert isinstance(clock, Clock)
    Transport(site.url, 10, clock, clock.sleep).open(client.session)
    yield client
    client.session.close()


def test_tweepy_reads_the_servers_searches(client: tweepy.Client, site: X) -> None:
    paginator = tweepy.Paginator(
        client.search_recent_tweets, "walkout", tweet_fields=["created_at"], max_results=10
    )
    found = [tweet for page in paginator for tweet in page.data]
    assert [str(tweet.id) for tweet in found] == sorted(site.posts.by_id, reverse=True)
    assert found[-1].created_at == START - timedelta(minutes=9)
    everything = client.search_all_tweets("walkout", expansions=["author_id"])
    assert {user.username for user in everything.includes["users"]} <= {"ann", "bob", "cid"}


def test_tweepy_reads_the_servers_lookups_and_jobs(client: tweepy.Client, site: X) -> None:
    ids = list(site.posts.by_id)
    site.posts.remove(ids[0])
    answer = client.get_tweets(ids)
    assert [str(tweet.id) for tweet in answer.data] == ids[1:]
    assert answer.errors[0]["value"] == ids[0]
    job = client.create_compliance_job("tweets", name="mine").data
    assert client.get_compliance_job(job["id"]).data["status"] == "created"
    assert len(client.get_compliance_jobs("tweets").data) == 1


def test_tweepy_reads_the_servers_refusals(client: tweepy.Client) -> None:
    with pytest.raises(Exception, match="max_results"):
        client.search_recent_tweets("walkout", max_results=5)


# tweepy's own recordings


CASSETTES = [
    "test_client_search_recent_tweets.yaml",
    "test_client_search_all_tweets.yaml",
    "test_client_get_tweets.yaml",
    "test_asyncclient_search_recent_tweets.yaml",
    "test_asyncclient_search_all_tweets.yaml",
]


@pytest.mark.parametrize("name", CASSETTES)
def test_every_record_of_a_recorded_answer_is_accounted_for(name: str, recordings: Path) -> None:
    """They were asked for without times, and a post without one is a counted rejection."""
    for _, body in exchanges(recordings / "x_v2_tweepy_cassettes" / name):
        records = body["data"]
        timeless = read_answer(body)
        assert {one.reason for one in timeless.rejections} == {"missing_field"}
        assert len(timeless.rejections) == timeless.reads == len(records)
        timed = [{**one, "created_at": "2022-10-07T22:43:19.000Z"} for one in records]
        answered = read_answer({**body, "data": timed})
        assert [post.native_id for post in answered.posts] == [one["id"] for one in records]
        assert answered.cursor == body.get("meta", {}).get("next_token")
        if "meta" in body:
            assert answered.newest and answered.oldest
            ends = (answered.newest.id, answered.oldest.id)
            assert ends == (body["meta"]["newest_id"], body["meta"]["oldest_id"])
