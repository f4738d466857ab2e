"""Names texts by digests."""

from __future__ import annotations

import hashlib


def text_digest(text: str) -> str:
    """Names a text: equal texts have equal digests (BLAKE2b, 32 hex digits)."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
