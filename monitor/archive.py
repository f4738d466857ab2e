"""Many files as one (ZIP), with a list of what each must be; read as if a stranger had made it."""

from __future__ import annotations

import errno
import hashlib
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from monitor.errors import MonitorError

MANIFEST = "manifest.json"
MANIFEST_BYTES = 16_000_000
"""No honest list of files is longer."""

_NAME = re.compile(r"(database|keys|models|config)(/[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*){1,4}")
_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression or a feature that zipfile does not know
    RuntimeError,  # a password
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    lzma.LZMAError,
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says about itself.

    Attributes:
        about: Whatever its maker told.
        files: Of each file by its name, how many bytes it has and their SHA-256.
    """

    about: Mapping[str, Any]
    files: Mapping[str, tuple[int, str]]


def can_be_named(name: str) -> bool:
    """Whether `pack` and `unpack` take a file of that name."""
    return _NAME.fullmatch(name) is not None


def pack(to: BinaryIO, files: Mapping[str, Path], about: Mapping[str, Any]) -> Manifest:
    """Writes files under their names, and the manifest.

    Raises:
        ValueError: A name is none that `unpack` takes.
    """
    packed: dict[str, tuple[int, str]] = {}
    # Level 1: most of the bytes are weights and pages, and time matters more than room.
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in files.items():
            if not can_be_named(name):
                raise ValueError(f"{name!r} cannot be a name in an archive")
            with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as member:
                packed[name] = _copy(source, member)
        listed = {name: {"bytes": size, "sha256": sha} for name, (size, sha) in packed.items()}
        archive.writestr(MANIFEST, json.dumps({**about, "files": listed}, indent=1))
    return Manifest(about, packed)


def unpack(archive: BinaryIO, folder: Path | None, *, most_bytes: int) -> Manifest:
    """Reads an archive whole, and compares every byte with its manifest.

    Args:
        archive: Can be sought in.
        folder: Where the files go, below their names; None only compares.
        most_bytes: How many bytes may come out of it.

    Raises:
        MonitorError: It is no archive of ours, cut, changed, or larger than allowed. What was
            written by then is worth nothing.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            manifest = _manifest(opened)
            _check_names(opened, manifest, most_bytes)
            for name, expected in manifest.files.items():
                if _extract(opened, name, folder, expected[0]) != expected:
                    raise _damaged(f"{name} is not what the manifest says")
            return manifest
    except _BROKEN as exc:
        raise _damaged(type(exc).__name__) from exc
    except OSError as exc:
        # These are an offset out of the file, and bzip2's complaint; others are the disk's own.
        if exc.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(type(exc).__name__) from exc


def digest(path: Path) -> tuple[int, str]:
    """How many bytes a file has, and their SHA-256."""
    with path.open("rb") as file:
        return _copy(file, None)


def _manifest(opened: zipfile.ZipFile) -> Manifest:
    with opened.open(MANIFEST) as file:
        content = file.read(MANIFEST_BYTES + 1)
    if len(content) > MANIFEST_BYTES:
        raise _damaged(f"its manifest has more than {MANIFEST_BYTES:,} bytes")
    told = json.loads(content)
    if not isinstance(told, dict) or not isinstance(told.get("files"), dict):
        raise _damaged("its manifest lists no files")
    files = {}
    for name, one in told.pop("files").items():
        if not isinstance(one, dict):
            raise _damaged("its manifest lists no sizes")
        files[name] = (int(one["bytes"]), str(one["sha256"]))
    return Manifest(told, files)


def _check_names(opened: zipfile.ZipFile, manifest: Manifest, most_bytes: int) -> None:
    present = [info.filename for info in opened.infolist()]
    if sorted(present) != sorted([*manifest.files, MANIFEST]):
        raise _damaged("what is in it is not what its manifest lists")
    strange = [name for name in manifest.files if not can_be_named(name)]
    if strange:
        raise _damaged(f"{len(strange)} name(s) in it are none that a backup has")
    if any(size < 0 for size, _ in manifest.files.values()):
        raise _damaged("its manifest lists a size below zero")
    total = sum(size for size, _ in manifest.files.values())
    if total > most_bytes:
        raise MonitorError(
            f"its files have {total:,} bytes, and there is room for {most_bytes:,}",
            hint="make room, or choose another MONITOR_HOME",
        )


def _extract(opened: zipfile.ZipFile, name: str, folder: Path | None, size: int) -> tuple[int, str]:
    with opened.open(name) as member:
        if folder is None:
            return _copy(member, None, at_most=size)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as to:
            path.chmod(0o600)
            return _copy(member, to, at_most=size)


def _copy(source: IO[bytes], to: IO[bytes] | None, at_most: int | None = None) -> tuple[int, str]:
    """Copies in pieces, no more than one beyond `at_most`; returns the size and the SHA-256."""
    size, sha = 0, hashlib.sha256()
    while piece := source.read(_CHUNK):
        size += len(piece)
        sha.update(piece)
        if to is not None:
            to.write(piece)
        if at_most is not None and size > at_most:
            break
    return size, sha.hexdigest()


def _damaged(why: str) -> MonitorError:
    return MonitorError(
        f"it is no backup of this program, or it is damaged ({why})",
        hint="take another backup; `monitor restore --check FILE` tries one without writing",
    )
