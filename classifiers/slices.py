"""Parts of a labelled set by what its texts are like: a model can be good on all and fail one."""

import re
from collections.abc import Sequence

import emoji
import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import LabelledText
from classifiers.verdict import length_of

FEWEST = 50
"""Rows of a smaller part say too little."""
MOST_TARGETS = 10
"""A set with more targets has too few rows of each."""

_MARKS = {
    "with a mention": re.compile(r"(?<![\w.])@\w"),
    "with a hashtag": re.compile(r"#\w"),
    "with a link": re.compile(r"\bhttps?\b", re.I),
    "with a negation": re.compile(r"\b(?:not?|never|nobody|nothing|cannot|\w+n['’]t)\b", re.I),
    "with a question mark": re.compile(r"\?"),
}


def slices(rows: Sequence[LabelledText]) -> dict[str, NDArray[np.bool_]]:
    """Return which rows belong to each part that is neither too small nor the whole."""
    found: dict[str, NDArray[np.bool_]] = {}
    targets = np.array([row.target for row in rows])
    names = sorted({row.target for row in rows})
    if len(names) <= MOST_TARGETS:
        found |= {f"towards {name}": targets == name for name in names}
    lengths = np.array([length_of(row.text) for row in rows])
    found |= {length: lengths == length for length in ("short", "medium", "long")}
    for mark, pattern in _MARKS.items():
        found[mark] = np.array([pattern.search(row.text) is not None for row in rows])
    found["with an emoji"] = np.array([emoji.emoji_count(row.text) > 0 for row in rows])
    return {name: held for name, held in found.items() if FEWEST <= held.sum() < len(rows)}
