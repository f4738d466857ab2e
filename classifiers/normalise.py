"""How a post's text is written before the tokenizer sees it, in training and in serving.

Links become ``http``, mentions ``@user``, emoji the words that name them, hashtags their
words; lone surrogates and control characters go. Only the first ``MAXIMUM_CHARACTERS`` are
read, long blank runs passed over: the encoder sees about 128 tokens, which this always fills.
"""

import html
import re
import unicodedata
from functools import lru_cache
from itertools import groupby

import emoji

MAXIMUM_CHARACTERS = 2000
_SEARCHED = 10 * MAXIMUM_CHARACTERS
"""How far a text is looked for behind blanks (characters)."""
_LONG_BLANK = 32
"""From so many blank characters on a run counts as one; shorter ones count in full."""

_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<![\w.])@(\w+)")
_HASHTAG = re.compile(r"#(\w+)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=[A-Z])(?=[A-Z][a-z])")
_LONG_RUN = re.compile(r"(.)\1{3,}")
_SPACE = re.compile(r"\s+")
_PERHAPS_BLANK = re.compile(rf"[^\w!-~]{{{_LONG_BLANK},}}")


def normalise(text: str) -> str:
    """Return the text as the tokenizer is to see it; any string is accepted."""
    text = beginning(text).encode("utf-8", "ignore").decode("utf-8")
    text = unicodedata.normalize("NFKC", html.unescape(text))
    text = _LINK.sub("http", text)
    text = MENTION.sub("@user", text)
    text = _HASHTAG.sub(lambda tag: "#" + _HUMP.sub(" ", tag[1]), text)
    if not text.isascii():
        text = emoji.demojize(text, delimiters=(" ", " ")).replace("_", " ")
    text = _LONG_RUN.sub(r"\1\1\1", text)
    return _SPACE.sub(" ", "".join(map(_printable, text))).strip()


def beginning(text: str) -> str:
    """Return what is read of a text: the first ``MAXIMUM_CHARACTERS``, long blank runs as one."""
    if len(text) <= MAXIMUM_CHARACTERS:
        return text
    if _PERHAPS_BLANK.search(text, 0, MAXIMUM_CHARACTERS):
        text = "".join(
            " " if blank and len(run) >= _LONG_BLANK else run
            for blank, characters in groupby(text[:_SEARCHED], _is_blank)
            for run in ["".join(characters)]
        )
    return text[:MAXIMUM_CHARACTERS]


@lru_cache(maxsize=1000)
def _is_blank(character: str) -> bool:
    """Return whether there is nothing to read in a character."""
    return _printable(character).isspace()


def _printable(character: str) -> str:
    """Return the character, or a space for a control or a format character."""
    return " " if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") else character
