"""On which line of a TOML file each key and array element stands (tomllib does not tell)."""

from __future__ import annotations

import re
import tomllib

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}'  # strings over several lines
    r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|\#[^\n]*|\n|[\[\]{},=.]|[^\s\[\]{},=."\'#]+',
    re.DOTALL,
)
_VALUE_ENDS = {",", "]", "}", "\n", ""}

Path = tuple[str | int, ...]


def find_lines(text: str) -> dict[Path, int]:
    """From the path of a key (`("targets", 0, "text")`) to its line, counted from 1.

    Args:
        text: A document that tomllib reads without an error.
    """
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}  # arrays of tables: how many elements so far
        self._tokens = [
            (match.group(), text.count("\n", 0, match.start()) + 1)
            for match in _TOKEN.finditer(text)
            if not match.group().startswith("#")
        ]
        self._at = 0

    def scan(self) -> None:
        table: Path = ()
        while self._skip("\n"):
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _skip(self, *tokens: str) -> bool:
        while self._next() in tokens:
            self._at += 1
        return self._next() != ""

    def _mark(self, path: Path) -> None:
        self.lines.setdefault(path, self._tokens[self._at][1])

    def _key(self) -> Path:
        """A key, dotted or not; stops at the token after it."""
        parts: list[str | int] = []
        while self._next() not in {"=", "]"}:
            if self._next() != ".":
                parts.append(_unquoted(self._next()))
            self._at += 1
        return tuple(parts)

    def _header(self) -> Path:
        start = self._at
        self._skip("[")
        is_array = self._at - start == 2
        keys = self._key()
        path: Path = ()
        for key in keys[:-1]:
            path = self._element((*path, key))
        path = (*path, keys[-1])
        if is_array:
            self._tables[path] = self._tables.get(path, 0) + 1
            path = self._element(path)
        self._at, end = start, self._at
        for length in range(1, len(path) + 1):
            self._mark(path[:length])
        self._at = end
        self._skip("]")
        return path

    def _element(self, path: Path) -> Path:
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table + self._key()
        self._at, end = start, self._at
        for length in range(len(table) + 1, len(path) + 1):
            self._mark(path[:length])
        self._at = end
        self._skip("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._mark(path)
        if self._next() == "[":
            self._array(path)
        elif self._next() == "{":
            self._inline_table(path)
        else:
            while self._next() not in _VALUE_ENDS:
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip("\n", ",") and self._next() != "]":
            self._value((*path, index))
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._skip("\n", ",") and self._next() != "}":
            self._pair(path)
        self._at += 1


def _unquoted(key: str) -> str:
    if key[:1] not in {'"', "'"}:
        return key
    return str(tomllib.loads(f"key = {key}")["key"])
