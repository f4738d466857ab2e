"""Files encrypted as age does it, so that any program that knows age can open them.

The format is https://age-encryption.org/v1 (X25519, HKDF, ChaCha20-Poly1305 in chunks of 64 KiB);
the arithmetic is the library's. A file that was cut or changed does not open.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import pyrage

from monitor.errors import ConfigurationError, MonitorError

_SECRET = "AGE-SECRET-KEY-1"  # noqa: S105  how every such key begins
_PUBLIC = "age1"
_HEAD = b"age-encryption.org/"
_HINT = (
    "MONITOR_BACKUP_KEY (or the file that MONITOR_BACKUP_KEY_FILE names) holds an age key: "
    "AGE-SECRET-KEY-1… locks and opens, age1… only locks; `monitor backup --new-key FILE` makes one"
)


class Seal:
    """Locks and opens files with one key.

    Args:
        key: An age identity, or a recipient, which can only lock. Lines that begin with # and
            empty ones are left out, so that what `age-keygen` writes is understood.

    Raises:
        ConfigurationError: It is neither; the message does not quote it.
    """

    def __init__(self, key: str) -> None:
        lines = [line.strip() for line in key.splitlines()]
        kept = [line for line in lines if line and not line.startswith("#")]
        try:
            [word] = kept
            self._identity = pyrage.x25519.Identity.from_str(word) if _is_secret(word) else None
            self._recipient = (
                self._identity.to_public()
                if self._identity
                else pyrage.x25519.Recipient.from_str(word)
            )
        except (ValueError, pyrage.IdentityError, pyrage.RecipientError):
            # What the library says may quote the key.
            raise ConfigurationError("the key for backups is no age key", hint=_HINT) from None

    @property
    def opens(self) -> bool:
        """Whether this key can also open what it locks."""
        return self._identity is not None

    def lock(self, plain: BinaryIO, to: BinaryIO) -> None:
        """Encrypts a stream."""
        pyrage.encrypt_io(plain, to, [self._recipient])

    def open(self, sealed: BinaryIO, to: BinaryIO) -> None:
        """Decrypts a stream; what it wrote is worth nothing when it raises.

        Raises:
            MonitorError: Another key locked it, or it is damaged.
        """
        if self._identity is None:
            raise ConfigurationError(f"a key that begins with {_PUBLIC} cannot open", hint=_HINT)
        try:
            pyrage.decrypt_io(sealed, to, [self._identity])
        except (pyrage.DecryptError, OSError, ValueError) as exc:
            if isinstance(exc, OSError) and exc.errno is not None:
                raise  # the disk's own
            raise MonitorError(
                "it cannot be opened: the key is not the one that locked it, or it is damaged",
                hint="see that MONITOR_BACKUP_KEY is the key of that time, or take another backup",
            ) from exc


def is_sealed(file: BinaryIO) -> bool:
    """Whether a file (read from its beginning, which is where it stands afterwards) is locked."""
    head = file.read(len(_HEAD))
    file.seek(0)
    return head == _HEAD


def write_new_key(path: Path) -> str:
    """Makes a key, writes it where only its owner reads it, and returns its public part.

    Raises:
        ConfigurationError: The file is there already, or cannot be made.
    """
    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as exc:
        raise ConfigurationError(
            f"{path} cannot be made: {exc.strerror}", hint="name a file that is not there yet"
        ) from exc
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"# public key: {public}\n{identity}\n")
        file.flush()
        os.fsync(file.fileno())
    return public


def _is_secret(word: str) -> bool:
    return word.upper().startswith(_SECRET)
