"""Hashtags, spelt as Mastodon spells them."""

from __future__ import annotations

import unicodedata

_SEPARATORS = "_\u00b7\u30fb\u200c"
_MARKS_OF_EMOJI = "\ufe0e\ufe0f\u20e3"


def hashtag(term: str) -> str:
    """Makes a hashtag of a term: no sign, words joined, lower case; "" without letter or digit."""
    kept = "".join(filter(_belongs, unicodedata.normalize("NFC", term))).lower()
    return kept if any(map(str.isalnum, kept)) else ""


def _belongs(character: str) -> bool:
    """Vowel signs are marks in many scripts: without them it is another word."""
    if character.isalnum() or character in _SEPARATORS:
        return True
    return unicodedata.category(character).startswith("M") and character not in _MARKS_OF_EMOJI
