"""Versions of the model on disk: the shipped one, candidates, champions, retired ones.

Each version is a folder named by its id. Which version is a topic's champion is one small
file per topic, ``champions/<topic>.json``, replaced as a whole; so a crash at any moment
leaves the old champion or the new one. Changes wait for each other by a lock on the folder,
across processes and containers.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classifiers.errors import ModelFilesError, PromotionError, UnknownVersionError
from classifiers.integrity import verify, write_hashes
from classifiers.model_config import base_folder
from classifiers.version import (
    VERSION_FILE,
    ModelVersion,
    read_version,
    write_atomically,
    write_version,
)

__all__ = ["BASES", "PRETRAINED", "SMALL", "ModelVersion", "Registry"]

PRETRAINED = Path(__file__).parent / "pretrained"
SMALL = Path(__file__).parent / "pretrained-small"
BASES = {"standard": PRETRAINED, "small": SMALL}
"""The shipped bases by the name that ``classify.base`` gives them."""

CARD_FILE = "MODEL_CARD.md"

Card = Callable[[ModelVersion], str]

_LOCK_FILE = ".lock"
_UNFINISHED = (".making-*", ".copying-*", ".removing-*")
_ABANDONED_SECONDS = 24 * 3600
"""After so long what is unfinished was left by a process that ended."""

_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class _Reign:
    """A topic's champions so far: the last of ``reigned`` rules; none means the shipped one."""

    reigned: tuple[str, ...] = ()
    rolled_back: tuple[str, ...] = ()


