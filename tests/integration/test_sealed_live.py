"""Live collection from servers whose post ids name their authors: sealed, and still obeyed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from servers.faults import LocalServer, Reply, Request, json_reply
from servers.jetstream import POST, REPOST, Jetstream, iso
from servers.mastodon import Mastodon

from monitor.bootstrap.application import Application
from monitor.observability import configure_logging
from monitor.schedule import job_runner, jobs_of
from monitor.settings import load_settings
from monitor.testing import FakeClock

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-05
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
NOON = datetime(2020, 6, 2, 12, tzinfo=UTC)
ANN, BOB = "did:plc:annzzyqv", "did:plc:bobzzyqv"
PRIVATE = ("zzyqv", "quillhandle", "/statuses/", "app.bsky.feed.post/")


@dataclass
class Network:
    """Two platforms in miniature, and what Bluesky's app server still shows.

    That server is the directory, and the server of every account, too; it has no records.
    """

    clock: FakeClock
    jetstream: Jetstream
    mastodon: Mastodon
    app_server: LocalServer
    shown: set[str]


@pytest.fixture
def network() -> Iterator[Network]:
    clock = FakeClock(NOON)
    shown: set[str] = set()

    def answer(request: Request) -> Reply:
        if request.path.startswith("/did:"):
            endpoint = f"http://{request.headers['host']}"
            return json_reply({"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]})
        if request.path.endswith("getRepoStatus"):
            return json_reply({"active": True})
        if request.path.endswith("getRecord"):
            return json_reply({"error": "RecordNotFound"}, 400)
        asked = {uri for _, uri in request.pairs}
        return json_reply({"posts": [{"uri": uri, "author": {}} for uri in asked & shown]})

    made = Network(clock, Jetstream(clock), Mastodon(clock), LocalServer(answer), shown)
    yield made
    for server in (made.jetstream, made.mastodon, made.app_server):
        server.close()


@pytest.fixture
def app(network: Network, tmp_path: Path) -> Iterator[Application]:
    (tmp_path / "config" / "topics").mkdir(parents=True)
    (tmp_path / "config" / "topics" / "strike.toml").write_text(TOPIC, encoding="utf-8")
    environ = {
        "MONITOR_HOME": str(tmp_path / "home"),
        "MONITOR_CONFIG": str(tmp_path / "config"),
        "MONITOR_DEFAULT_TOPIC": "strike",
        "MONITOR_SOURCES__BLUESKY__ENABLED": "true",
        "MONITOR_SOURCES__BLUESKY__HOSTS": network.jetstream.url,
        "MONITOR_SOURCES__BLUESKY__LINGER": "0.0",
        "MONITOR_SOURCES__BLUESKY__CHECK_URL": network.app_server.url,
        "MONITOR_SOURCES__BLUESKY__DIRECTORY_URL": network.app_server.url,
        "MONITOR_SOURCES__MASTODON__ENABLED": "true",
        "MONITOR_SOURCES__MASTODON__INSTANCES": network.mastodon.server.url,
    }
    yield Application(load_settings(environ), network.clock)
    structlog.reset_defaults()


def run(app: Application, *jobs: str) -> list[bool]:
    runner = job_runner(app)
    chosen = [job for job in jobs_of(app) if job.name.startswith(jobs)]
    return [runner.run(job, lambda: False) for job in chosen]


def test_live_posts_are_stored_sealed_and_their_removals_find_them(
    app: Application, network: Network, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(verbose=False)  # Here, so that it writes to where the test reads.
    at = NOON - timedelta(hours=1)
    blue = [network.jetstream.post(ANN, f"k{n}", f"the strike {n}", at) for n in range(3)]
    subject = {"createdAt": iso(at), "subject": {"uri": blue[0]}}
    network.jetstream.commit("create", BOB, f"{REPOST}/r1", subject)
    statuses = [network.mastodon.add(f"#strike {n}", "quillhandle", at) for n in range(3)]
    hidden = {"discoverable": False}
    network.mastodon.add("#strike", "quillhandle2", at, account=hidden)
    network.shown |= set(blue)

    network.clock.forward(minutes=5)
    assert run(app, "collect:bluesky", "collect:mastodon") == [True, True]
    assert app.queries.totals("strike").posts == 7

    network.jetstream.commit("delete", ANN, f"{POST}/k0")
    network.shown.remove(blue[1])
    network.mastodon.delete(statuses[1])
    network.clock.forward(minutes=5)
    run(app, "collect:bluesky")
    assert app.queries.totals("strike").posts == 5, "a post and its repost went"
    assert run(app, "compliance:") == [True, True]
    assert app.queries.totals("strike").posts == 3

    network.mastodon.server.fail_next("refused", 99)
    run(app, "collect:mastodon")
    network.shown.clear()
    network.app_server.fail_next("refused", 99)
    run(app, "compliance:bluesky")
    said = "".join(capsys.readouterr())
    written = b"\n".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
    assert "collect:mastodon" in said
    assert [word for word in PRIVATE if word in said or word.encode() in written] == []


def test_an_account_that_was_suspended_is_read_again_once_it_is_active(
    app: Application, network: Network
) -> None:
    old = network.jetstream.post(ANN, "k1", "the strike", NOON - timedelta(minutes=50))
    network.clock.forward(minutes=5)
    run(app, "collect:bluesky")
    network.jetstream.account(ANN, "suspended")
    network.clock.forward(minutes=5)
    run(app, "collect:bluesky")
    network.jetstream.post(ANN, "k2", "the strike, unheard", network.clock())
    network.clock.forward(minutes=5)
    run(app, "collect:bluesky")
    assert app.queries.totals("strike").posts == 0

    network.jetstream.account(ANN, "active")
    network.clock.forward(minutes=5)
    network.jetstream.post(ANN, "k3", "the strike goes on", network.clock())
    edited = {"text": "the strike, edited", "createdAt": iso(NOON)}
    network.jetstream.commit("update", ANN, old.removeprefix(f"at://{ANN}/"), edited)
    network.clock.forward(minutes=5)
    run(app, "collect:bluesky")

    assert app.queries.totals("strike").posts == 1
