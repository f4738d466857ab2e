"""Each chart to take along: as PNG and SVG, and its figures as CSV."""

from __future__ import annotations

import csv
import io
import threading
from dataclasses import asdict, fields
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response

from monitor.dashboard import words
from monitor.dashboard.blocks import Block, key_of
from monitor.dashboard.board import Dashboard
from monitor.dashboard.drawing import draw, on_paper
from monitor.dashboard.pages import TopicPage, topic_page
from monitor.dashboard.selection import PageError, Selection, read_selection
from monitor.dashboard.topic_data import TopicData, gather_topic
from monitor.dashboard.visitor import VISITOR, Note
from monitor.figure import Figure, Volume
from monitor.shares.changes import Change
from monitor.spreadsheet import csv_cell

Drawn = Figure | Volume | Change

_PLACES = threading.BoundedSemaphore(8)
"""For readers who wait for pictures: each keeps one of 40 threads, which every page needs."""
_MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv; charset=utf-8"}


def _selection(request: Request) -> Selection:
    return read_selection(request.query_params)


def add_downloads(app: FastAPI, board: Dashboard, note: Note) -> None:
    """Adds the addresses of the downloads."""

    @app.get("/topics/{name}/charts/{key}.{kind}")
    def download(
        name: str, key: str, kind: str, selection: Annotated[Selection, Depends(_selection)]
    ) -> Response:
        topic = board.topic(name)
        if kind not in _MEDIA_TYPES:
            raise PageError(404, "A chart comes as png, svg or csv.")
        data = gather_topic(board, topic, selection)
        content = _csv(data, key) if kind == "csv" else _picture(board, data, key, kind)
        note(VISITOR.get().name, "downloaded", {"topic": topic.name, "what": f"{key}.{kind}"[:80]})
        file = f"{topic.name}-{key}{_unit_named(data, key)}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{_plain(file)}"'}
        return Response(content, headers=headers, media_type=_MEDIA_TYPES[kind])


def _unit_named(data: TopicData, key: str) -> str:
    """What a file's name says of shares of another unit than posts; volume has no shares."""
    unit = data.selection.unit
    if unit == "posts" or any(key_of(one) == key for one in data.split_volumes):
        return ""
    return f"-{unit}"


def _plain(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "-" for c in name)


def _csv(data: TopicData, key: str) -> bytes:
    everything: tuple[Figure | Volume | Change, ...] = (
        *data.split,
        *data.split_volumes,
        *data.changes,
    )
    found = [one for one in everything if key_of(one) == key]
    if not found:
        raise PageError(404, "There is no such chart for these days.")
    text = io.StringIO()
    unit: dict[str, str] = {} if isinstance(found[0], Volume) else {"unit": data.selection.unit}
    columns = [*(field.name for field in fields(found[0])), *unit]
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    for one in found:
        writer.writerow({name: csv_cell(value) for name, value in (asdict(one) | unit).items()})
    return text.getvalue().encode("utf-8-sig")  # with a mark, or spreadsheets guess the encoding


def _picture(board: Dashboard, data: TopicData, key: str, kind: str) -> bytes:
    page = topic_page(data, board.clock())
    block = next((one for one in blocks_of(page) if one.key == key and one.spec), None)
    if block is None or block.spec is None or block.is_preview:
        raise PageError(404, "There is no such chart for these days, or nothing to draw.")
    spec = on_paper(block.spec, f"{page.topic.title}: {block.label}", told_below(page))
    if not _PLACES.acquire(blocking=False):
        raise PageError(503, "Many charts are being drawn.", hint="Try again in a few seconds.")
    try:
        return draw(spec, "png" if kind == "png" else "svg")
    finally:
        _PLACES.release()


def blocks_of(page: TopicPage) -> list[Block]:
    """Returns every chart of a page."""
    sections = (*page.sections, page.volume) if page.volume else page.sections
    return [block for section in sections for block in section.blocks]


def told_below(page: TopicPage) -> str:
    """Returns what a picture has to say for itself, far from its page."""
    sample = "SAMPLE DATA, not real posts. " if page.is_sample else ""
    told = " and ".join(words.short_version(one) for one in page.versions)
    version = f" Model {told}." if told else ""
    return f"{sample}{page.days}, bands are 95% intervals.{version}"
