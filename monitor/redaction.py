"""Takes people out of a text before it is stored."""

from __future__ import annotations

import hashlib
import re

# An address before a mention: "someone@example.org" is not a mention of "@example".
_EMAIL = re.compile(r"(?<![\w@＠.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# "@user", "@user@instance.social", "@name.bsky.social", and the full-width sign that X accepts.
_MENTION = re.compile(r"(?<![\w/])[@＠]\w(?:[\w.-]*\w)?(?:@\w(?:[\w.-]*\w)?)?")
_REDDIT_USER = re.compile(r"(?<![\w/])/?u/[\w-]{3,}")
_LINK = re.compile(r"(https?://)(?:[^\s/?#@]*@)?([^\s/?#]+)[^\s]*", re.IGNORECASE)


def redact(text: str) -> str:
    """Replaces mentions by `@user`, mail addresses by `[email]`, and cuts links to their host."""
    text = _LINK.sub(r"\1\2", text)
    text = _EMAIL.sub("[email]", text)
    text = _MENTION.sub("@user", text)
    return _REDDIT_USER.sub("u/user", text)


def text_digest(text: str) -> str:
    """Names a text: equal texts have equal digests (BLAKE2b, 32 hex digits)."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
