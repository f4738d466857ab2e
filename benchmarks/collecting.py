"""Posts per second that each platform's collector reads: `python benchmarks/collecting.py x`.

A server of the tests' answers on loopback in a process of its own; one pass reads everything it
has into an SQLite database, page by page, as `monitor collect` does. Pauses that a platform's
rate limits ask for are left out: they are the platform's speed, not ours. Every function named
`measure_<platform>` is one platform.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from servers.faults import LocalServer, Reply, Request, json_reply
from servers.jetstream import Jetstream
from servers.x import TOKEN, X

from collectors import bluesky, feed, hackernews, mastodon, reddit
from collectors.post import Collector
from collectors.source import Query, Surroundings
from collectors.x import XCollector
from monitor.pipeline.admission import Admission
from monitor.pipeline.collect import CollectStep
from monitor.post_ids import PostIds
from monitor.pseudonym import Pseudonyms
from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.topic import PORTABLE, Target, Topic
from monitor.topic import Query as TopicQuery

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
TERM = "walkout"
TEXT = f"we talked about the {TERM} and its reasons at length today, number {{}}"


def now() -> datetime:
    """The time in these worlds."""
    return NOW


def measure_x(posts: int) -> tuple[float, float, int]:
    """X's recent search, 100 posts a page, with authors."""
    return _measure(_serve_x, _x, posts)


