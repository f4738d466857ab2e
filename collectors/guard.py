"""Requests to addresses that strangers name: none of them reaches a private network.

A name is looked up here and the request goes to the address that was checked, so that a name
cannot mean another address a moment later. Redirects are requests like any other. A server that
the configuration names may be anywhere, but may not send us on to where only we can go.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

import httpx

from collectors.errors import MalformedAnswerError, RefusedRequestError, UnavailableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")


class GuardedTransport(httpx.BaseTransport):
    """Carries requests to public addresses alone, without a proxy.

    Args:
        allowed: Hosts that may be at private addresses all the same, lower case.
        transport: What carries what is allowed.
        setting: Where such hosts are named.
    """

    def __init__(
        self,
        allowed: Collection[str] = (),
        transport: httpx.BaseTransport | None = None,
        *,
        setting: str = "sources.feed.allow_private",
    ) -> None:
        self._allowed = frozenset(allowed)
        self._setting = setting
        # A connection that is kept was opened under another host's certificate, perhaps.
        alone = httpx.Limits(max_keepalive_connections=0)
        self._transport = transport or httpx.HTTPTransport(limits=alone)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request to one of its host's addresses.

        Raises:
            RefusedRequestError: One of them is private, and the host is not allowed.
            UnavailableError: The host has none.
        """
        host = request.url.host.lower().rstrip(".")
        addresses = _addresses(host, request.url.port or 443)
        if host not in self._allowed and any(map(is_private, addresses)):
            raise RefusedRequestError(
                f"{host} is at a private address",
                hint=f'If it should be read: {self._setting} = ["{host}"]',
            )
        return self._send(request, host, addresses)

    def _send(self, request: httpx.Request, host: str, addresses: list[Address]) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": host}
        for address in addresses[:-1]:
            try:
                return self._transport.handle_request(_to(request, address))
            except httpx.ConnectError:
                continue
        return self._transport.handle_request(_to(request, addresses[-1]))

    def close(self) -> None:
        """Closes what carries the requests."""
        self._transport.close()


def check_redirect(origin: str, target: str) -> None:
    """Refuses to be led from one server to another one at a private address.

    Args:
        origin: The address that answered with a redirect.
        target: Where it leads, a whole address.

    Raises:
        RefusedRequestError: The target is another server than the origin, and private.
        UnavailableError: Its host has no address.
    """
    here = urlsplit(origin)
    try:
        there = urlsplit(target)
        if there.scheme not in ("http", "https") or _server(there) == _server(here):
            return  # What is no HTTP fails by itself.
        host, port = there.hostname or "", there.port or _PORTS[there.scheme]
    except ValueError as exc:
        raise MalformedAnswerError(f"{here.hostname} leads to an address that is none") from exc
    if any(map(is_private, _addresses(host, port))):
        raise RefusedRequestError(
            f"{here.hostname} leads to {host}, which is at a private address",
            hint="Name the right server itself in the source's settings.",
        )


def _server(address: SplitResult) -> tuple[str | None, int | None]:
    """A host with its port; a change to TLS is no change of server."""
    return address.hostname, None if address.port in (None, 80, 443) else address.port


def is_private(address: Address) -> bool:
    """Whether an address, or the one that is packed into it, is not out in the open."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and (address in _NAT64 or address in _IPV4_COMPATIBLE):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_private(inner) or address in _IPV4_COMPATIBLE
    return not address.is_global or address.is_multicast or address.is_reserved


def _addresses(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise UnavailableError(
            f"{host} has no address", hint="Check the name; the next run tries again."
        ) from exc
    texts = dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found)
    return [ipaddress.ip_address(text) for text in texts]


def _to(request: httpx.Request, address: Address) -> httpx.Request:
    """The same request, to an address; its headers still name the host."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions,
    )
