"""Asks for stored Mastodon posts where they live: which of them are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import urlsplit

from collectors.errors import CollectorError, NotFoundError, StoppedError
from collectors.formats.mastodon import PLATFORM
from collectors.guard import GuardedTransport
from collectors.http import ANYTHING, Answer, HttpClient, Limits
from collectors.mastodon_harvest import Harvest, host_of
from collectors.post import Checkpoint, Deletion, Page
from collectors.source import Surroundings

_State = Literal["there", "missing", "gone", "unknown"]

# As other servers ask, since some have no web page for a post that is there (GoToSocial).
_ACCEPT = {
    "Accept": "application/activity+json, "
    'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
}
_POST_TYPES = ("application/activity+json", "application/ld+json")


class MastodonChecker:
    """Asks each post's own server for it, whichever that is; its id is its address.

    What cannot be told (a server that does not answer, or answers only its own) stays. Some
    servers call every post missing to whom they do not know (Threads): a missing post (404) counts
    as gone only once its server has shown another one, and is missing when asked for again.

    Args:
        surroundings: Clock, sleep, settings.
    """

    at_once = 20

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        settings = surroundings.settings
        self._limits = Limits(
            timeout=settings["timeout"], attempts=2, longest_pause=30.0, patience=30.0
        )
        self._refusing = frozenset(map(host_of, settings["refusing_instances"]))
        named = [settings["base_url"], *settings["instances"]]
        self._plain = {one.rstrip("/") for one in named if one.startswith("http://")}
        # Posts' addresses are strangers' words: only servers that we named may be private.
        self._named = {urlsplit(one if "://" in one else f"//{one}").hostname for one in named}
        self._showing: set[str] = set()
        self._missing: dict[str, list[str]] = defaultdict(list)

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        """Yields deletions of those whose server says that they are gone.

        Posts of earlier calls are among them where their server has shown a post only now.
        """
        clients: dict[str, HttpClient | None] = {}
        harvest = Harvest()
        try:
            for uri in self._gone(native_ids, clients):
                harvest.deletions.append(Deletion(PLATFORM, native_id=uri))
                if harvest.size == self.at_once:
                    yield harvest.page(Checkpoint({}))
                    harvest = Harvest()
        finally:
            for client in filter(None, clients.values()):
                client.close()
        yield harvest.page(Checkpoint({}))

    def _gone(self, uris: Sequence[str], clients: dict[str, HttpClient | None]) -> Iterator[str]:
        for uri in uris:
            state = self._state(uri, clients)
            if state == "gone":
                yield uri
            elif state == "missing":
                self._missing[_base(uri)].append(uri)
            elif state == "there":
                self._showing.add(_base(uri))
        for base in sorted(self._showing & self._missing.keys()):
            for uri in self._missing.pop(base):
                if self._state(uri, clients) in ("missing", "gone"):
                    yield uri

    def _state(self, uri: str, clients: dict[str, HttpClient | None]) -> _State:
        """Asks for a post; a server that fails is asked no more."""
        base = _base(uri)
        client = self._client(base, clients) if self._may_ask(uri) else None
        if client is None:
            return "unknown"
        try:
            answer = client.get(uri, headers=_ACCEPT, accept=ANYTHING)
        except NotFoundError as exc:
            if exc.is_gone:
                return "gone"
            return "unknown" if exc.is_redirected else "missing"
        except StoppedError:
            raise
        except CollectorError as exc:
            if exc.retryable:
                client.close()
                clients[base] = None
            return "unknown"
        return "there" if _is_post(answer) else "unknown"

    def _may_ask(self, uri: str) -> bool:
        base = _base(uri)
        allowed = base.startswith("https://") or base in self._plain
        return allowed and host_of(uri) not in self._refusing

    def _client(self, base: str, clients: dict[str, HttpClient | None]) -> HttpClient | None:
        if base not in clients:
            guard = GuardedTransport(
                {host for host in self._named if host}, setting="sources.mastodon.instances"
            )
            clients[base] = HttpClient(
                base, self._surroundings, limits=self._limits, transport=guard
            )
        return clients[base]


def _base(uri: str) -> str:
    """A post's server; empty for an id that is no address, as a file may hold."""
    try:
        return "{0.scheme}://{0.netloc}".format(urlsplit(uri))
    except ValueError:
        return ""


def _is_post(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in _POST_TYPES
