"""Keyed pseudonyms: the same author gives the same word, and no word leads back to an author."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import ConfigurationError

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Turns author ids into pseudonyms under one topic's key.

    The key is kept outside the database: whoever holds only the database cannot test whether
    a given author is in it, and two topics cannot be joined.
    """

    key: bytes

    def of(self, platform: str, author: str) -> str:
        """Returns 32 hex digits, keyed BLAKE2b over platform and author id."""
        message = f"{platform}\x00{author}".encode()
        return hashlib.blake2b(message, key=self.key, digest_size=16).hexdigest()


def load_pseudonyms(folder: Path, topic: str) -> Pseudonyms:
    """Reads the topic's key from `folder`, making it at the first call (readable by its owner).

    Raises:
        ConfigurationError: The key file is damaged; a new key would count authors twice.
    """
    path = folder / f"{topic}.key"
    if not path.exists():
        _create_key(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{path} holds {len(key)} bytes, a pseudonym key has {KEY_BYTES}",
            hint="restore it from a backup; without it authors already stored are counted anew",
        )
    return Pseudonyms(key)


def _create_key(path: Path) -> None:
    """Writes a new key whole or not at all; of two processes the first one's key stands."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
