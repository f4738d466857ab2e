"""What a version said of examples it had not seen, kept to compare later versions with."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from classifiers.version import write_atomically

HELD_OUT_FILE = "held_out.json"


def read_held_out(folder: Path) -> Mapping[str, Sequence[float]]:
    """Return a version's answers by ``Example.digest``; none where it kept none."""
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        return {}
    found: Mapping[str, Sequence[float]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def drop_held_out(folder: Path, keep: Collection[str]) -> int:
    """Drop a version's answers about examples that are no longer there.

    Args:
        folder: The version's.
        keep: ``Example.digest`` of those that are.

    Returns:
        How many were dropped.
    """
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        return 0
    known = json.loads(path.read_text(encoding="utf-8"))
    kept = {digest: answer for digest, answer in known.items() if digest in keep}
    if len(kept) < len(known):
        write_atomically(path, json.dumps(kept))
    return len(known) - len(kept)
