"""Puts a backup back, where nothing is in its way."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.archive import Manifest, digest, unpack
from monitor.errors import ConfigurationError, MonitorError, UsageError
from monitor.pipeline.backup import FORMAT
from monitor.sealing import Seal, is_sealed
from monitor.settings import Settings
from monitor.staging import staging
from monitor.store.backup import DatabaseState, database_file, examine

BESIDE = "restored-config"
"""Below home: the backup's configuration where it differs from what is in use."""

_SPARE_BYTES = 50_000_000
_SHOWN = 5
_VERSION_FILE = "version.json"  # What makes a folder a model version: it comes last.


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup held.

    Attributes:
        rows: Of each table.
        keys: Pseudonym keys that were in it.
        beside: Configuration files that differ from those in use, put into `restored-config`.
    """

    created_at: str
    program: str
    revision: str
    rows: Mapping[str, int]
    files: int
    keys: int
    beside: int


class RestoreStep:
    """Restores backups.

    Args:
        settings: Where everything goes.
        seal: Opens encrypted ones; None where there is no key.
    """

    def __init__(self, settings: Settings, seal: Seal | None) -> None:
        self._settings = settings
        self._seal = seal

    def restore(self, backup: Path, *, only_check: bool = False) -> Restored:
        """Checks a backup byte by byte and puts its files in place, the database last.

        It can be repeated after an interruption: a file that is there already, the same, stays.

        Raises:
            MonitorError: It is damaged, locked by another key, of a newer program, or something
                else stands in a place that it needs. Then nothing was put anywhere.
        """
        database = database_file(self._settings.database_url)
        with staging(self._settings.home, "restore") as place:
            manifest = self._unpack(backup, place)
            state = _checked(place / "files/database/monitor.db", manifest.about)
            moves = self._moves(place / "files", manifest, database)
            if not only_check:
                _refuse_to_overwrite(moves, manifest, database)
                _put(place / "files", moves)
        return Restored(
            created_at=str(manifest.about.get("created_at")),
            program=str(manifest.about.get("program")),
            revision=state.revision,
            rows=state.rows,
            files=len(manifest.files),
            keys=sum(name.startswith("keys/") for name in manifest.files),
            beside=sum(BESIDE in path.parts for path in moves.values()),
        )

    def _unpack(self, backup: Path, place: Path) -> Manifest:
        try:
            file = backup.open("rb")
        except OSError as exc:
            raise UsageError(
                f"{backup} cannot be read: {exc.strerror}", hint="name a file of `monitor backup`"
            ) from exc
        with file:
            if not is_sealed(file):
                return unpack(file, place / "files", most_bytes=_room(place))
            if self._seal is None:
                raise ConfigurationError(
                    f"{backup.name} is encrypted, and there is no key",
                    hint="set MONITOR_BACKUP_KEY_FILE to the file with the key",
                )
            with (place / "plain").open("w+b") as plain:
                self._seal.open(file, plain)
                plain.seek(0)
                return unpack(plain, place / "files", most_bytes=_room(place))

    def _moves(self, files: Path, manifest: Manifest, database: Path) -> dict[str, Path]:
        """Where each file goes."""
        home = self._settings.home
        moves = {}
        for name in manifest.files:
            kind, _, rest = name.partition("/")
            if kind == "config":
                if not _same(self._settings.config / rest, files / name):
                    moves[name] = home / BESIDE / rest
            elif kind != "database":
                moves[name] = home / name
        ordered = dict(sorted(moves.items(), key=lambda one: one[0].endswith(_VERSION_FILE)))
        return {**ordered, "database/monitor.db": database}


def _checked(path: Path, about: Mapping[str, Any]) -> DatabaseState:
    if about.get("format") != FORMAT or not path.is_file():
        raise MonitorError(
            f"it is of format {about.get('format')!r}, this program reads format {FORMAT}",
            hint="restore it with the program that wrote it, then update the program",
        )
    state = examine(path)
    if dict(state.rows) != about.get("rows"):
        raise MonitorError(
            "its tables have other numbers of rows than its manifest says",
            hint="take another backup",
        )
    return state


def _refuse_to_overwrite(moves: Mapping[str, Path], manifest: Manifest, database: Path) -> None:
    in_the_way = [
        path
        for name, path in moves.items()
        if path.exists() and digest(path) != manifest.files[name]
    ]
    logs = [database.with_name(database.name + end) for end in ("-wal", "-journal")]
    in_the_way += [path for path in logs if path.exists() and path.stat().st_size]
    if in_the_way:
        shown = ", ".join(map(str, in_the_way[:_SHOWN]))
        raise UsageError(
            f"{len(in_the_way)} file(s) are in the way: {shown}",
            hint="stop the monitor and move them away, or restore into another MONITOR_HOME; "
            "nothing was changed",
        )


def _put(files: Path, moves: Mapping[str, Path]) -> None:
    for name, path in moves.items():
        if path.exists():
            continue
        if name.startswith("database/"):
            os.sync()  # What the database speaks of must be there before it.
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _move(files / name, path)
    os.sync()


def _move(source: Path, to: Path) -> None:
    """Renames, or copies whole where the place is on another disk."""
    try:
        source.rename(to)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        draft = to.with_name(f".{to.name}.partial")
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        draft.rename(to)


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and digest(one) == digest(other)


def _room(place: Path) -> int:
    return max(0, shutil.disk_usage(place).free - _SPARE_BYTES)
