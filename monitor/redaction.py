"""Takes people out of a text before it is stored."""

from __future__ import annotations

import re
import unicodedata

from phonenumbers import Leniency, PhoneNumberMatch, PhoneNumberMatcher

_SIGNS = "@＠﹫"
"""Before a handle or within a mail address: usual, full-width (as X accepts it), small."""
_MARKS = "".join(chr(n) for n in range(0x300, 0xFE30) if unicodedata.category(chr(n))[0] == "M")
"""Vowels and accents that stand on the letter before; for `re` they are no part of a word."""
_UNSEEN = "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
"""What is not seen; bridges put it into handles, so that nobody is called by them."""
_ESCAPE = r"\\(?=[_.-])"
"""Markdown has it before what it would read as its own: Reddit gives "ann\\_lee"."""
# Handles are written in letters of alphabets; one that begins so ends where others follow, as in
# Japanese, which has no spaces. A name in other letters is taken to end with them.
_ALL = rf"{_MARKS}\U00010000-\U0001efff"
_LETTER = rf"0-9A-Za-z_\u00c0-\u024f\u0370-\u052f\u1e00-\u1fff{_ALL}"
_BETWEEN = rf"(?:[.{_UNSEEN}-]|{_ESCAPE})++"
_HANDLE = rf"(?:[{_LETTER}]+(?:{_BETWEEN}[{_LETTER}]+)*|[\w{_ALL}]+(?:{_BETWEEN}[\w{_ALL}]+)*)"
# An address before a mention: "someone@example.org" is not a mention of "@example". Of other signs
# than the usual one, only those after letters of alphabets: Japanese may go on to a mention.
_EMAIL = re.compile(
    rf"(?<![\w{_MARKS}{_SIGNS}.+-])(?<!{_ESCAPE})(?:[\w{_MARKS}.+-]|{_ESCAPE})++[{_UNSEEN}]*+"
    rf"(?:@|(?<=[{_LETTER}{_UNSEEN}])[{_SIGNS}])[{_UNSEEN}]*+[\w{_MARKS}-]+(?:\.[\w{_MARKS}-]+)+"
)
# "@user", "@user@instance.social", "@name.bsky.social". As X has it, other letters than ASCII's
# may stand before one, and so may "RT", "via" and "/". (The sign comes first in the pattern, so
# that it alone is sought.) "@/user" is how people hide from search.
_CALLED = rf"[{_SIGNS}]%s[{_UNSEEN}{_MARKS}]*+/?[{_UNSEEN}{_MARKS}]*+{_HANDLE}"
_MAY_CALL = r"(?:(?<![0-9A-Za-z_].)|(?<=\b[Rr][Tt].)|(?<=\b[Vv][Ii][Aa].))"
_MENTION = re.compile(rf"{_CALLED % _MAY_CALL}(?:{_CALLED % ''})*")
# Bluesky's handles are written without a sign, too; "did:plc:…" is what stands behind them.
_BLUESKY_USER = re.compile(
    rf"(?<![0-9A-Za-z{_SIGNS}.-])(?:(?:[0-9A-Za-z-]+\.)+bsky\.social(?![0-9A-Za-z-])"
    r"|did:(?:plc|web|key):[0-9A-Za-z._:%-]*[0-9A-Za-z])",
    re.ASCII | re.IGNORECASE,
)
# Nostr's keys of people, and whatever its own addresses lead to.
_NOSTR_USER = re.compile(
    rf"(?<![0-9A-Za-z{_SIGNS}])(?:(?<=nostr:)n[a-z]{{2,8}}1[0-9a-z]+|npub1[0-9a-z]{{20,}})",
    re.ASCII | re.IGNORECASE,
)
# "u/ann", "/u/ann", "/user/ann", and the page of one's own, "r/u_ann"; "user/password" is nobody.
_REDDIT_USER = re.compile(
    rf"(?<![0-9A-Za-z_/])(?:(?:/?[Uu]/|/[Uu][Ss][Ee][Rr]/|/?[Rr]/[Uu]_)[{_UNSEEN}]*+"
    rf"[\w-](?:[\w{_MARKS}{_UNSEEN}-]|{_ESCAPE})+[\w{_MARKS}-])+"
)
# Within JSON slashes may be escaped.
_ESCAPED_SLASH = re.compile(r"(?<!\\)\\+/")
# Of any scheme: "tg://" and "at://" lead to people as "https://" does. "@user" is no login.
_LINK = re.compile(
    rf"(://)(?:[^\s/／?#\\]*[{_SIGNS}](?!user(?![.-]?[0-9A-Za-z])))?([^\s/／?#\\]*)[^\s]*"
)
# Within another link's question: "https%3A%2F%2Fx.com%2Fname". Where a login may be, no host stays.
_ENCODED_LINK = re.compile(
    rf"(%(?:25)*+3a(?:%(?:25)*+2f){{2}})(?:([\w{_MARKS}.-]++)(?!%(?:25)*+(?:40|3a)|[:{_SIGNS}]))?[^\s]*",
    re.IGNORECASE,
)
# In Bluesky's own addresses the host is a handle.
_AT_LINK = re.compile(r"://(?<=(?<![0-9A-Za-z])[Aa][Tt]...)[^\s]+")
# "com", "xn--p1ai". One in other letters is told from two sentences by the usual ones after it.
_TOP = (
    r"(?:[a-z]{2,24}|xn--[0-9a-z-]{2,59}|рф"
    rf"|(?<!\d[.．])(?:(?![a-z\d_])[\w{_MARKS}]){{2,24}}(?=[.．]?(?::\d{{1,5}})?[/／?#][!-~！-～]))"
)
# "192.0.2.1/name", but not "192.0.2.0/24".
_ADDRESS = r"(?:\d{1,3}\.){3}\d{1,3}(?!/\d{1,2}(?!\w))"
# As platforms show links: "www.example.org/name", "example.org/name", "example.org?id=name".
# Nothing of what follows a host's own name may stay, but "and/or" and "1.5/2" are no links.
# (Lengths are those of host names, and keep the search short.)
_BARE_LINK = re.compile(
    r"(?<![^\W_])(?<![^\W_][.．-])"
    rf"((?:(?:[^\W_][\w-]{{0,62}}[.．]){{1,20}}{_TOP}[.．]?|{_ADDRESS})(?::\d{{1,5}})?)"
    r"(?:[/／]|[?#][\w.!%-]{0,40}[=/])[^\s]*",
    re.IGNORECASE,
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
    rf"(?<![0-9A-Za-z_{_SIGNS}.-])[0-9A-Za-z][0-9A-Za-z_-]*(?:\.[0-9A-Za-z_-]+)*(?={_SERVICES})\.",
    re.IGNORECASE,
)

