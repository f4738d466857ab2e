"""A topic's page as one document to send around: HTML, PDF or PNG, complete in itself."""

from __future__ import annotations

import json
import textwrap
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Literal

from monitor.dashboard import words
from monitor.dashboard.blocks import Block
from monitor.dashboard.board import Dashboard
from monitor.dashboard.charts import Spec
from monitor.dashboard.downloads import blocks_of, told_below
from monitor.dashboard.drawing import WIDTH, draw, on_paper
from monitor.dashboard.pages import TopicPage, topic_page
from monitor.dashboard.selection import PageError, Selection
from monitor.dashboard.topic_data import gather_topic
from monitor.errors import UsageError
from monitor.topic import Topic

Kind = Literal["html", "pdf", "png"]
KINDS: tuple[Kind, ...] = ("html", "pdf", "png")
_LINE = 110  # characters of a title before it wraps


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart in a document; `picture` is a data address, empty where nothing may be drawn."""

    block: Block
    picture: str


def make_report(board: Dashboard, topic: Topic, selection: Selection, kind: Kind) -> bytes:
    """Makes a report of the selected days.

    Raises:
        UsageError: There is nothing to report in these days.
        MonitorError: A chart could not be drawn.
    """
    try:
        page = topic_page(gather_topic(board, topic, selection), board.clock())
    except PageError as error:
        raise UsageError(str(error), hint=error.hint) from error
    if page.volume is None:
        raise UsageError(
            f"there is nothing to report about {topic.name} in these days",
            hint="`monitor status` tells what is stored and counted",
        )
    if kind == "html":
        return _html(board, page)
    return draw(_sheet(board, page), kind)


def _html(board: Dashboard, page: TopicPage) -> bytes:
    """Charts stand in it as pictures, so that it opens anywhere and runs nothing."""
    drawn = [Drawn(block, _picture(block)) for block in blocks_of(page)]
    made = words.moment(board.clock(), page.topic.timezone)
    template = board.templates.get_template("report.html")
    text = template.render(page=page, drawn=drawn, told=told_below(page), made=made)
    return text.encode()


def _picture(block: Block) -> str:
    if block.spec is None or block.is_preview:
        return ""
    svg = draw(on_paper(block.spec, block.label, ""), "svg")
    return f"data:image/svg+xml;base64,{b64encode(svg).decode()}"


def _sheet(board: Dashboard, page: TopicPage) -> Spec:
    """One sheet: what is said in a sentence on top, then every chart with its notes."""
    shown = [block for block in blocks_of(page) if block.spec is not None and not block.is_preview]
    if not shown:
        raise UsageError(
            f"nothing about {page.topic.name} in these days may be drawn: all of it is withheld",
            hint="a name that ends in .html tells why, in words",
        )
    head = [
        page.answer or "No share is shown yet: people have to check more posts.",
        told_below(page),
    ]
    if page.events:
        head.append("Numbers: " + "; ".join(f"{e.number} {e.title}" for e in page.events) + ".")
    made = f"Made {words.moment(board.clock(), page.topic.timezone)}."
    lines = [line for text in (*head, made) for line in textwrap.wrap(text, _LINE)]
    title = {"text": page.topic.title, "subtitle": lines, "anchor": "start", "fontSize": 22}
    title |= {"subtitleFontSize": 14, "subtitleLineHeight": 19, "subtitlePadding": 8, "offset": 24}
    parts = [_part(block) for block in shown]
    whole: Spec = {
        "$schema": shown[0].spec["$schema"] if shown[0].spec else "",
        "config": on_paper(shown[0].spec, "", "")["config"] if shown[0].spec else {},
        "background": "#ffffff",
        "padding": 28,
        "spacing": 46,
        "title": title,
        "params": shown[0].spec["params"] if shown[0].spec else [],
        "vconcat": parts,
        "resolve": {"scale": dict.fromkeys(_CHANNELS, "independent")},
    }
    whole["config"].pop("autosize", None)
    return whole


_CHANNELS = ("color", "shape", "fill", "stroke", "opacity", "y")


def _part(block: Block) -> dict[str, Any]:
    """A chart inside the sheet: with its data in it, as the sheet's names would clash."""
    spec = on_paper(block.spec or {}, block.label, "")
    data = spec.pop("datasets")
    told = (*(f"Change point, {one}" for one in block.turns), *block.notes)
    notes = [line for note in told for line in textwrap.wrap(note, _LINE)]
    for name in ("$schema", "config", "params", "padding", "background", "autosize"):
        spec.pop(name, None)
    text = json.dumps(spec, ensure_ascii=False).replace("0.8 * width *", f"0.8 * {WIDTH} *")
    for name, rows in data.items():
        values = json.dumps({"values": rows}, ensure_ascii=False)
        text = text.replace(json.dumps({"name": name}), values)
    part: dict[str, Any] = json.loads(text)
    part["title"]["subtitle"] = notes
    return part
