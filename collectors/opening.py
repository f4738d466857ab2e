"""Opens files, plain or compressed, and tells one file from another."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from collectors.errors import UnreadableFileError

_GZIP = b"\x1f\x8b"
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")
"""How Zstandard's frames begin: those with data, and those that are to be skipped."""
_BUFFER = 64 * 1024
# Zstandard stores a run of 128 KiB in about 4 bytes: this much input never grows over 8 MiB.
_ZSTD_INPUT = 256
_ZSTD_WINDOW = 128 * 1024 * 1024
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


class DamagedFileError(Exception):
    """The rest of a compressed or binary file cannot be read; what came before it is good."""


class _ZstdStream(io.RawIOBase):
    """Decompresses several frames in bounded steps and notices when the last one is cut off."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._frame = self._new_frame()
        self._inside = False
        self._ready = memoryview(b"")
        self._damage: zstandard.ZstdError | None = None

    @staticmethod
    def _new_frame() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        while not self._ready:
            if self._damage:
                raise DamagedFileError("the Zstandard data are damaged") from self._damage
            data = self._source.read(_ZSTD_INPUT)
            if not data:
                break
            self._ready = memoryview(self._decompress(data))
        if not self._ready and self._inside:
            raise DamagedFileError("the Zstandard data end early")
        size = min(len(target), len(self._ready))
        target[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _decompress(self, data: bytes) -> bytes:
        """What comes before damage is given first; the damage is told at the next reading."""
        parts = []
        while data:
            try:
                parts.append(self._frame.decompress(data))
            except zstandard.ZstdError as exc:
                self._damage = exc
                break
            self._inside = not self._frame.eof
            data = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = self._new_frame()
        return b"".join(parts)


def fingerprint(path: Path) -> str:
    """Returns a digest of the file's whole content, as stored on disk.

    All of it, not a sample: two files that differ in one byte are two files, and hashing costs
    a second or two for a gigabyte, a small part of reading it.

    Raises:
        UnreadableFileError: It is no regular file, or may not be read.
    """
    with _open(path) as file:
        return hashlib.file_digest(file, _new_digest).hexdigest()


def _new_digest() -> Any:
    return hashlib.blake2b(digest_size=16)


@contextmanager
def open_stream(path: Path) -> Iterator[io.BufferedIOBase]:
    """Opens a file's decompressed content; its compression is told by its first bytes.

    Raises:
        UnreadableFileError: It cannot be opened, or is text in UTF-16 or UTF-32.
    """
    with _open(path) as file:
        head = file.peek(4)[:4]
        if head.startswith(_WIDE_MARKS):
            raise UnreadableFileError(
                f"{path} is text in UTF-16 or UTF-32",
                hint="Convert it first: iconv -f UTF-16 -t UTF-8 old > new",
            )
        if head.startswith(_GZIP):
            yield gzip.GzipFile(fileobj=file, mode="rb")
        elif _ZSTD.match(head):
            yield io.BufferedReader(_ZstdStream(file), _BUFFER)
        else:
            yield file


def is_compressed(path: Path) -> bool:
    """Tells whether a file as a whole is compressed with gzip or Zstandard."""
    with _open(path) as file:
        head = file.peek(4)[:4]
    return head.startswith(_GZIP) or _ZSTD.match(head) is not None


def _open(path: Path) -> io.BufferedReader:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFileError(
                f"{path} is not a file", hint="Name files themselves, for example folder/*.jsonl."
            )
        return path.open("rb")
    except OSError as exc:
        raise UnreadableFileError(
            f"{path} cannot be opened: {exc.strerror}",
            hint="Check that it exists and that you may read it.",
        ) from exc
