"""Posts that were written for training, in a file for people to read and to mend.

```
= the congestion charge | cars in the city | ending the congestion charge
+--/+ I can hear birds on my street again
000 Starts on Monday at six, the map is in the link
```

A line ``= ...`` names the targets of the posts below it. A post has a sign for each of them in that
order: ``+`` its author is in favor of it, ``-`` against it, ``0`` no side can be told. After a
slash may stand the sentiment that it conveys: ``+`` positive, ``-`` negative, ``0`` neutral.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from classifiers.errors import BadExampleError

STANCE_SIGNS = {"+": "favor", "-": "against", "0": "none"}
SENTIMENT_SIGNS = {"+": "positive", "-": "negative", "0": "neutral"}
_POST = re.compile(r"([-+0]+)(?:/([-+0]))? (.*\S)\s*")
_HINT = (
    "a line is `= target | target`, or a sign (+ - 0) per target, a slash and a sign of sentiment "
    "if it is known, a space and the post"
)


def is_written(path: Path) -> bool:
    """Return whether a file begins with targets: JSON lines do not."""
    with path.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    return first.removeprefix(codecs.BOM_UTF8).startswith(b"=")


def written_rows(path: Path, *, of_targets: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield place and fields (``text``, ``target``, ``label``) of each post.

    Args:
        path: The file.
        of_targets: Whether the labels wanted are of stance, once for each target; else they are of
            sentiment, once for each post that has one.

    Raises:
        BadExampleError: A line is neither targets nor a post with as many signs as targets, or
            the file is not UTF-8.
    """
    targets: list[str] = []
    for number, line in enumerate(read_lines(path), 1):
        place = f"{path.name}:{number}"
        if line.startswith("="):
            targets = _targets(line, place)
        elif line.strip():
            signs, feeling, text = _signed(line, place, len(targets))
            if of_targets:
                for target, sign in zip(targets, signs, strict=True):
                    yield place, {"text": text, "target": target, "label": STANCE_SIGNS[sign]}
            elif feeling:
                yield place, {"text": text, "label": SENTIMENT_SIGNS[feeling]}


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file that people keep.

    Raises:
        BadExampleError: It is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as exc:
        raise BadExampleError(f"{path} is not UTF-8: {exc}", hint="save it as UTF-8") from exc


def _targets(line: str, place: str) -> list[str]:
    """Return the targets that a line names."""
    targets = [target.strip() for target in line[1:].split("|")]
    check_targets(targets, place, _HINT)
    return targets


def check_targets(targets: list[str], place: str, hint: str) -> None:
    """Raise BadExampleError, with what to do next, where a target is empty or named twice."""
    if not all(targets) or len(set(targets)) != len(targets):
        raise BadExampleError(f"{place}: a target is empty or named twice", hint=hint)


def _signed(line: str, place: str, targets: int) -> tuple[str, str, str]:
    """Return the signs of a post, that of its sentiment or "", and its text."""
    found = _POST.fullmatch(line)
    if found is None or len(found[1]) != targets:
        signs = len(found[1]) if found else 0
        raise BadExampleError(f"{place}: {signs} signs for {targets} targets", hint=_HINT)
    return found[1], found[2] or "", found[3]
