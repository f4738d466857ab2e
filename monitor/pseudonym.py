"""Keyed pseudonyms: the same author gives the same word, and no word leads back to an author.

A key serves a topic's posts of some days, its period; another period has another key. So a key
can be destroyed once the period's pseudonyms are gone, and nobody can make them again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from collectors.post import ASSUMED_AUTHOR
from monitor.errors import ConfigurationError
from monitor.kept import ASSUMED

KEY_BYTES = 32
_MARKS = "removals"
_EVERYWHERE = "_every-topic.removals.key"
"""No topic's name begins like this."""
_DESTROYED = bytes(KEY_BYTES)
_USED_SECONDS = 3600
"""How far behind its last use a key's time may be."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Turns author ids into pseudonyms under one key.

    The key is kept outside the database: whoever holds only the database cannot test whether
    a given author is in it, and two topics cannot be joined.
    """

    key: bytes

    def of(self, platform: str, author: str, day: date | None = None) -> str:  # noqa: ARG002
        """Returns 32 hex digits, keyed BLAKE2b over platform and author id, whatever the day.

        Of an author who is only assumed, they follow `ASSUMED`.
        """
        return _pseudonym(_begun(self.key), platform, author)

    def holding(self) -> Pseudonyms:
        """The same: its key is in memory already."""
        return self

    def every(self, platform: str, author: str) -> list[str]:
        """The author's pseudonyms of all periods: one."""
        return [self.of(platform, author)]

    def mark(self, platform: str, author: str) -> str:
        """What an author is known by who wants to be forgotten."""
        return _keyed(_begun(self.key), "removed", platform, author)

    def mark_post(self, platform: str, native_id: str) -> str:
        """What a post is known by that is to be forgotten."""
        # Escaped: half a character may be in it.
        return _keyed(_begun(self.key), "removed post", platform, ascii(native_id))

    def everywhere(self) -> Pseudonyms | None:
        """Nothing: one key knows of no other topic."""
        return None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one topic: one for every period of days, and one for removals.

    The key for removals stays: whoever asked to be forgotten has to be recognised for good.

    Attributes:
        folder: Where keys are kept, readable by their owner alone.
        rotate_days: Days of a period, in the topic's calendar.
        held: Keys that were read already, None to read a key whenever it is asked for.
    """

    folder: Path
    topic: str
    rotate_days: int
    held: dict[str, hashlib.blake2b] | None = field(default=None, repr=False, compare=False)

    def holding(self) -> KeyRing:
        """The same keys, each read once: for one page, as a key may be destroyed meanwhile."""
        return replace(self, held={})

    def of(self, platform: str, author: str, day: date | None = None) -> str:
        """The author's pseudonym for posts of a day."""
        if day is None:
            raise ValueError("a pseudonym is made for a day")
        return _pseudonym(self._digest(_period(day, self.rotate_days)), platform, author)

    def every(self, platform: str, author: str) -> list[str]:
        """The author's pseudonyms under every key that is left."""
        return [Pseudonyms(load_key(path)).of(platform, author) for path in self._paths()]

    def mark(self, platform: str, author: str) -> str:
        """What an author is known by who wants to be forgotten; no post carries it."""
        return _keyed(self._digest(_MARKS), "removed", platform, author)

    def everywhere(self) -> Pseudonyms | None:
        """Makes the marks that hold in every topic; None until there is one."""
        is_made = (self.folder / _EVERYWHERE).exists()
        return load_everywhere(self.folder) if is_made else None

    def destroy_unused(
        self, days_in_use: Iterable[date], now: datetime, *, after: timedelta
    ) -> int:
        """Destroys the keys of which no pseudonym is left, and what an ended call left of some.

        Args:
            days_in_use: Days whose posts still carry pseudonyms.
            now: Aware.
            after: How long ago a key must have been made, or read for a pseudonym: posts may be on
                their way to the store.

        Returns:
            How many keys were destroyed.
        """
        days = set(days_in_use)
        in_use = {f"{self.topic}.{_period(day, self.rotate_days)}.key" for day in days}
        is_legacy_used = bool(in_use)
        destroyed = self._finish_destroying()
        for path in self._paths():
            used = is_legacy_used if path == self._legacy else path.name in in_use
            # Its time is looked at last: it may be read while the keys before it are erased.
            if not used and path.stat().st_mtime < (now - after).timestamp():
                _destroy(path)
                destroyed += 1
        return destroyed

    def _finish_destroying(self) -> int:
        left = list(self.folder.glob(f".{self.topic}.*.destroyed"))
        for path in left:
            _erase(path)
        return len(left)

    @property
    def _legacy(self) -> Path:
        """The only key that earlier programs made; it serves all days until it is destroyed."""
        return self.folder / f"{self.topic}.key"

    def _digest(self, name: str) -> hashlib.blake2b:
        if self.held is None:
            return _begun(self._read(name))
        if name not in self.held:
            self.held[name] = _begun(self._read(name))
        return self.held[name]

    def _read(self, name: str) -> bytes:
        path = self.folder / f"{self.topic}.{name}.key"
        if name == _MARKS:
            return load_key(path)
        if self._legacy.exists():
            path = self._legacy
        _note_use(path)
        return load_key(path)

    def _paths(self) -> list[Path]:
        found = sorted(self.folder.glob(f"{self.topic}.????-??-??.key"))
        return [*found, self._legacy] if self._legacy.exists() else found


