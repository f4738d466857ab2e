"""Which files a backup takes, and which it has to leave out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.archive import can_be_named
from monitor.errors import MonitorError
from monitor.settings import Settings


@dataclass(frozen=True, slots=True)
class BackupFiles:
    """What a backup takes beside the database.

    Attributes:
        files: By their names in it.
        left_out: Names of files that no backup can hold, fit to be printed.
    """

    files: Mapping[str, Path]
    left_out: Sequence[str]

    @property
    def keys(self) -> int:
        """How many pseudonym keys are among them."""
        return sum(name.startswith("keys/") for name in self.files)


def choose_files(settings: Settings, *, with_keys: bool) -> BackupFiles:
    """Finds model versions, keys and configuration; what is hidden is half done, and stays out.

    Raises:
        MonitorError: Something cannot be read; without it the backup would be incomplete.
    """
    files, left_out = {}, []
    try:
        for name, path in _found(settings.home, settings.config, with_keys=with_keys):
            if stat.S_ISREG(path.stat().st_mode) and can_be_named(name):
                files[name] = path
            else:
                left_out.append(os.fsencode(name).decode(errors="replace"))
    except OSError as exc:
        raise MonitorError(
            f"{exc.filename} cannot be read ({exc.strerror}), and a backup without it would be "
            "incomplete",
            hint="let this user read it, or move it away if it does not belong there; "
            "then try again",
        ) from exc
    return BackupFiles(files, left_out)


def _found(home: Path, config: Path, *, with_keys: bool) -> Iterator[tuple[str, Path]]:
    """Every file by the name that it would have in the backup."""
    models, keys, topics = home / "models", home / "keys", config / "topics"
    for path in _below(models, frozenset(models.resolve().parents)):
        yield f"models/{path.relative_to(models).as_posix()}", path
    if with_keys:
        yield from ((f"keys/{path.name}", path) for path in _listed(keys) if path.suffix == ".key")
    if (config / "local.toml").is_file():
        yield "config/local.toml", config / "local.toml"
    for path in _listed(topics):
        if path.suffix == ".toml":
            yield f"config/topics/{path.name}", path


def _below(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Every file below a folder, behind links too, but for links to a folder that it lies in."""
    entered = above | {folder.resolve()}
    for path in _listed(folder):
        if not path.is_dir():
            yield path
        elif path.resolve() not in entered:
            yield from _below(path, entered)


def _listed(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden; nothing where there is no folder."""
    if not os.path.lexists(folder):
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
