"""Labels of real posts whose texts are elsewhere: a file of ids, for people to read and to mend.

```
te-irony-train-12<TAB>-<TAB>-the new parking charges|+free parking|0the tram
```

A line is a post's id, the sentiment that it conveys (``+`` positive, ``-`` negative, ``0``
neutral), and targets, each after the sign of the author's stance (``+`` in favor of it, ``-``
against it, ``0`` no side can be told). The texts stay in the data sets that the ids are of.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from classifiers.errors import BadExampleError
from classifiers.written_posts import SENTIMENT_SIGNS, STANCE_SIGNS, check_targets, read_lines

_LINE = re.compile(r"(?P<id>[^\t]+)\t(?P<feeling>[-+0])\t(?P<asked>[-+0][^|\t]+(\|[-+0][^|\t]+)*)")
_HINT = "a line is an id, a sign of sentiment (+ - 0) and signed targets, `+target|-target`"


def rows_by_id(
    path: Path, texts: Mapping[str, str], *, of_targets: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and fields (``id``, ``text``, ``target``, ``label``) of each labelled post.

    Args:
        path: The file.
        texts: From a post's id to its text.
        of_targets: Whether the labels wanted are of stance, once for each target; else they are of
            sentiment, once for each post.

    Raises:
        BadExampleError: A line is none of that, a target is empty or named twice, an id is in no
            set or on two lines, or the file is not UTF-8.
    """
    seen: set[str] = set()
    for number, line in enumerate(read_lines(path), 1):
        place = f"{path.name}:{number}"
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.rstrip())
        if found is None:
            raise BadExampleError(f"{place}: {line[:60]!r} has no such fields", hint=_HINT)
        post = found["id"]
        if post in seen or post not in texts:
            told = "is on an earlier line too" if post in seen else "is in no set that was read"
            raise BadExampleError(f"{place}: the id {post} {told}", hint="name its set in `posts`")
        seen.add(post)
        fields = {"id": post, "text": texts[post]}
        if of_targets:
            for target, label in _signed_targets(found["asked"], place):
                yield place, {**fields, "target": target, "label": label}
        else:
            yield place, {**fields, "label": SENTIMENT_SIGNS[found["feeling"]]}


def _signed_targets(asked: str, place: str) -> list[tuple[str, str]]:
    """Return the targets that a line names, each with its label."""
    signed = [(each[1:].strip(), STANCE_SIGNS[each[0]]) for each in asked.split("|")]
    check_targets([target for target, _ in signed], place, _HINT)
    return signed
