"""Asks the servers of Bluesky's accounts whether posts are still in their repositories."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from collectors.errors import (
    CollectorError,
    NotFoundError,
    RefusedRequestError,
    StoppedError,
    UnavailableError,
)
from collectors.formats.fields import mapping, sequence
from collectors.formats.jetstream import POST, REMOVED
from collectors.guard import GuardedTransport
from collectors.http import ANYTHING, HttpClient, Limits, Parameters
from collectors.source import Surroundings

_ADDRESS = re.compile(rf"at://(did:(?:plc|web):[\w.-]+)/{re.escape(POST)}/([\w.:~-]+)", re.ASCII)
_GET_STATUS = "xrpc/com.atproto.sync.getRepoStatus"
_GET_RECORD = "xrpc/com.atproto.repo.getRecord"
_CLOSED = (*REMOVED, "deactivated")
_WEB = "did:web:"


class Repositories:
    """Finds the server of each account by the account's document, and asks that server.

    Its connections stay open until it is closed.

    Args:
        surroundings: Clock, sleep, settings `directory_url` and `timeout`.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        directory_url = str(surroundings.settings["directory_url"])
        timeout = float(surroundings.settings["timeout"])
        self._limits = Limits(timeout=timeout, attempts=2, longest_pause=30.0, patience=30.0)
        self._directory = HttpClient(directory_url, surroundings, limits=Limits(timeout=timeout))
        # Documents are strangers' words: only beside our own directory may servers be private.
        self._home = urlsplit(directory_url).hostname or ""
        self._clients: dict[str, HttpClient | None] = {}

    def close(self) -> None:
        """Closes the connections."""
        for client in filter(None, (self._directory, *self._clients.values())):
            client.close()

    def lack(self, uri: str) -> bool:
        """Whether a post's own server says that it has none such, or that the account is gone.

        Where nothing can be told (the server does not answer, say), the post counts as there.

        Raises:
            CollectorError: The directory could not be asked.
        """
        address = _ADDRESS.fullmatch(uri)
        if address is None:
            return False
        did, key = address.groups()
        record = {"repo": did, "collection": POST, "rkey": key}
        try:
            server = _server_in(self._document(did))
            account = mapping(self._ask(server, _GET_STATUS, {"did": did}))
            if account.get("active") is not True:
                return account.get("status") in _CLOSED
            self._ask(server, _GET_RECORD, record)
        except NotFoundError as exc:
            return exc.is_gone
        except RefusedRequestError as exc:
            # So the protocol says that there is no such account, or no such record.
            return exc.status == 400
        return False

    def _document(self, did: str) -> Any:
        try:
            if did.startswith(_WEB):
                return self._ask(f"https://{did.removeprefix(_WEB)}", ".well-known/did.json")
            return self._directory.get_json(did, accept=ANYTHING)[0]
        except RefusedRequestError:
            return None
        except (NotFoundError, StoppedError):
            raise
        except CollectorError as exc:
            # What went wrong names the account, and is kept with the job's runs.
            raise UnavailableError(
                f"the directory {self._home} cannot be asked ({type(exc).__name__})",
                hint="The next run tries again.",
            ) from None

    def _ask(self, server: str, path: str, params: Parameters | None = None) -> Any:
        """What a server answers, None if it cannot be told; one that fails is asked no more."""
        client = self._client(server)
        if client is None:
            return None
        try:
            return client.get_json(path, params, accept=ANYTHING)[0]
        except (NotFoundError, RefusedRequestError, StoppedError):
            raise
        except CollectorError as exc:
            if exc.retryable:
                client.close()
                self._clients[server] = None
            return None

    def _client(self, server: str) -> HttpClient | None:
        if server not in self._clients:
            may_ask = server.startswith("https://") or urlsplit(server).hostname == self._home
            guard = GuardedTransport({self._home}, setting="sources.bluesky.directory_url")
            self._clients[server] = (
                HttpClient(server, self._surroundings, limits=self._limits, transport=guard)
                if may_ask
                else None
            )
        return self._clients[server]


def _server_in(document: Any) -> str:
    """Where a document says that the account's repository is; empty if it does not."""
    for service in map(mapping, sequence(mapping(document).get("service"))):
        if str(service.get("id")).endswith("#atproto_pds"):
            try:
                return "{0.scheme}://{0.netloc}".format(
                    urlsplit(str(service.get("serviceEndpoint")))
                )
            except ValueError:
                return ""
    return ""
