"""What a reader sees of a piece of HTML."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_BLOCKS = re.compile(
    r"address|article|aside|blockquote|br|d[dlt]|div|fig(caption|ure)|footer|h[1-6r]|header|li|[ou]l"
    r"|p|pre|section|table|t[dhr]"
)
_UNSEEN = frozenset({"script", "style", "template", "noscript"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._unseen += tag in _UNSEEN
        if _BLOCKS.fullmatch(tag):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if _BLOCKS.fullmatch(tag):
            self.parts.append("\n")

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """A comment where the library raises, as browsers have it."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def plain_text(markup: str) -> str:
    """Returns the text of HTML, a line for each of its blocks; text without tags stays."""
    # No tag ends behind the last ">"; the library would look for one from each "<" anew.
    head, end, rest = markup.rpartition(">")
    reader = _Reader()
    reader.feed(head + end)
    reader.close()
    reader.handle_data(html.unescape(rest))
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)
