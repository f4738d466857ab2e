"""Texts and names from outside, made harmless to look at."""

from __future__ import annotations

import unicodedata

_MOST_MARKS = 3
"""Combining marks on one letter; languages need two, "zalgo" stacks dozens."""
_JOINERS = "\u200c\u200d\ufe0f"  # in emoji, and in the spelling of several languages
_LINES = "\n\t"


def shown_text(text: str) -> str:
    """Returns a text as it may be shown; markup is the template's business.

    Characters that are not seen but change how others are (writing direction, control codes)
    become a visible sign; marks piled onto one letter are cut.
    """
    kept: list[str] = []
    marks = 0
    for character in text.replace("\r\n", "\n").replace("\r", "\n"):
        category = unicodedata.category(character)
        if category in ("Mn", "Me") and character not in _JOINERS:
            marks += 1
            if marks <= _MOST_MARKS:
                kept.append(character)
            continue
        marks = 0
        kept.append(_seen(character, category))
    return "".join(kept)


def _seen(character: str, category: str) -> str:
    if category in ("Cc", "Cf", "Co", "Cn", "Cs") and character not in _JOINERS + _LINES:
        return "" if 0xE0000 <= ord(character) <= 0xE007F else "\N{WHITE SQUARE}"
    return "\n" if category in ("Zl", "Zp") else character
