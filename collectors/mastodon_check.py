"""Asks for stored Mastodon posts where they live: which of them are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from collectors.errors import CollectorError, NotFoundError, StoppedError
from collectors.formats.mastodon import PLATFORM
from collectors.guard import GuardedTransport
from collectors.http import ANYTHING, HttpClient, Limits
from collectors.mastodon_harvest import Harvest, host_of
from collectors.post import Checkpoint, Deletion, Page
from collectors.source import Surroundings


class MastodonChecker:
    """Asks each post's own server for it, whichever that is; its id is its address.

    What cannot be told (a server that does not answer, or answers only its own) stays.

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

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        """Yields deletions of those whose server says that they are gone."""
        clients: dict[str, HttpClient | None] = {}
        harvest = Harvest()
        try:
            for uri in native_ids:
                if self._is_gone(uri, clients):
                    harvest.deletions.append(Deletion(PLATFORM, native_id=uri))
                if harvest.size == self.at_once:
                    yield harvest.page(Checkpoint({}))
                    harvest = Harvest()
        finally:
            for client in filter(None, clients.values()):
                client.close()
        yield harvest.page(Checkpoint({}))

    def _is_gone(self, uri: str, clients: dict[str, HttpClient | None]) -> bool:
        """A server that fails is asked no more."""
        base = "{0.scheme}://{0.netloc}".format(urlsplit(uri))
        allowed = base.startswith("https://") or base in self._plain
        if not allowed or host_of(uri) in self._refusing:
            return False
        if base not in clients:
            guard = GuardedTransport(
                {host for host in self._named if host}, setting="sources.mastodon.instances"
            )
            clients[base] = HttpClient(
                base, self._surroundings, limits=self._limits, transport=guard
            )
        client = clients[base]
        if client is None:
            return False
        try:
            client.get(uri, accept=ANYTHING)
        except NotFoundError:
            return True
        except StoppedError:
            raise
        except CollectorError as exc:
            if exc.retryable:
                client.close()
                clients[base] = None
        return False
