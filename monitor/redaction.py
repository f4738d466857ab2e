"""Takes people out of a text before it is stored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from phonenumbers import Leniency, PhoneNumberMatcher

# An address before a mention: "someone@example.org" is not a mention of "@example".
_EMAIL = re.compile(r"(?<![\w@＠.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# Handles are written in letters of alphabets; one that begins so ends where others follow, as in
# Japanese, which has no spaces. A name in other letters is taken to end with them.
_LETTER = "0-9A-Za-z_\u00c0-\u024f\u0370-\u052f"
_HANDLE = rf"(?:[{_LETTER}](?:[{_LETTER}.-]*[{_LETTER}])?|\w(?:[\w.-]*\w)?)"
# "@user", "@user@instance.social", "@name.bsky.social", and the full-width sign that X accepts.
# As X has it, other letters than ASCII's may stand before one, and so may "RT" and "/". (The sign
# comes first in the pattern, so that it alone is sought.) "@/user" is how people hide from search.
_MENTION = re.compile(rf"[@＠](?:(?<![0-9A-Za-z_].)|(?<=\b[Rr][Tt].))/?{_HANDLE}(?:@{_HANDLE})*")
# Bluesky's handles are written without a sign, too; "did:plc:…" is what stands behind them.
_BLUESKY_USER = re.compile(
    r"(?<![0-9A-Za-z@＠.-])(?:(?:[0-9A-Za-z-]+\.)+bsky\.social(?![0-9A-Za-z-])"
    r"|did:(?:plc|web|key):[0-9A-Za-z._:%-]*[0-9A-Za-z])"
)
_REDDIT_USER = re.compile(r"(?<![0-9A-Za-z_/])/?u/[\w-]{3,}")
# Of any scheme: "tg://" and "at://" lead to people as "https://" does.
_LINK = re.compile(r"(://)(?:[^\s/?#@\\]*@)?([^\s/?#\\]+)[^\s]*")
# As platforms show links: "www.example.org/name", "example.org/name". Nothing of what follows
# a host's own name may stay, but "and/or" and "1.5/2" are no links.
_BARE_LINK = re.compile(
    r"(?<![\w@＠./-])((?:[^\W_][\w-]*\.)+[a-z]{2,24}(?::\d{1,5})?)/[^\s]*", re.IGNORECASE
)

# Services that give each user a host of their own: "ann.tumblr.com".
_SERVICES = (
    r"\.(?:(?:bandcamp|blogspot|deviantart|livejournal|medium|skyrock|substack|tumblr|typepad"
    r"|weebly|wixsite|wordpress)\.com|blogspot(?:\.com?)?\.[a-z]{2}|(?:github|gitlab|itch)\.io"
    r"|dreamwidth\.org|neocities\.org|hatenablog\.(?:com|jp)|over-blog\.(?:com|fr)|micro\.blog"
    r"|bearblog\.dev|carrd\.co|write\.as)(?![0-9A-Za-z-])"
)
_HAS_SERVICE = re.compile(_SERVICES, re.IGNORECASE)
_OWN_HOST = re.compile(
    rf"(?<![0-9A-Za-z_@＠.-])[0-9A-Za-z][0-9A-Za-z_-]*(?:\.[0-9A-Za-z_-]+)*?(?={_SERVICES})\.",
    re.IGNORECASE,
)

_SLASH_AFTER_WORD = re.compile(r"\w/")
"""A bare link has it; "https://" alone has not."""

_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
"""Fewer digits than this, near each other, are no telephone number; most texts end here."""
_REGIONS = (None, "US", "GB", "DE", "FR", "ES", "BR", "IN")
"""Whose numbers are recognised without a country code; with one (None) everybody's are."""

_INTRODUCTION = re.compile(
    r"\b(?:my name is|my name[’']s|they call me|call me|mein name ist|ich hei(?:ß|ss)e"
    r"|me llamo|mi nombre es|je m[’']appelle|mon nom est|meu nome é|me chamo)[ \t]+(?=\S)",
    re.IGNORECASE,
)
_I_AM = re.compile(
    r"\b(?:[Ii][’']m|I am|I[’']M|[Ii]ch bin|[Jj]e suis|[Yy]o soy|[Ee]u sou)[ \t]+(?=\S)"
)
_INTRODUCING = (
    *("name", "call me", "ch he", "llamo", "nombre", "appelle", "mon nom", "meu nome", "chamo"),
)
"""A text without any of these, in small letters, holds no introduction. None has an i, s or k:
those letters have twins (as ı, ſ) that a pattern takes for them and `str.lower` does not."""
_BEING = ("'m", "’m", "'M", "’M", "I am", "ch bin", "e suis", "o soy", "u sou")
"""The same of "I am", as it is written."""
_WORD = re.compile(r"[^\W\d_](?:[\w’'-]*\w)?\.?")
_MOST_NAMES = 3
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """a absolutely again all also always american an and angry at back black british by calling
        canadian christian done english excited facebook feeling fine for from french german glad
        going google grateful happy here i in indian irish italian jewish just leaving looking mad
        mexican muslim never no not now of off on one or out part proud quitting really sad shocked
        sick so sorry still sure that the thrilled tired to too trying twitter very walking white
        with yes your""",
    )
)
"""Words that stand after "I'm" in capitals without being anybody's name."""


