"""Labelled files that a model is judged by: JSON lines, or TweetEval's folders as they are."""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from classifiers.dataset import LabelledText, read_labelled
from classifiers.errors import BadExampleError
from classifiers.heads import all_heads, head
from classifiers.label_head import LabelHead
from classifiers.normalise import normalise

TWEETEVAL_TARGETS = {
    "abortion": "legalization of abortion",
    "atheism": "atheism",
    "climate": "climate change is a real concern",
    "feminist": "feminist movement",
    "hillary": "Hillary Clinton",
}
"""What the authors of stance posts were asked about, by TweetEval's folder (SemEval-2016)."""

_MAPPING = "mapping.txt"
_FIRST_LINES = 1000


def read_judged(
    path: Path, *, head_name: str | None = None, target: str = "", split: str = "test"
) -> tuple[LabelHead, list[LabelledText]]:
    """Return labelled rows and the head that they are labelled for.

    Args:
        path: A JSON lines file (``text``, ``label`` and, for stance, ``target``), a TweetEval
            task's folder (``mapping.txt``, ``test_text.txt``, ``test_labels.txt``), or a folder
            of such folders, whose rows are pooled; ``mapping.txt`` may lie in the latter.
        head_name: The head; told by the labels where None.
        target: The target of rows that name none.
        split: Which of TweetEval's splits: train, val or test.

    Raises:
        BadExampleError: Nothing to read there, or rows that fit no head.
    """
    if path.is_dir():
        rows = _tweeteval(path, split)
        known = head(head_name) if head_name else _head_of({label for *_, label in rows}, path)
        labels = list(known.labels)
        for _, _, label in rows:
            _check(label, known, path)
        texts = [
            LabelledText(str(n), text, about or target, {known.name: labels.index(label)})
            for n, (text, about, label) in enumerate(rows)
        ]
    else:
        known = head(head_name) if head_name else _head_of(_labels_in(path), path)
        texts = [
            LabelledText(
                row.id,
                row.text,
                row.target.strip() if normalise(row.target) else target,
                row.labels,
            )
            for row in read_labelled(path, known)
        ]
    return known, _with_targets(texts, known, path)


def _with_targets(rows: list[LabelledText], known: LabelHead, path: Path) -> list[LabelledText]:
    """Return the rows if each has the target that its head needs."""
    if not rows:
        raise BadExampleError(f"{path} has no labelled rows", hint="one object a line is wanted")
    without = sum(not normalise(row.target) for row in rows) if known.takes_target else 0
    if without:
        raise BadExampleError(
            f"{without} of {len(rows)} rows in {path} name no target",
            hint="give every row a field `target`, or one for all with --target",
        )
    return rows


def _labels_in(path: Path) -> set[str]:
    """Return the labels in the first rows of a JSON lines file."""
    found = set()
    try:
        with path.open("rb") as lines:
            for line in filter(bytes.strip, islice(lines, _FIRST_LINES)):
                found.add(str(json.loads(line)["label"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise BadExampleError(
            f"{path} cannot be read as labelled JSON lines ({type(exc).__name__})",
            hint="one object a line with `text`, `label` and, for stance, `target`",
        ) from exc
    return found


def _head_of(labels: set[str], path: Path) -> LabelHead:
    """Return the head whose labels these are."""
    for known in all_heads():
        if labels and labels <= set(known.labels):
            return known
    raise BadExampleError(
        f"no head has all the labels in {path}: {', '.join(sorted(labels)[:8]) or 'none'}",
        hint="; ".join(f"{known.name}: {', '.join(known.labels)}" for known in all_heads()),
    )


def _check(label: str, known: LabelHead, path: Path) -> None:
    if label not in known.labels:
        raise BadExampleError(
            f"{path}: label {label!r} is not one of {', '.join(known.labels)}",
            hint="name the right head with --head",
        )


def _tweeteval(folder: Path, split: str) -> list[tuple[str, str, str]]:
    """Return text, target and label of each row in a task's folder or the folders in it."""
    folder = folder.resolve()  # the name of a task's folder tells the target
    texts = f"{split}_text.txt"
    inner = sorted(path.parent for path in folder.glob(f"*/{texts}"))
    tasks = inner if inner and not (folder / texts).is_file() else [folder]
    return [row for task in tasks for row in _task(task, split)]


def _task(folder: Path, split: str) -> list[tuple[str, str, str]]:
    """Return text, target and label of each row of one task."""
    names = _label_names(folder)
    texts = _lines(folder / f"{split}_text.txt")
    numbers = _lines(folder / f"{split}_labels.txt")
    unknown = sorted(set(numbers) - set(names))
    if len(texts) != len(numbers) or unknown:
        raise BadExampleError(
            f"{folder}: {len(texts)} texts and {len(numbers)} labels in the split {split!r}"
            + (f", labels {', '.join(unknown)} not in {_MAPPING}" if unknown else ""),
            hint="restore the folder: a line of labels for each line of texts",
        )
    target = TWEETEVAL_TARGETS.get(folder.name, "")
    return [(text, target, names[n]) for text, n in zip(texts, numbers, strict=True)]


def _label_names(folder: Path) -> dict[str, str]:
    """Return the names of a task's labels by number; stance's targets share one file."""
    for place in (folder, folder.parent):
        if (place / _MAPPING).is_file():
            pairs = (line.split(maxsplit=1) for line in _lines(place / _MAPPING))
            return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    raise BadExampleError(
        f"neither {folder} nor the folder that it is in has a {_MAPPING}",
        hint="give a TweetEval task's folder such as datasets/sentiment or datasets/stance",
    )


def _lines(path: Path) -> Sequence[str]:
    """Return a file's lines; only a line feed ends one, as in TweetEval's files."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeError) as exc:
        raise BadExampleError(
            f"{path} cannot be read ({type(exc).__name__})",
            hint="it is UTF-8; another split's files are read with --split",
        ) from exc
    return [line.strip() for line in text.removesuffix("\n").split("\n")] if text else []
