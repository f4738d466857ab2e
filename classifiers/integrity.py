"""Whether a version's files are those that it was made of."""

import hashlib
import json
from pathlib import Path
from typing import Any

from classifiers.errors import ModelFilesError
from classifiers.model_config import WEIGHTS_FILES
from classifiers.version import content_id, read_version, write_atomically

HASHES_FILE = "hashes.json"
EARLIER_RANGES = "ranges.safetensors"
"""What earlier releases kept beside a base's weights; bases kept in a workspace may have it."""

_CHANGING = {"version.json", "held_out.json", "MODEL_CARD.md", HASHES_FILE}
"""What may change without changing any answer; the gate's verdict is added later, say."""


def write_hashes(folder: Path) -> None:
    """Keep the hashes of a version's files beside them."""
    hashes = {path.name: sha256(path) for path in _files(folder)}
    write_atomically(folder / HASHES_FILE, json.dumps(hashes, indent=1, sort_keys=True))


def verify(folder: Path) -> None:
    """Check a version's files before anything is made of them.

    A version's id is a hash of its weights and of what goes with them, and ``hashes.json``,
    where it is, knows the other files.

    Raises:
        ModelFilesError: A file was changed, added or is missing.
    """
    version = read_version(folder)
    weights = sorted(folder.glob(WEIGHTS_FILES))
    about: dict[str, Any] = {"temperature": version.temperature}
    if version.base:
        known = [(weights, about | {"base": version.base, "topic": version.topic})]
    else:  # today's way first: each reads all the weights
        earlier = [*weights, *folder.glob(EARLIER_RANGES)]
        known = [(weights, about), (earlier, about), (earlier, {}), (weights, {})]
    if not any(version.id == content_id(files, described) for files, described in known):
        raise _changed(folder, "its weights or temperatures")
    path = folder / HASHES_FILE
    if not path.is_file():
        return
    try:
        hashes = json.loads(path.read_text(encoding="utf-8"))
        found = {file.name: sha256(file) for file in _files(folder)}
    except (OSError, ValueError) as exc:
        raise _changed(folder, HASHES_FILE) from exc
    if found != hashes:
        differing = sorted(dict(found.items() ^ hashes.items()))
        raise _changed(folder, ", ".join(differing))


def _changed(folder: Path, what: str) -> ModelFilesError:
    return ModelFilesError(
        f"the version in {folder} is not what it was made as: {what} changed",
        hint="roll back to another version, restore the folder from a backup, or retrain",
    )


def _files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in _CHANGING and not path.name.startswith(".")
    ]


def sha256(path: Path) -> str:
    """Return a file's hash, 64 hex digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
