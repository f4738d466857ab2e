"""The report that comes by itself: the last days as a picture, to whom alerts go."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import MonitorError
from monitor.observability import get_logger
from monitor.topic import Topic

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application


def send_report(app: Application, topic: Topic) -> Mapping[str, int]:
    """Sends the report of the last `report.days` whole days; nothing where none may be shown.

    Nor is one made where there is no address.

    Once as many days have passed since the topic's end it would be the same for ever: none is sent.

    Raises:
        MonitorError: Not every address that takes files has taken it, or is one.
    """
    today, days = topic.day_of(app.clock()), timedelta(days=app.settings.report.days)
    until = min(today, topic.end)
    since = max(until - days, topic.start)
    if since >= until or today >= topic.end + days:
        return {"sent": 0}
    volumes = app.figures.volumes(topic, since=since, until=until)
    if all(one.withheld for one in volumes):
        return {"sent": 0}
    teller = app.teller()
    if not teller.addresses:
        get_logger().warning("report_untold", topic=topic.name, error="no address")
        return {"sent": 0}
    if not teller.takers_of_files:
        teller.check()
        raise MonitorError(
            "no address in MONITOR_ALERTS_URLS takes a picture",
            hint="mail, Discord and Slack's bots do, webhooks of Slack and Teams do not: "
            "docs/alerts.md; `monitor report` makes one by hand",
        )
    # The charts load only where pages are made.
    report = importlib.import_module("monitor.dashboard.report")
    asked = importlib.import_module("monitor.dashboard.selection").Selection(
        since=since, until=until
    )
    picture = report.make_report(app.board(), topic, asked, "png")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{topic.name}-{until}.png"
        file.write_bytes(picture)
        text = f"{topic.title}: {since} to {until - timedelta(days=1)}. The picture is attached."
        is_taken = teller.tell(f"Report: {topic.title}", text, attachment=file)
    teller.check()
    if not is_taken:
        raise MonitorError(
            "the report was not taken by every address in MONITOR_ALERTS_URLS",
            hint="`monitor report` makes one by hand",
        )
    return {"sent": 1}
