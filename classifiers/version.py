"""A version of the model: what it was made from and how good it is."""

import dataclasses
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifiers.calibration import Temperature
from classifiers.errors import ModelFilesError

VERSION_FILE = "version.json"


@dataclass(frozen=True)
class ModelVersion:
    """One version of the model.

    Attributes:
        id: 12 hex digits of a hash over the weights and what goes with them.
        topic: The topic it was adapted to; "" for a base, such as the shipped one.
        base: The id of the version whose weights its own are a change of; "" for a base.
        parent: The champion it was measured against when it was made; "" for a base.
        data_fingerprint: Changes with any row that it was trained on.
        seed: Of the training.
        heads: The names of the heads it answers.
        learnt: The questions that it answers and its base does not, a head's name and a target's
            text each ("" where the head takes none).
        temperature: Per head, what its logits are divided by: a number, or one per label
            (``classifiers.calibration``).
        metrics: Per named measurement, named figures; see ``docs/model.md``.
        confusion: Per head and target (``stance`` or ``stance/the target's text``), counts
            with one row per true and one column per predicted label, out of fold.
        verdict: What the gate found: each check's name, whether it passed, and why in words.
        minutes: How long the training took.
        created_at: When it was made, UTC.
        stage: ``candidate``, ``champion`` or ``retired``; the registry sets it when asked.
    """

    id: str
    topic: str
    base: str
    parent: str
    data_fingerprint: str
    seed: int
    heads: tuple[str, ...]
    temperature: Mapping[str, Temperature]
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    confusion: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)
    verdict: Sequence[Mapping[str, Any]] = ()
    minutes: float = 0.0
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    stage: str = "candidate"
    learnt: tuple[tuple[str, str], ...] = ()

    def answers(self, head: str, target: str) -> bool:
        """Return whether it answers a head's question, towards a target's text.

        What its base knows it answers towards any target, what a topic's labels taught towards
        those targets alone that they were about.
        """
        taught = {target for name, target in self.learnt if name == head}
        return head in self.heads and (not taught or target in taught)


def content_id(weights: Sequence[Path], described: Mapping[str, Any]) -> str:
    """Return the id of weights files and a description of what goes with them."""
    digest = hashlib.sha256()
    for path in weights:
        digest.update(path.read_bytes())
    digest.update(json.dumps(described, sort_keys=True).encode())
    return digest.hexdigest()[:12]


def read_version(folder: Path) -> ModelVersion:
    """Return the version described in a folder.

    Raises:
        ModelFilesError: The description is missing or damaged.
    """
    path = folder / VERSION_FILE
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["heads"] = tuple(fields["heads"])
        fields["learnt"] = tuple((name, target) for name, target in fields.get("learnt", ()))
        fields["created_at"] = datetime.fromisoformat(fields["created_at"])
        return ModelVersion(**fields)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ModelFilesError(
            f"{path} describes no version ({type(exc).__name__})",
            hint="remove the folder, or reinstall the package if it is the shipped model",
        ) from exc


def write_version(folder: Path, version: ModelVersion) -> None:
    """Write the description, all or nothing."""
    fields = dataclasses.asdict(version) | {"created_at": version.created_at.isoformat()}
    write_atomically(folder / VERSION_FILE, json.dumps(fields, indent=1, sort_keys=True))


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