@lru_cache(maxsize=4096)
def _period(day: date, days: int) -> str:
    """The first day of the period that a day belongs to."""
    number = day.toordinal() // days
    return date.fromordinal(max(number * days, 1)).isoformat()


def load_everywhere(folder: Path) -> Pseudonyms:
    """Makes the marks that hold in every topic, also in one that is made later.

    Raises:
        ConfigurationError: As `load_key`.
    """
    return Pseudonyms(load_key(folder / _EVERYWHERE))


def load_key(path: Path) -> bytes:
    """Reads a key, making it at the first call (readable by its owner).

    Zeros are a destroyed key, which everybody knows: a new one takes their place.

    Raises:
        ConfigurationError: It cannot be read or made, or the key file is damaged; a new key would
            count authors twice.
    """
    try:
        if not path.exists():
            _create_key(path)
        if path.read_bytes() == _DESTROYED:
            _replace_destroyed(path)
        key = path.read_bytes()
    except OSError as exc:
        raise ConfigurationError(
            f"the key {path} cannot be read or made: {exc.strerror}",
            hint="let this user, and no other, read and write the folder of the keys and its files",
        ) from exc
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"{path} holds {len(key)} bytes, a pseudonym key has {KEY_BYTES}",
            hint="restore it from a backup; without it authors already stored are counted anew",
        )
    return key


def _note_use(path: Path) -> None:
    """Sets the time of a key that is about to be read, so that it is not destroyed meanwhile."""
    with suppress(OSError):  # Not made yet, or not to be changed: keys may be only readable.
        if path.stat().st_mtime < time.time() - _USED_SECONDS:
            os.utime(path)


def _begun(key: bytes) -> hashlib.blake2b:
    """A digest that has taken in its key; going on from there takes half as long."""
    return hashlib.blake2b(key=key, digest_size=16)


def _pseudonym(begun: hashlib.blake2b, platform: str, author: str) -> str:
    word = _keyed(begun, platform, author)
    return f"{ASSUMED}{word}" if author.startswith(ASSUMED_AUTHOR) else word


def _keyed(begun: hashlib.blake2b, *parts: str) -> str:
    digest = begun.copy()
    digest.update("\x00".join(parts).encode())
    return digest.hexdigest()


def _create_key(path: Path) -> None:
    """Writes a new key whole or not at all; of two processes the first one's key stands."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = _draft_key(path)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _replace_destroyed(path: Path) -> None:
    """Puts a new key in the place of one that an earlier program had begun to destroy."""
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of two processes the first one's key stands
        if path.read_bytes() == _DESTROYED:
            _draft_key(path).replace(path)


def _draft_key(path: Path) -> Path:
    """Writes a new key beside its place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return draft


def _destroy(path: Path) -> None:
    """Takes a key out of use, then erases it: ended in between, nobody uses what is left."""
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.destroyed")
    path.rename(hidden)
    _erase(hidden)


def _erase(path: Path) -> None:
    """Writes over a file before it is taken away; another process may be at it too."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        file.write(_DESTROYED)
        file.flush()
        os.fsync(file.fileno())
    path.unlink(missing_ok=True)
