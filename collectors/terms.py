"""Whether a text is about what a topic asks, for platforms that give everything."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

_PART = re.compile(r'"([^"]*)"|(\S+)')
# Scripts that put no space between words: there a word may stand right beside another.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def matches(text: str, terms: Sequence[str]) -> bool:
    """Tells whether any term occurs in a text, whatever its case or width of letters.

    A term is words that must all occur, anywhere; `"a phrase"` in quotes occurs as it stands,
    whatever is between its words; `#tag` occurs as a hashtag. A term without any word matches
    nothing.
    """
    folded = _fold(text)
    return any(_occurs(folded, term) for term in terms)


def _occurs(folded: str, term: str) -> bool:
    parts = _patterns(term)
    return bool(parts) and all(part.search(folded) for part in parts)


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=4096)
def _patterns(term: str) -> tuple[re.Pattern[str], ...]:
    parts = (quoted or plain for quoted, plain in _PART.findall(_fold(term)))
    return tuple(_pattern(part) for part in parts if re.search(r"\w", part))


def _pattern(part: str) -> re.Pattern[str]:
    words = r"\W+".join(re.escape(word) for word in part.split())
    if part.startswith("#"):
        return re.compile(rf"(?<![\w&]){words}(?!\w)")
    before = "" if _UNSPACED.match(part[0]) else r"(?<!\w)"
    after = "" if _UNSPACED.match(part[-1]) else r"(?!\w)"
    return re.compile(f"{before}{words}{after}")
