"""Bluesky's check against servers on loopback: what is gone, and what is only not shown yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from live import Clock, surroundings
from servers.faults import LocalServer, Reply, Request, json_reply
from servers.jetstream import POST

from collectors.bluesky import SOURCE
from collectors.bluesky_check import BlueskyChecker
from collectors.errors import UnavailableError
from collectors.post import Deletion

ANN, BOB = "did:plc:ann", "did:plc:bob"
MISSING = json_reply({"error": "RecordNotFound", "message": "Could not locate record"}, 400)


class Network:
    """The app server, the directory, and the server of every account, all at one address.

    Attributes:
        views: What the app server shows, by address.
        repositories: The posts that the accounts' own server has.
        documents: What the directory answers of an account, where not the usual.
        status: What their server says of an account, where it is not open.
        silence: What their server answers after a post in place of the truth.
        wrong: Addresses that the app server refuses.
    """

    def __init__(self) -> None:
        self.views: dict[str, dict[str, Any]] = {}
        self.repositories: set[str] = set()
        self.documents: dict[str, Reply] = {}
        self.status: Reply | None = None
        self.silence: Reply | None = None
        self.wrong: set[str] = set()
        self.server = LocalServer(self._answer)

    def add(self, *uris: str, is_shown: bool = True) -> None:
        """Puts posts into their repositories."""
        self.repositories |= set(uris)
        if is_shown:
            self.views |= {uri: {"uri": uri, "author": {}} for uri in uris}

    def document(self, endpoint: Any) -> Reply:
        """What the directory says of an account on a server."""
        pds = {"id": "#atproto_pds", "serviceEndpoint": endpoint}
        return json_reply({"service": [{"id": "#other"}, pds]})

    def asked(self, what: str) -> list[Request]:
        return [one for one in self.server.requests if what in one.path]

    def _answer(self, request: Request) -> Reply:
        if request.path.startswith("/did:"):
            own = self.documents.get(request.path[1:])
            return own or self.document(self.server.url)
        if request.path.endswith("getRepoStatus"):
            return self.status or json_reply({"did": request.query["did"], "active": True})
        if request.path.endswith("getRecord"):
            uri = "at://{repo}/{collection}/{rkey}".format(**request.query)
            there = json_reply({"uri": uri, "value": {}})
            return self.silence or (there if uri in self.repositories else MISSING)
        uris = [uri for _, uri in request.pairs]
        if self.wrong & set(uris):
            return json_reply({"error": "InvalidRequest"}, 400)
        return json_reply({"posts": [self.views[uri] for uri in uris if uri in self.views]})


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.server.close()


def posts(count: int, did: str = ANN) -> list[str]:
    return [f"at://{did}/{POST}/k{number}" for number in range(count)]


def checked(network: Network, uris: Sequence[str]) -> list[Deletion]:
    urls = {"check_url": network.server.url, "directory_url": network.server.url}
    checker = BlueskyChecker(surroundings(Clock(), SOURCE.defaults() | urls))
    return [deletion for page in checker.check(uris) for deletion in page.deletions]


def gone(network: Network, uris: Sequence[str]) -> list[str | None]:
    return [deletion.native_id for deletion in checked(network, uris)]


def test_what_is_gone_or_hidden_is_removed(network: Network) -> None:
    uris = posts(40)
    network.add(*uris[3:])
    network.views[uris[5]]["author"] = {"labels": [{"val": "!no-unauthenticated"}]}

    told = {(one.native_id, one.reason) for one in checked(network, uris)}

    assert {name for name, _ in told} == {*uris[:3], uris[5]}
    assert (uris[5], "author_opted_out") in told
    assert len(network.asked("getPosts")) == 2
    assert len(network.asked("getRecord")) == 3


def test_a_post_that_the_app_server_does_not_show_yet_stays(network: Network) -> None:
    network.add(*posts(3), is_shown=False)

    assert gone(network, posts(3)) == []


def test_an_address_that_is_refused_does_not_keep_the_others_from_being_checked(
    network: Network,
) -> None:
    uris = posts(3)
    network.add(uris[0])
    network.wrong = {uris[1]}

    assert gone(network, uris) == [uris[2]]


def test_the_posts_of_an_account_that_the_directory_calls_gone_are_removed(
    network: Network,
) -> None:
    network.documents[ANN] = json_reply({"message": "DID not available"}, 410)

    assert gone(network, posts(2)) == posts(2)
    assert network.asked("getRecord") == []


CLOSED = {
    "deactivated": json_reply({"active": False, "status": "deactivated"}),
    "taken down": json_reply({"active": False, "status": "takendown"}),
    "unknown": json_reply({"error": "RepoNotFound"}, 400),
}


@pytest.mark.parametrize("status", CLOSED.values(), ids=CLOSED)
def test_the_posts_of_an_account_that_its_own_server_has_closed_are_removed(
    network: Network, status: Reply
) -> None:
    network.status = status

    assert gone(network, posts(2)) == posts(2)


NO_ANSWERS = {
    "busy": Reply(b"<html>busy</html>", 503, "text/html"),
    "refused": json_reply({}, 403),
    "no such server": json_reply({}, 404),
    "too long": json_reply({}, 414),
    "web page": Reply(b"<html></html>", type="text/html"),
}


@pytest.mark.parametrize("silence", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_a_server_that_does_not_answer_decides_nothing(network: Network, silence: Reply) -> None:
    network.silence = silence
    assert gone(network, posts(2)) == []
    network.status = silence
    assert gone(network, posts(2)) == []


NO_DOCUMENTS = {
    "unknown": json_reply({}, 404),
    "refused": json_reply({}, 400),
    "no object": json_reply([]),
    "no services": json_reply({}),
    "odd services": json_reply({"service": [7, {"id": "#atproto_pds"}]}),
    "no address": json_reply(
        {"service": [{"id": "#atproto_pds", "serviceEndpoint": "https://[odd"}]}
    ),
}


@pytest.mark.parametrize("document", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
def test_an_account_whose_server_nobody_knows_decides_nothing(
    network: Network, document: Reply
) -> None:
    network.documents[ANN] = document
    assert gone(network, [*posts(1), *posts(1, BOB)]) == posts(1, BOB)


@pytest.mark.parametrize(
    "uri",
    [f"at://ann.example/{POST}/k1", f"at://did:web:localhost/{POST}/k1", f"17/{POST}/k1"],
    ids=["by a handle", "on a private server", "no address"],
)
def test_an_address_whose_account_cannot_be_found_decides_nothing(
    network: Network, uri: str
) -> None:
    assert gone(network, [uri]) == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_servers_in_a_private_network_are_not_asked(network: Network, scheme: str) -> None:
    inner = network.server.url.replace("127.0.0.1", "localhost").replace("http", scheme)
    network.documents[ANN] = network.document(inner)

    assert gone(network, posts(1)) == []
    assert network.asked("getRecord") == []


@pytest.mark.parametrize("status", [503, 401])
def test_a_directory_that_does_not_answer_is_told_without_the_account(
    network: Network, status: int
) -> None:
    network.documents[ANN] = json_reply({}, status)

    with pytest.raises(UnavailableError, match="directory") as told:
        gone(network, posts(1))
    assert ANN not in f"{told.value}{told.value.__cause__}"