def redact(text: str) -> str:
    """Replaces what names a person or leads to one.

    Mentions and Bluesky's handles become `@user`, mail addresses `[email]`, telephone numbers
    `[phone]`, names by which authors introduce themselves `[name]`; links are cut to their host,
    with a scheme or without, and hosts of single users to the service's own.
    """
    # Most texts lack what a pattern needs, and looking for that costs next to nothing.
    if "://" in text:
        text = _LINK.sub(r"\1\2", text)
    if "/" in text and _SLASH_AFTER_WORD.search(text):
        text = _BARE_LINK.sub(r"\1", text)
    if "@" in text and _has_at_after_word(text):
        text = _EMAIL.sub("[email]", text)
    if "@" in text or "＠" in text:
        text = _MENTION.sub("@user", text)
    if "bsky.social" in text or "did:" in text:
        text = _BLUESKY_USER.sub("@user", text)
    if _HAS_SERVICE.search(text):
        text = _OWN_HOST.sub("", text)
    if "u/" in text:
        text = _REDDIT_USER.sub("u/user", text)
    return _without_names(_without_phones(text))


def _has_at_after_word(text: str) -> bool:
    """Whether an "@" stands where one of a mail address does; those of mentions follow a space."""
    return any(before and not before[-1].isspace() for before in text.split("@")[:-1])


def text_digest(text: str) -> str:
    """Names a text: equal texts have equal digests (BLAKE2b, 32 hex digits)."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _without_phones(text: str) -> str:
    """Replaces telephone numbers until none is found: taking one out may bare another."""
    while _DIGITS.search(text):
        found = next(_phones(text), None)
        if found is None:
            return text
        text = f"{text[: found[0]]}[phone]{text[found[1] :]}"
    return text


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for region in _REGIONS:
        # Without a country code only what is also grouped as people of the region would.
        leniency = Leniency.VALID if region is None else Leniency.STRICT_GROUPING
        for match in PhoneNumberMatcher(text, region, leniency):
            yield match.start, match.end


def _without_names(text: str) -> str:
    if _has_any(text.lower(), _INTRODUCING):
        text = _without_named(text, _INTRODUCTION, is_sure=True)
    if _has_any(text, _BEING):
        text = _without_named(text, _I_AM, is_sure=False)
    return text


def _has_any(text: str, parts: tuple[str, ...]) -> bool:
    # A loop: `any` and a generator take twice as long, for every post.
    for part in parts:  # noqa: SIM110
        if part in text:
            return True
    return False


def _without_named(text: str, opening: re.Pattern[str], *, is_sure: bool) -> str:
    """Replaces the names that stand after an opening."""
    start = 0
    while match := opening.search(text, start):
        end = _end_of_name(text, match.end(), is_sure=is_sure)
        if end > match.end():
            text = f"{text[: match.end()]}[name]{text[end:]}"
            end = match.end() + len("[name]")
        start = max(end, match.end())
    return text


def _end_of_name(text: str, start: int, *, is_sure: bool) -> int:
    """Where the name that begins at `start` ends; `start` itself where none does.

    A name is up to three capitalised words; after "my name is" its first word may be small.
    """
    end = position = start
    for number in range(_MOST_NAMES):
        word = _WORD.match(text, position)
        if word is None or not _can_be_name(word[0], is_sure=is_sure and number == 0):
            break
        end = word.end() - (word[0].endswith(".") and len(word[0]) > 2)
        if end < word.end() or not text[word.end() : word.end() + 2].startswith((" ", "\t")):
            break
        position = word.end() + 1
    return end


def _can_be_name(word: str, *, is_sure: bool) -> bool:
    if word.lower().rstrip(".") in _NO_NAMES:
        return False
    return is_sure or (word[0].isupper() and (len(word) < 3 or not word.isupper()))