_END_OF_HOST = re.compile(rf"[/／?#](?<=[\w{_MARKS}.．].)")
"""A bare link has it; "https://" alone has not."""
_AT_AFTER_WORD = re.compile(rf"[{_SIGNS}](?<=\S.)")
"""A mail address has it; the sign of a mention mostly follows a space."""

_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
"""Fewer digits than this, near each other, are no telephone number; most texts end here."""
_REGIONS = (None, "US", "GB", "DE", "FR", "ES", "BR", "IN")
"""Whose numbers are recognised without a country code; with one (None) everybody's are."""

_MOST_SLASHES = 2
"""One behind the country code, one within the number."""

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


_MOST_ROUNDS = 6
"""Taking one thing out may bare another, seldom twice; nobody can make this go on for long."""


def redact(text: str) -> str:
    """Replaces what names a person or leads to one.

    Mentions, Bluesky's handles and Nostr's keys become `@user`, Reddit's `u/user`, mail addresses
    `[email]`, telephone numbers `[phone]`, names by which authors introduce themselves `[name]`;
    links are cut to their host, with a scheme or without, and hosts of single users to the
    service's own.
    """
    for _ in range(_MOST_ROUNDS):
        redacted = _redacted_once(text)
        if redacted == text:
            break
        text = redacted
    return text


def _redacted_once(text: str) -> str:
    # Most texts lack what a pattern needs, and looking for that costs next to nothing.
    if "\\/" in text:
        text = _ESCAPED_SLASH.sub("/", text)
    if "%2" in text:
        text = _ENCODED_LINK.sub(r"\1\2", text)
    if "://" in text:
        text = _LINK.sub(r"\1\2", _AT_LINK.sub("://@user", text))
    if ("/" in text or "=" in text or "／" in text) and _END_OF_HOST.search(text):
        text = _BARE_LINK.sub(r"\1", text)
    if _HAS_SERVICE.search(text):
        text = _OWN_HOST.sub("", text)
    small = text.lower()
    if "bsky.social" in small or "did:" in small:
        text = _BLUESKY_USER.sub("@user", text)
    if "nostr:" in small or "npub1" in small:
        text = _NOSTR_USER.sub("@user", text)
    has_sign = _has_any(text, tuple(_SIGNS))
    if has_sign and _AT_AFTER_WORD.search(text):
        text = _EMAIL.sub("[email]", text)
    if "u/" in small or "/u" in small:
        text = _REDDIT_USER.sub("u/user", text)
    if has_sign:
        text = _MENTION.sub("@user", text)
    return _without_names(_without_phones(text))


class _Matcher(PhoneNumberMatcher):
    """Finds the same numbers, and passes over at once what strict grouping never takes.

    The library looks at each piece between slashes before it refuses a number for having three.
    """

    def _parse_and_verify(self, candidate: str, offset: int) -> PhoneNumberMatch | None:
        if self.leniency >= Leniency.STRICT_GROUPING and candidate.count("/") > _MOST_SLASHES:
            return None
        return super()._parse_and_verify(candidate, offset)


def _without_phones(text: str) -> str:
    """Replaces telephone numbers, all of a region's at once: texts can be full of digits."""
    for region in _REGIONS:
        if not _DIGITS.search(text):
            break
        # Without a country code only what is also grouped as people of the region would.
        leniency = Leniency.VALID if region is None else Leniency.STRICT_GROUPING
        end, parts = 0, []
        for match in _Matcher(text, region, leniency):
            parts += [text[end : match.start], "[phone]"]
            end = match.end
        text = "".join([*parts, text[end:]])
    return text


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
