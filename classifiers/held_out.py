"""What a version said of examples it had not seen, kept to compare later versions with."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from classifiers.errors import ModelFilesError
from classifiers.version import write_atomically

HELD_OUT_FILE = "held_out.json"


def read_held_out(folder: Path) -> Mapping[str, Sequence[float]]:
    """Return a version's answers by ``Example.digest``; none where it kept none.

    Raises:
        ModelFilesError: The file is damaged.
    """
    path = folder / HELD_OUT_FILE
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as exc:
        raise ModelFilesError(
            f"{path} holds no answers ({type(exc).__name__})",
            hint="restore the file from a backup, or roll back to another version",
        ) from exc


def write_held_out(folder: Path, answers: Mapping[str, Sequence[float]]) -> None:
    """Keep a version's answers by ``Example.digest``, all or nothing."""
    write_atomically(folder / HELD_OUT_FILE, json.dumps(answers))


def drop_held_out(folder: Path, keep: Collection[str]) -> int:
    """Drop a version's answers about examples that are no longer there.

    A damaged file may still hold some of them, and nothing that anybody can use: all of it goes.

    Args:
        folder: The version's.
        keep: ``Example.digest`` of those that are.

    Returns:
        How many were dropped; 0 for a damaged file, which does not tell.
    """
    try:
        known = read_held_out(folder)
    except ModelFilesError:
        write_held_out(folder, {})
        return 0
    kept = {digest: answer for digest, answer in known.items() if digest in keep}
    if len(kept) < len(known):
        write_held_out(folder, kept)
    return len(known) - len(kept)