class Registry:
    """The versions under a folder, and the shipped one.

    Args:
        folder: Where versions are kept; made when the first one is added.
        shipped: The folder of the shipped model.
    """

    def __init__(self, folder: Path, shipped: Path = PRETRAINED) -> None:
        self._folder = folder
        self._shipped = shipped

    @property
    def folder(self) -> Path:
        """Where versions are kept."""
        return self._folder

    def shipped(self) -> ModelVersion:
        """Return the shipped version, every topic's first champion."""
        return replace(read_version(self._shipped), stage="champion")

    def list(self, topic: str | None = None) -> list[ModelVersion]:
        """Return the shipped version and a topic's (or every topic's), oldest first.

        Another base, or one that was shipped before, is a topic's where it rules. What cannot be
        read is left out with a warning: it may be another topic's.
        """
        shipped = self.shipped()
        ruling = None
        if topic is not None:
            shipped = replace(shipped, stage=self._stage(topic, shipped.id))
            ruling = self.ruling(topic)
        kept = [path for path in self._folders() if path.name != shipped.id]
        found = [*map(read_version, BASES.values()), *_readable(kept)]
        others = {each.id: each for each in found if each.id != shipped.id}
        chosen = [
            each
            for each in others.values()
            if (each.topic and topic in (None, each.topic)) or each.id == ruling
        ]
        staged = [replace(each, stage=self._stage(topic or each.topic, each.id)) for each in chosen]
        return [shipped, *sorted(staged, key=lambda each: (each.created_at, each.id))]

    def get(self, version_id: str, topic: str = "") -> ModelVersion:
        """Return a version by its id.

        Args:
            version_id: The version.
            topic: In which a base's stage is told; as it is shipped where empty.

        Raises:
            UnknownVersionError: It is not on disk.
        """
        version = read_version(self.path(version_id))
        of = version.topic or topic
        return replace(version, stage=self._stage(of, version_id) if of else "champion")

    def path(self, version_id: str) -> Path:
        """Return a version's folder.

        Every shipped base is known, not only the one that topics start from: what it answered
        before another one was chosen stays readable, and so does what a worker is asked for.

        Raises:
            UnknownVersionError: It is not on disk.
        """
        if (shipped := self._shipped_folder(version_id)) is not None:
            return shipped
        for path in self._folders():
            if path.name == version_id:
                return path
        raise UnknownVersionError(
            f"no model version {version_id!r} on disk",
            hint="`monitor models list` shows the versions there are",
        )

    def check(self, version_id: str) -> None:
        """Check that a version's files, and its base's, are what they were made as.

        Raises:
            UnknownVersionError: It is not on disk.
            ModelFilesError: A file was changed, added or is missing.
        """
        folder = self.path(version_id)
        for each in {folder, base_folder(folder)}:
            verify(each)

    def champion(self, topic: str) -> ModelVersion:
        """Return the topic's champion: the shipped version when none was promoted.

        Raises:
            UnknownVersionError: It is not on disk.
        """
        return self.get(self.ruling(topic))

    def ruling(self, topic: str) -> str:
        """Return the id of the topic's champion, on disk or not."""
        reigned = self._reign(topic).reigned
        return reigned[-1] if reigned else self.shipped().id

    def promote(self, topic: str, version_id: str) -> ModelVersion:
        """Make a version the topic's champion and return it; again changes nothing.

        A copy of its base, or of itself if it is one, is kept, so that it outlives an upgrade.

        Raises:
            UnknownVersionError: It is not on disk.
            PromotionError: It belongs to another topic.
        """
        with self._locked():
            version = self.owned(topic, version_id)
            reign = self._reign(topic)
            if version_id != self.ruling(topic):
                self._keep_base(version.base or version.id)
                left = tuple(each for each in reign.rolled_back if each != version_id)
                self._write_reign(topic, _Reign((*reign.reigned, version_id), left))
            return self.champion(topic)

    def owned(self, topic: str, version_id: str) -> ModelVersion:
        """Return a version that the topic may use.

        Raises:
            UnknownVersionError: It is not on disk.
            PromotionError: It belongs to another topic.
        """
        version = self.get(version_id)
        if version.topic not in ("", topic):
            raise PromotionError(
                f"version {version_id} was adapted to {version.topic!r}, not to {topic!r}",
                hint=f"`monitor retrain --topic {topic}` makes one for this topic",
            )
        return version

    def preceding(self, topic: str) -> str:
        """Return the id of the topic's previous champion, on disk or not.

        Raises:
            PromotionError: The shipped version is the champion and was preceded by none.
        """
        reigned = self._reign(topic).reigned
        if not reigned:
            raise PromotionError(
                f"{topic!r} has had no champion but the shipped version",
                hint="there is nothing to roll back",
            )
        return reigned[-2] if len(reigned) > 1 else self.shipped().id

    def rollback(self, topic: str) -> ModelVersion:
        """Go back to the topic's previous champion and return it.

        Raises:
            PromotionError: The shipped version is the champion and was preceded by none.
            UnknownVersionError: The previous champion is not on disk; nothing has changed.
        """
        with self._locked():
            self.get(self.preceding(topic))
            reign = self._reign(topic)
            *before, last = reign.reigned
            self._write_reign(topic, _Reign(tuple(before), (*reign.rolled_back, last)))
            return self.champion(topic)

    def is_rolled_back(self, topic: str, version_id: str) -> bool:
        """Return whether a version was rolled back, and not promoted again since."""
        return version_id in self._reign(topic).rolled_back

    def add(self, made: Path, version: ModelVersion) -> ModelVersion:
        """Move a folder with a version's weights into the registry, whole or not at all.

        A copy of the shipped base comes along, so that the version outlives an upgrade.
        A version that is already there stays as it is, and is returned; one that is damaged
        is replaced.
        """
        with self._locked():
            self._keep_base(version.base)
            place = self._folder / version.id
            if _is_whole(place):
                shutil.rmtree(made)
            else:
                write_version(made, version)
                self._put(made, place)
            return self.get(version.id)

    def describe(
        self, version_id: str, *, verdict: Sequence[Mapping[str, Any]], card: Card
    ) -> ModelVersion:
        """Add what the gate found to a version, and its card; return the version.

        Args:
            version_id: A version of some topic; the shipped one's description is not changed.
            verdict: The checks, as ``classifiers.verdict.Verdict.recorded`` gives them.
            card: Makes the card of a version.
        """
        with self._locked():
            version = self.get(version_id)
            if not version.topic:
                raise PromotionError(
                    f"version {version_id} is no topic's", hint="describe a candidate"
                )
            described = replace(version, verdict=tuple(verdict))
            folder = self.path(version_id)
            write_atomically(folder / CARD_FILE, card(described))
            write_version(folder, described)
            return self.get(version_id)

    def prune(self, topic: str, keep: int, *, needed: Collection[str] = ()) -> tuple[str, ...]:
        """Remove a topic's oldest versions and return their ids.

        The champion and those that ruled before it stay, rolled back or not: every rollback is
        possible, and one that was a mistake can be undone.

        Args:
            topic: The topic.
            keep: How many of the others stay, the newest.
            needed: Versions that must stay besides.
        """
        with self._locked():
            self._sweep()
            reign = self._reign(topic)
            stay = {*reign.reigned, *reign.rolled_back, *needed}
            versions = [each for each in self.list(topic) if each.topic]
            others = [each.id for each in versions if each.id not in stay]
            removed = others[: max(0, len(others) - keep)]
            for version_id in removed:
                self._remove(self._folder / version_id)
            return tuple(removed)

    def workspace(self) -> Path:
        """Return a fresh folder, invisible as a version, to prepare one in."""
        path = self._unfinished("making")
        path.mkdir(parents=True)
        return path

    def _shipped_folder(self, version_id: str) -> Path | None:
        """Return the folder of a shipped base, None for what is none."""
        for path in (self._shipped, *BASES.values()):
            if version_id == read_version(path).id:
                return path
        return None

    def _keep_base(self, base: str) -> None:
        """Copy a shipped base beside the versions that build on it."""
        place = self._folder / base
        if _is_whole(place):
            return
        shipped = self._shipped_folder(base)
        if shipped is None:
            raise ModelFilesError(
                f"the base {base} is neither shipped nor kept", hint="retrain the topic"
            )
        verify(shipped)  # The copy's hashes are of what is copied, damaged or not.
        copy = self._unfinished("copying")
        try:
            copy.mkdir()
            for path in shipped.iterdir():  # without its mode: a package may be read-only
                shutil.copyfile(path, copy / path.name)
            self._put(copy, place)
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def _put(self, made: Path, place: Path) -> None:
        """Let a finished folder take its place, and that of a damaged one."""
        write_hashes(made)
        for path in made.iterdir():
            _reach_the_disk(path)
        if place.exists():
            self._remove(place)
        made.replace(place)

    def _remove(self, place: Path) -> None:
        """Remove a version's folder; half-removed it must not look like one."""
        doomed = self._unfinished("removing")
        place.replace(doomed)
        shutil.rmtree(doomed)

    def _unfinished(self, work: str) -> Path:
        """Return a name that nothing has, invisible as a version, for a folder being worked on."""
        return self._folder / f".{work}-{secrets.token_hex(8)}"

    def _sweep(self) -> None:
        """Remove what processes left that were killed."""
        before = time.time() - _ABANDONED_SECONDS
        for pattern in _UNFINISHED:
            for path in self._folder.glob(pattern):
                if path.stat().st_mtime < before:
                    shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes and threads from changing what versions there are.

        The lock is the kernel's and ends with the process, however that ends.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _LOCK_FILE).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _folders(self) -> Iterator[Path]:
        """Yield the folders of the versions kept here."""
        for path in sorted(self._folder.glob("[!.]*")):
            if (path / VERSION_FILE).is_file():
                yield path

    def _stage(self, topic: str, version_id: str) -> str:
        """Return the stage of a version in a topic."""
        if version_id == self.ruling(topic):
            return "champion"
        reign = self._reign(topic)
        past = {*reign.reigned, *reign.rolled_back, self.shipped().id}
        return "retired" if version_id in past else "candidate"

    def _reign(self, topic: str) -> _Reign:
        """Return a topic's champions so far."""
        path = self._reign_file(topic)
        if not path.is_file():
            return _Reign()
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return _Reign(tuple(fields["reigned"]), tuple(fields["rolled_back"]))
        except (ValueError, KeyError, TypeError) as exc:
            raise ModelFilesError(
                f"{path} cannot be read ({type(exc).__name__})",
                hint="remove it to go back to the shipped model",
            ) from exc

    def _write_reign(self, topic: str, reign: _Reign) -> None:
        fields = {"reigned": reign.reigned, "rolled_back": reign.rolled_back}
        write_atomically(self._reign_file(topic), json.dumps(fields, indent=1))

    def _reign_file(self, topic: str) -> Path:
        """Return where a topic's champions are written down."""
        if not _TOPIC.fullmatch(topic):
            raise PromotionError(
                f"{topic!r} cannot be a topic's name",
                hint="use letters, digits, dots, dashes and underscores",
            )
        return self._folder / "champions" / f"{topic}.json"


def _readable(folders: Iterable[Path]) -> Iterator[ModelVersion]:
    """Yield the versions in folders, those left out that cannot be read."""
    for path in folders:
        try:
            yield read_version(path)
        except ModelFilesError as exc:
            warnings.warn(f"{exc}: left out", RuntimeWarning, stacklevel=3)


def _is_whole(folder: Path) -> bool:
    """Return whether a version is there, and is what it was made as."""
    if not (folder / VERSION_FILE).is_file():
        return False
    try:
        verify(folder)
    except ModelFilesError:
        return False
    return True


def _reach_the_disk(path: Path) -> None:
    """Return when a file's content is on disk: a rename may be there first."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
