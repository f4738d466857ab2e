"""Post ids that lead to an author, sealed: equal ids stay equal, and only the key opens them.

On some platforms a post's id is its address, with the author's id or handle in it
(`at://did:plc:…/…`, `https://host/users/HANDLE/statuses/1`). The id is needed: to know a post
again, to obey its deletion, to ask whether it is still there. So it is encrypted with AES-SIV
(RFC 5297): deterministic, so that equal ids have equal seals, and authenticated, so that a seal
is known as one. The key lies beside those of the pseudonyms, outside the database.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from monitor.pseudonym import load_key

PREFIX = "sealed."
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A number, a digest, a name without structure: not an address, so nobody's either."""
_ADDRESS = re.compile(r"\w+://|did:")
_PURPOSE = [b"post id"]
_LONGEST = 1024
"""Bytes of an id that a seal holds; a longer one is cut, and a digest of it added: PostgreSQL
indexes at most 2,704 bytes."""


class PostIds:
    """Seals and opens the post ids of one topic.

    Args:
        key: 32 bytes, which no other topic has.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)
        self._places = blake2b(key=key, person=b"place", digest_size=16)
        self.fingerprint = blake2b(b"post ids", key=key, digest_size=16).hexdigest()

    def seal(self, native_id: str) -> str:
        """What of an id may be stored: an opaque one as it is, any other sealed, a seal as it is.

        Returns:
            Equal texts for equal ids.
        """
        if _OPAQUE.fullmatch(native_id) or self._opened(native_id) is not None:
            return native_id
        return self._sealed(_cut(native_id.encode("utf-8", "surrogatepass")))

    def open(self, kept: str) -> str:
        """The platform's own id of what `seal` gave; anything else as it is."""
        opened = self._opened(kept)
        return kept if opened is None else opened

    def name_place(self, place: str) -> str:
        """Names where a rejected record stood: a digest that nobody without the key can test."""
        name = self._places.copy()
        name.update(place.encode("utf-8", "surrogatepass"))
        return name.hexdigest()

    def seal_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's state with every address in it sealed."""
        sealed: dict[str, Any] = _mapped(
            state, lambda text: self._sealed(text.encode()) if _ADDRESS.search(text) else text
        )
        return sealed

    def open_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint's state as its collector gave it."""
        opened: dict[str, Any] = _mapped(state, self.open)
        return opened

    def _sealed(self, raw: bytes) -> str:
        sealed = self._cipher.encrypt(raw, _PURPOSE)
        return PREFIX + urlsafe_b64encode(sealed).decode().rstrip("=")

    def _opened(self, text: str) -> str | None:
        """What a seal holds, None where it is none of this key's."""
        if not text.startswith(PREFIX):
            return None
        packed = text.removeprefix(PREFIX)
        try:
            sealed = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
            raw = self._cipher.decrypt(sealed, _PURPOSE)
        except (ValueError, InvalidTag):
            return None
        # What decodes to the same bytes is not the same text yet.
        return raw.decode("utf-8", "replace") if self._sealed(raw) == text else None


def load_post_ids(folder: Path, topic: str) -> PostIds:
    """Seals with the topic's key in `folder`, which is made at the first call.

    Raises:
        ConfigurationError: The key file is damaged.
    """
    return PostIds(load_key(key_path(folder, topic)))


def key_path(folder: Path, topic: str) -> Path:
    """Where the key of a topic's post ids lies."""
    return folder / f"{topic}.ids.key"


def _cut(raw: bytes) -> bytes:
    if len(raw) <= _LONGEST:
        return raw
    return raw[:_LONGEST] + b" " + blake2b(raw, digest_size=16).hexdigest().encode()


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON with all its texts changed; names stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _mapped(one, change) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(one, change) for one in value]
    return value
