"""Texts and names from outside, made harmless to look at and to open in a spreadsheet."""

from __future__ import annotations

import unicodedata

_MOST_MARKS = 3
"""Combining marks on one letter; languages need two, "zalgo" stacks dozens."""
_JOINERS = "\u200c\u200d\ufe0f"  # in emoji, and in the spelling of several languages
_LINES = "\n\t"
_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


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


def csv_cell(value: object) -> object:
    """Returns a value for a CSV file; text that a spreadsheet would run gets an apostrophe."""
    if isinstance(value, str) and value.startswith(_STARTS_FORMULA):
        return f"'{value}"
    return value


def _seen(character: str, category: str) -> str:
    if category in ("Cc", "Cf", "Co", "Cn", "Cs") and character not in _JOINERS + _LINES:
        return "" if 0xE0000 <= ord(character) <= 0xE007F else "\N{WHITE SQUARE}"
    return "\n" if category in ("Zl", "Zp") else character
