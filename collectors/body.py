"""An answer's body, read within bounds: of size after unpacking, and of time."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.errors import MalformedAnswerError, UnavailableError

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STEP = 256 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of an answer is read.

    Attributes:
        maximum_bytes: Of the body, unpacked.
        seconds: For the whole body: a server that sends a byte now and then must not hold us.
    """

    maximum_bytes: int
    seconds: float


def read_body(raw: Iterable[bytes], encoding: str, bounds: Bounds) -> bytes:
    """Returns a body, unpacked step by step so that a gzip bomb never unfolds.

    Args:
        raw: The bytes as they come.
        encoding: The `Content-Encoding`; gzip and deflate are known.
        bounds: What not to exceed.

    Raises:
        MalformedAnswerError: It is too large, damaged, cut off, or in another encoding.
        UnavailableError: It took too long.
    """
    body = bytearray()
    for part in _unpacked(_in_time(raw, bounds.seconds), encoding.strip().lower()):
        body += part
        if len(body) > bounds.maximum_bytes:
            raise MalformedAnswerError(f"the answer is over {bounds.maximum_bytes} bytes")
    return bytes(body)


def _in_time(raw: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    end = time.monotonic() + seconds
    for part in raw:
        yield part
        if time.monotonic() > end:
            raise UnavailableError(f"the answer was not complete after {seconds:g} s")


def _unpacked(raw: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in ("", "identity"):
        return raw
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _inflated(raw)
    raise MalformedAnswerError(
        f"the answer is packed as {encoding[:40]!r}, which was not asked for"
    )


def _inflated(raw: Iterator[bytes]) -> Iterator[bytes]:
    """Unpacks all members (RFC 1952, 2.2); there may be zeros behind each."""
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    some = False
    for part in raw:
        some = some or bool(part)
        rest = part.lstrip(b"\0") if inflate.eof else part
        while rest:
            if inflate.eof:
                inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            try:
                yield inflate.decompress(rest, _STEP)
            except zlib.error as exc:
                raise MalformedAnswerError("the answer's packed data are damaged") from exc
            rest = inflate.unused_data.lstrip(b"\0") if inflate.eof else inflate.unconsumed_tail
    if some and not inflate.eof:
        raise MalformedAnswerError("the answer's packed data end early")
