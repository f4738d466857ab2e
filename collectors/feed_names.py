"""Whose an entry is: ids are told by strangers, and a feed may give another one's as its own."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from collectors.feed_items import native_id

_TAG = re.compile(r"tag:([^,]{1,500}),")


@dataclass(frozen=True, slots=True)
class Names:
    """The ids that a feed's entries are stored under.

    An id is that feed's which told it first, and no other's that its address names. Entries that
    another host's feed gives under it are posts of their own: else one could rewrite the other's.

    Attributes:
        host: The feed's.
        seen: The starts of its entries' native ids, as far as they are remembered.
        others: Host, and the same, of each feed on another host.
    """

    host: str
    seen: Collection[str]
    others: tuple[tuple[str, Collection[str]], ...]

    def name(self, identifier: str) -> str:
        """The native id of the feed's entry with this id."""
        name = native_id(identifier, self.host)
        apart = native_id(f"{self.host} {identifier}", self.host)
        if name[:16] in self.seen:
            return name
        return apart if apart[:16] in self.seen or self._is_theirs(identifier, name) else name

    def may_delete(self, identifier: str) -> bool:
        """Whether the feed's word is enough to take an entry out that it may not have told."""
        known = self.name(identifier)[:16] in self.seen
        return known or not self.others or _site_in(identifier) == site(self.host)

    def _is_theirs(self, identifier: str, name: str) -> bool:
        named = _site_in(identifier)
        return any(name[:16] in seen or named == site(host) for host, seen in self.others)


def site(host: str) -> str:
    """What a host is called by: `www.example.org` and `example.org` are the same."""
    return host.rpartition("@")[2].lower().removeprefix("www.")


def _site_in(identifier: str) -> str:
    """The site that an id names (http, https, tag), empty where it names none."""
    try:
        tagged = _TAG.match(identifier)
        return site(tagged[1] if tagged else urlsplit(identifier).netloc)
    except ValueError:
        return ""
