"""Which addresses are out in the open, in every way of writing one into another."""

from __future__ import annotations

import ipaddress

import httpx
import pytest

from collectors.errors import UnavailableError
from collectors.guard import GuardedTransport, is_private

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # where clouds keep their credentials
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address: str) -> None:
    assert is_private(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::808:808"],
)
def test_public_addresses_are_known(address: str) -> None:
    assert not is_private(ipaddress.ip_address(address))


def test_requests_go_to_the_address_that_was_checked_under_the_name_that_was_asked_for() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    transport = GuardedTransport(["localhost"], httpx.MockTransport(answer))
    with httpx.Client(transport=transport) as client:
        client.get("https://localhost:8443/feed")
    assert seen[0].url.host in ("127.0.0.1", "::1")
    assert seen[0].headers["host"] == "localhost:8443"
    assert seen[0].extensions["sni_hostname"] == "localhost"


def test_a_name_that_leads_nowhere_may_do_so_later() -> None:
    with (
        httpx.Client(transport=GuardedTransport()) as client,
        pytest.raises(UnavailableError, match="has no address"),
    ):
        client.get("http://nowhere.invalid/feed")
