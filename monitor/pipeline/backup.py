"""Copies what cannot be made again into one file: database, keys, model versions, configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from monitor.archive import digest, pack, unpack
from monitor.errors import MonitorError, UsageError
from monitor.pipeline.backup_files import choose_files
from monitor.sealing import Seal
from monitor.settings import Settings
from monitor.staging import draft_of, staging
from monitor.store.backup import copy_database, database_file

FORMAT = 1
LAST_BACKUP = "last-backup"
"""A file in home that is as old as the last backup."""

_BACKUP = re.compile(r"monitor-\d{8}T\d{6}Z\.backup(\.age)?")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made.

    Attributes:
        rows: Of each table of the database.
        keys: Pseudonym keys in it.
        sealed: Whether it is encrypted.
        read_back: Whether what lies on the disk was read again and compared; a key that only
            locks cannot do that.
        dropped: Older backups that were removed.
        left_out: Names of files of home or the configuration that no backup can hold.
    """

    path: Path
    size: int
    revision: str
    rows: Mapping[str, int]
    files: int
    keys: int
    sealed: bool
    read_back: bool
    dropped: int
    left_out: Sequence[str]


class BackupStep:
    """Makes backups.

    Args:
        settings: Where everything is.
        seal: Encrypts; None leaves the file open to whoever reads it.
        clock: Gives a backup its name.
    """

    def __init__(self, settings: Settings, seal: Seal | None, clock: Callable[[], datetime]):
        self._settings = settings
        self._seal = seal
        self._clock = clock

    def backup(
        self, folder: Path, *, with_keys: bool | None = None, keep: int | None = None
    ) -> Backup:
        """Writes a backup into a folder, whole or not at all, while the program goes on.

        The database comes first, so that the versions it names are among those copied after it.

        Args:
            folder: Made where it is not there.
            with_keys: Whether the keys of pseudonyms come along; None: where it is encrypted.
            keep: How many of the folder's backups stay, this one among them; None: all.

        Raises:
            MonitorError: It could not be made, or would be incomplete; nothing is left of it.
        """
        database = database_file(self._settings.database_url)
        keys = self._seal is not None if with_keys is None else with_keys
        path = folder / self._name()
        if path.exists():
            raise UsageError(f"{path} is there already", hint="try again in a second")
        with staging(self._settings.home, "backup") as place, draft_of(path) as draft:
            state = copy_database(database, place / "monitor.db")
            chosen = choose_files(self._settings, with_keys=keys)
            if with_keys and state.rows.get("posts") and not chosen.keys:
                raise _without_keys(self._settings.home / "keys", state.rows["posts"])
            files = {"database/monitor.db": place / "monitor.db", **chosen.files}
            about = {
                "format": FORMAT,
                "program": version("employee-sentiment-monitor"),
                "created_at": self._clock().astimezone(UTC).isoformat(timespec="seconds"),
                "revision": state.revision,
                "rows": dict(state.rows),
            }
            plain = place / "plain"
            with plain.open("wb") as to:
                pack(to, files, about)
            with plain.open("rb") as packed:
                unpack(packed, None, most_bytes=2**63)
            read_back = self._write(plain, draft)
            draft.rename(path)
            (self._settings.home / LAST_BACKUP).touch()
        return Backup(
            path=path,
            size=path.stat().st_size,
            revision=state.revision,
            rows=state.rows,
            files=len(files),
            keys=chosen.keys,
            sealed=self._seal is not None,
            read_back=read_back,
            dropped=_drop_old(path, keep),
            left_out=chosen.left_out,
        )

    def _name(self) -> str:
        ending = ".backup.age" if self._seal else ".backup"
        return f"monitor-{self._clock().astimezone(UTC):%Y%m%dT%H%M%SZ}{ending}"

    def _write(self, plain: Path, draft: Path) -> bool:
        """Writes the file, and reads it again where that can be done."""
        with plain.open("rb") as source, draft.open("r+b") as to:
            if self._seal:
                self._seal.lock(source, to)
            else:
                while piece := source.read(1 << 20):
                    to.write(piece)
            to.flush()
            os.fsync(to.fileno())
        if self._seal and not self._seal.opens:
            return False
        again = draft
        if self._seal:
            again = plain.with_name("again")
            with draft.open("rb") as source, again.open("wb") as to:
                self._seal.open(source, to)
        if digest(again) != digest(plain):
            raise MonitorError(
                f"what {draft.parent} gave back is not what was written",
                hint="do not trust that disk; write the backup elsewhere",
            )
        return True


def _without_keys(folder: Path, posts: int) -> MonitorError:
    return MonitorError(
        f"the keys of pseudonyms were asked for, and {folder} has none, for {posts:,} posts",
        hint="see that MONITOR_HOME is the right one and put its keys back, or give --no-keys",
    )


def _drop_old(made: Path, keep: int | None) -> int:
    """Removes older backups beside the one just made; that one stays, whatever the clock says."""
    if keep is None:
        return 0
    others = sorted(p for p in made.parent.iterdir() if _BACKUP.fullmatch(p.name) and p != made)
    old = others[: max(0, len(others) - (keep - 1))]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