def _serve_x(posts: int, channel: Connection) -> None:
    site = X(now, limits=dict.fromkeys(("recent", "all", "lookup", "rules", "jobs"), 1 << 30))
    for number in range(posts):
        at = NOW - timedelta(seconds=number // 10 + 60)
        site.posts.add(TEXT.format(number), at, f"author{number % 997}")
    standing = list(site.posts.standing())  # Sorted once: the search itself is not measured.
    site.posts.standing = lambda: iter(standing)  # type: ignore[method-assign]
    channel.send(site.url)
    channel.recv()


def measure_x_stream(posts: int) -> tuple[float, float, int]:
    """X's filtered stream, from its opening to the last post stored."""
    return _measure(_serve_x_stream, lambda url: _x(url, stream=True, linger=3600), posts)


def _serve_x_stream(posts: int, channel: Connection) -> None:
    site = X(now)
    channel.send(site.url)
    while site.open_streams == 0:
        time.sleep(0.01)
    for number in range(posts):
        at = NOW + timedelta(seconds=1)  # Search does not find them yet.
        site.posts.add(TEXT.format(number), at, f"author{number % 997}")
    channel.recv()


def _x(url: str, **more: Any) -> Collector:
    settings = {"approval_reference": "none", "base_url": url, "monthly_reads": 1 << 30, **more}
    query = Query("benchmark", "Benchmark", (TERM,), {}, ("en",))
    return XCollector(query, _surroundings(settings, {"bearer_token": TOKEN}))


def measure_reddit(posts: int) -> tuple[float, float, int]:
    """Subreddits of 1000 comments, all that Reddit gives of one, 100 a page."""
    return _measure(_serve_reddit, lambda url: _reddit(url, posts // 1000), posts)


def _serve_reddit(_: int, channel: Connection) -> None:
    def comment(number: int) -> dict[str, Any]:
        at = (NOW - timedelta(seconds=number % 1000 + 60)).timestamp()
        author = f"author{number % 997}"
        data = {"name": f"t1_{number}", "created_utc": at, "body": TEXT.format(number)}
        return {"kind": "t1", "data": {**data, "author": author, "link_title": "", "edited": False}}

    def answer(request: Request) -> Reply:
        if request.path == "/api/v1/access_token":
            token = {"access_token": "t", "token_type": "bearer", "expires_in": 86400, "scope": "*"}
            return json_reply(token)
        if request.path == "/api/info":
            numbers = [int(name.removeprefix("t1_")) for name in request.query["id"].split(",")]
            return listing(numbers, None)
        subreddit, kind = request.path.removeprefix("/r/").split("/")
        first = int(request.query.get("after", "0"))
        start = int(subreddit.removeprefix("s")) * 1000 + first
        after = None if first == 900 else str(first + 100)
        return (
            listing(range(start, start + 100), after) if kind == "comments" else listing([], None)
        )

    def listing(numbers: Iterable[int], after: str | None) -> Reply:
        return json_reply({"data": {"children": [comment(one) for one in numbers], "after": after}})

    _serve(answer, channel)


def _reddit(url: str, subreddits: int) -> Collector:
    settings = {**reddit.SOURCE.defaults(), "base_url": url, "login_url": url}
    options = {"subreddits": [f"s{number}" for number in range(subreddits)]}
    query = Query("benchmark", "Benchmark", (TERM,), options, ("en",))
    secrets = {"client_id": "none", "client_secret": "none"}
    return reddit.SOURCE.make(query, _surroundings(settings, secrets))


def measure_feed(posts: int) -> tuple[float, float, int]:
    """Atom feeds of 100 entries."""
    return _measure(_serve_feeds, lambda url: _feeds(url, posts // 100), posts)


def _serve_feeds(_: int, channel: Connection) -> None:
    def entry(number: int) -> str:
        at = NOW - timedelta(seconds=number % 100 + 60)
        return (
            f"<entry><id>tag:x,{number}</id><title>{TEXT.format(number)}</title>"
            f"<author><name>author{number % 997}</name></author>"
            f"<published>{at:%Y-%m-%dT%H:%M:%SZ}</published>"
            f"<content type='html'>&lt;p&gt;{TEXT.format(number)}&lt;/p&gt;</content></entry>"
        )

    def answer(request: Request) -> Reply:
        if not request.path.startswith("/feed"):
            return Reply(b"", 404)
        start = int(request.path.removeprefix("/feed")) * 100
        entries = "".join(entry(number) for number in range(start, start + 100))
        feed = f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">{entries}</feed>'
        return Reply(feed.encode(), 200, "application/atom+xml")

    _serve(answer, channel)


def _feeds(url: str, feeds: int) -> Collector:
    options = {"feeds": [f"{url}/feed{number}" for number in range(feeds)]}
    query = Query("benchmark", "Benchmark", (TERM,), options, ("en",))
    settings = {**feed.SOURCE.defaults(), "allow_private": ["127.0.0.1"]}
    return feed.SOURCE.make(query, _surroundings(settings, {}))


def measure_hackernews(posts: int) -> tuple[float, float, int]:
    """Comments ten seconds apart, found in slices of up to 100."""
    return _measure(_serve_hackernews, _hackernews, posts)


def _serve_hackernews(posts: int, channel: Connection) -> None:
    first = int((NOW - timedelta(seconds=10 * posts)).timestamp())

    def hit(number: int) -> dict[str, Any]:
        found = {"objectID": str(number), "author": f"author{number % 997}", "parent_id": 1}
        return {**found, "created_at_i": first + 10 * number, "comment_text": TEXT.format(number)}

    def answer(request: Request) -> Reply:
        since, until = (int(part) for part in re.findall(r"\d+", request.query["numericFilters"]))
        start = max(0, -(-(since - first) // 10))
        end = min(posts, -(-(until - first) // 10))
        hits = [hit(number) for number in range(start, end)[:100]]
        return json_reply({"hits": hits, "nbHits": max(0, end - start)})

    _serve(answer, channel)


def _hackernews(url: str) -> Collector:
    query = Query("benchmark", "Benchmark", (TERM,), {}, ("en",))
    settings = {**hackernews.SOURCE.defaults(), "base_url": url}
    return hackernews.SOURCE.make(query, _surroundings(settings, {}))


def measure_bluesky(posts: int) -> tuple[float, float, int]:
    """Jetstream, replayed from a cursor; every event is a post that matches."""
    return _measure(_serve_bluesky, _bluesky, posts)


def _serve_bluesky(posts: int, channel: Connection) -> None:
    site = Jetstream(lambda: NOW - timedelta(hours=1))
    for number in range(posts):
        site.post(f"did:plc:author{number % 997}", f"p{number}", TEXT.format(number), NOW)
    channel.send(site.url)
    channel.recv()


def _bluesky(url: str) -> Collector:
    query = Query("benchmark", "Benchmark", (TERM,), {}, ("en",))
    settings = {**bluesky.SOURCE.defaults(), "hosts": [url], "linger": 0.0}
    return bluesky.SOURCE.make(query, _surroundings(settings, {}))


def measure_mastodon(posts: int) -> tuple[float, float, int]:
    """A hashtag of one server, 40 posts a page."""
    return _measure(_serve_mastodon, _mastodon, posts)


def _serve_mastodon(posts: int, channel: Connection) -> None:
    first = int((NOW - timedelta(seconds=posts + 60)).timestamp() * 1000) << 16

    def status(number: int) -> dict[str, Any]:
        at = NOW - timedelta(seconds=posts + 60 - number)
        author = f"https://here.example/@author{number % 997}"
        return {
            "id": str(first + (number * 1000 << 16)),
            "uri": f"{author}/{number}",
            "created_at": at.isoformat(),
            "content": f"<p>{TEXT.format(number)}</p>",
            "visibility": "public",
            "language": "en",
            "account": {"url": author, "acct": "author", "note": ""},
        }

    def answer(request: Request) -> Reply:
        least = int(request.query.get("min_id", first))
        start = max(0, (least - first) // (1000 << 16) + 1) if least >= first else 0
        size = int(request.query["limit"])
        return json_reply([status(one) for one in range(start, min(posts, start + size))][::-1])

    _serve(answer, channel)


def _mastodon(url: str) -> Collector:
    query = Query("benchmark", "Benchmark", (TERM,), {}, ("en",))
    settings = {**mastodon.SOURCE.defaults(), "base_url": url}
    return mastodon.SOURCE.make(query, _surroundings(settings, {}))


def _serve(answer: Callable[[Request], Reply], channel: Connection) -> None:
    server = LocalServer(answer)
    channel.send(server.url)
    channel.recv()


def _measure(
    serve: Callable[[int, Connection], None], make: Callable[[str], Collector], posts: int
) -> tuple[float, float, int]:
    """Returns seconds, seconds of this process on a processor, and posts that are stored."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(posts, there), daemon=True)
    server.start()
    url = here.recv()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/monitor.db")
        migrate(engine)
        began, worked = time.perf_counter(), time.process_time()
        stored: list[int] = [0]
        collected = _step(engine).collect(
            make(url),
            progress=lambda records: stored.__setitem__(0, records),
            should_stop=lambda: stored[0] >= posts,
        )
        seconds, busy = time.perf_counter() - began, time.process_time() - worked
        engine.dispose()
    here.send("done")
    server.join()
    return seconds, busy, collected.counts["stored"]


def _step(engine: Any) -> CollectStep:
    topic = Topic(
        name="benchmark",
        title="Benchmark",
        timezone=ZoneInfo("UTC"),
        start=(NOW - timedelta(days=30)).date(),
        end=(NOW + timedelta(days=30)).date(),
        languages=("en",),
        targets=(Target(TERM, f"the {TERM}"),),
        queries={PORTABLE: TopicQuery((TERM,), {})},
    )
    admission = Admission(topic, Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
    return CollectStep(Store(engine, clock=now), Queries(engine), admission, now)


def _surroundings(settings: dict[str, Any], secrets: dict[str, str]) -> Surroundings:
    return Surroundings(
        settings=settings,
        secret=secrets.get,
        now=now,
        sleep=lambda _: None,
        should_stop=lambda: False,
        reads=lambda: 0,
    )


def main() -> None:
    """Measures the platforms named, all of them unless told."""
    platforms = {
        name.removeprefix("measure_"): measure
        for name, measure in globals().items()
        if name.startswith("measure_")
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platforms", nargs="*", choices=[*sorted(platforms), []])
    parser.add_argument("--posts", type=int, default=10_000)
    options = parser.parse_args()
    for name in options.platforms or sorted(platforms):
        seconds, busy, stored = platforms[name](options.posts)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{name}: {stored:,} posts, {stored / seconds:,.0f}/s; {stored / busy:,.0f} per second "
            f"of one processor; peak {peak:,.0f} MB"
        )
        assert stored == options.posts, "posts are missing"


if __name__ == "__main__":
    main()
