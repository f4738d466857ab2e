"""Whether a text is about what a topic asks, for platforms that give everything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_PART = re.compile(r'"([^"]*)"|(\S+)')
# Scripts that put no space between words: there a word may stand right beside another.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff"
_HANGUL = "\uac00-\ud7a3"
_FREE_BEFORE = re.compile(f"[{_UNSPACED}]")
_FREE_AFTER = re.compile(f"[{_UNSPACED}{_HANGUL}]")
_BEGINNING = rf"(?<![^\W{_UNSPACED}])"
_END = rf"(?![^\W{_UNSPACED}{_HANGUL}])"
# And, by, as, for, the; and, when, from, to, that, in, as, the: in the order in which they attach.
_ARABIC = "[وف]?(?:[بك]?(?:ال)?|لل?)"
_HEBREW = "ו?(?:[מל]?כ?ש)?[בהכלמ]?ה?"
_ATTACHED = ((re.compile("[\u0620-\u064a]"), _ARABIC), (re.compile("[\u05d0-\u05ea]"), _HEBREW))
_PRESENTATION = str.maketrans("", "", "\ufe0e\ufe0f")


def matches(text: str, terms: Sequence[str]) -> bool:
    """Tells whether any term occurs in a text, whatever its case or width of letters.

    A term is words that must all occur, anywhere; `"a phrase"` in quotes occurs as it stands,
    whatever is between its words; `#tag` occurs as a hashtag. A term without any word, an emoji
    say, occurs as it stands.

    Words are whole words, but for what some languages write onto them: anything after Hangul
    (Korean particles), articles and the like before Arabic and Hebrew. These are listed, since
    with anything before them short words would be found within most others.
    """
    folded = _fold(text)
    return any(_occurs(folded, term) for term in terms)


def _occurs(folded: str, term: str) -> bool:
    parts = _patterns(term)
    return bool(parts) and all(part.search(folded) for part in parts)


def _fold(text: str) -> str:
    """One spelling for all; Turkish has two letters i, whose capitals fold into other ones."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PRESENTATION)
    return unicodedata.normalize("NFKC", folded.replace("i\u0307", "i").replace("ı", "i"))


@lru_cache(maxsize=4096)
def _patterns(term: str) -> tuple[re.Pattern[str], ...]:
    parts = [quoted or plain for quoted, plain in _PART.findall(_fold(term))]
    worded = [_pattern(part) for part in parts if re.search(r"\w", part)]
    return tuple(worded or [re.compile(re.escape(part)) for part in parts if part.strip()])


def _pattern(part: str) -> re.Pattern[str]:
    words = r"\W+".join(re.escape(word) for word in part.split())
    if part.startswith("#"):
        return re.compile(rf"(?<![\w&]){words}(?!\w)")
    before = "" if _FREE_BEFORE.match(part[0]) else _BEGINNING + _attached(part[0])
    after = "" if _FREE_AFTER.match(part[-1]) else _END
    return re.compile(f"{before}{words}{after}")


def _attached(letter: str) -> str:
    """What may stand before a word without a space, by the script of its first letter."""
    return next((prefix for script, prefix in _ATTACHED if script.match(letter)), "")
