"""Passwords by argon2id, and secrets of which only a digest is kept."""

from __future__ import annotations

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from monitor.errors import UsageError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000

_HASHER = PasswordHasher()
# Looks like any other hash: who asks for a user that is not there waits as long.
_NOBODY = _HASHER.hash(secrets.token_hex(16))


def hash_password(password: str) -> str:
    """Returns what is kept of a password.

    Raises:
        UsageError: It is too short, too long or one character over and over.
    """
    if len(password) < SHORTEST_PASSWORD or len(set(password)) < 4:
        raise UsageError(
            f"a password has at least {SHORTEST_PASSWORD} characters, four of them different",
            hint="a few words in a row are easy to remember and hard to guess",
        )
    if len(password) > LONGEST_PASSWORD:
        raise UsageError(f"a password has at most {LONGEST_PASSWORD} characters")
    return _HASHER.hash(password)


def is_password(hashed: str | None, password: str) -> bool:
    """Tells whether a password is the one that was hashed; takes as long for nobody's."""
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        matches = _HASHER.verify(hashed or _NOBODY, password)
    except (Argon2Error, InvalidHashError):
        return False
    return matches and hashed is not None


def new_secret() -> str:
    """Returns a secret with 256 random bits, for a session or a token."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """Returns what is kept of such a secret; 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
