"""JSON from strangers: one object, or the elements of an array, without trusting either."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from collectors.lines import CHUNK, DAMAGE, LINE_LIMIT, Flaw, Unit

_BETWEEN_ELEMENTS = re.compile(r"[ \t\r\n\[\],\ufeff]*")


def parse_object(data: bytes) -> Mapping[str, Any] | Flaw:
    """Parses one JSON object; anything else is a flaw."""
    if b"\0" in data:
        return Flaw("nul_byte", "the line holds a NUL byte")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        return Flaw("bad_encoding", f"not UTF-8 at byte {exc.start + 1} of the line")
    try:  # `_attempt` is for what this does not take.
        value, end = _SCAN(text, 0)
    except (StopIteration, ValueError, RecursionError):
        value, end = None, 0
    if type(value) is dict and (end == len(text) or text[end:] == "\n"):
        return value
    parsed = _attempt(lambda: _DECODER.decode(text))
    return parsed if isinstance(parsed, Flaw) else _as_object(parsed)


def _as_object(value: Any) -> Mapping[str, Any] | Flaw:
    return value if isinstance(value, dict) else Flaw("not_an_object", type(value).__name__)


def _attempt(parse: Callable[[], Any]) -> Any:
    try:
        return parse()
    except json.JSONDecodeError as exc:
        return Flaw("bad_json", f"{exc.msg} at character {exc.pos + 1}")
    except RecursionError:
        return Flaw("bad_json", "nested too deeply")
    except ValueError:
        return Flaw("bad_json", "a number that is no JSON number, or too long")


def _refuse_constant(_: str) -> None:
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
_SCAN: Callable[[str, int], tuple[Any, int]] = vars(_DECODER)["scan_once"]
# A control character inside one element must not cost the rest of the array.
_ARRAY_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, strict=False)


def starts_array(head: bytes) -> bool:
    """Tells from the first bytes of a stream whether it is a JSON array of objects."""
    return b"".join(head.removeprefix(codecs.BOM_UTF8).split())[:2] in (b"[{", b"[]")


def read_array(stream: io.BufferedIOBase) -> Iterator[Unit]:
    """Yields the elements of a JSON array (or of several, one after the other), parsed.

    After an element that is no JSON nothing can be told apart: it and the rest are one flaw.
    """
    text = _ArrayText(stream)
    number = 0
    while not text.broken and text.has_element():
        number += 1
        yield Unit(number, text.next_element())


class _ArrayText:
    """The part of an array's text that is in memory: at most one element and one chunk."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._text = ""
        self._at = 0
        self._damage: Exception | None = None
        self.broken = False

    def has_element(self) -> bool:
        self._skip_punctuation()
        while self._at == len(self._text) and self._grow():
            self._skip_punctuation()
        return self._at < len(self._text)

    def _skip_punctuation(self) -> None:
        between = _BETWEEN_ELEMENTS.match(self._text, self._at)
        self._at = between.end() if between else self._at

    def next_element(self) -> Mapping[str, Any] | Flaw:
        while True:
            parsed = _attempt(lambda: _ARRAY_DECODER.raw_decode(self._text, self._at))
            if not isinstance(parsed, Flaw):
                value, self._at = parsed
                return _as_object(value)
            if len(self._text) - self._at > LINE_LIMIT:
                self.broken = True
                return Flaw("line_too_long", f"no end of the element in {LINE_LIMIT} characters")
            if not self._grow():
                self.broken = True
                return parsed

    def _grow(self) -> bool:
        """Doubles what is in memory, so that one long element is parsed few times.

        What comes before damage is parsed first; the damage is told at the next call.
        """
        if self._damage:
            raise self._damage
        rest = self._text[self._at :]
        parts = [rest]
        wanted = max(CHUNK, len(rest))
        try:
            while wanted > 0 and (data := self._stream.read1(CHUNK)):
                parts.append(self._decode(data))
                wanted -= len(data)
        except DAMAGE as exc:
            if len(parts) == 1:
                raise
            self._damage = exc
        self._text, self._at = "".join(parts), 0
        return len(parts) > 1
