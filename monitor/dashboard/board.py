"""What the routes answer from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monitor.dashboard import words
from monitor.dashboard.assets import asset_address
from monitor.dashboard.operations import smallest_group, told_run, told_source
from monitor.dashboard.selection import PageError, Selection
from monitor.dashboard.status import Health, check_health
from monitor.dashboard.truth import Truth
from monitor.dashboard.visitor import VISITOR
from monitor.figure import Figure, Volume
from monitor.figures import Figures
from monitor.settings import Settings
from monitor.shares.changes import Change
from monitor.store.queries import Queries
from monitor.store.values import JobRun, Lease, SourceState
from monitor.topic import Topic


@dataclass(frozen=True)
class Dashboard:
    """What the routes answer from: pages, figures and API read the same.

    Attributes:
        heartbeat: When the scheduler of this process was last heard of; None without one.
        lease: Who holds the daemons' lease.
        champion: The version that a topic's posts are scored with; None where it is not known.
    """

    topics: Mapping[str, Topic]
    figures: Figures
    queries: Queries
    settings: Settings
    clock: Callable[[], datetime]
    heartbeat: Callable[[], datetime | None]
    lease: Callable[[], Lease | None]
    champion: Callable[[str], str | None]
    truths: Mapping[str, Truth | None]
    templates: Environment

    def topic(self, name: str) -> Topic:
        """Returns a topic.

        Raises:
            PageError: There is none of that name.
        """
        try:
            return self.topics[name]
        except KeyError as exc:
            known = ", ".join(self.topics) or "none yet"
            raise PageError(
                404, f"There is no topic {name[:60]!r}.", hint=f"Topics: {known}."
            ) from exc

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Renders a template."""
        topics = list(self.topics.values())
        shared = {"topics": topics, "visitor": VISITOR.get()}
        body = self.templates.get_template(template).render(**shared, **values)
        return HTMLResponse(body, status_code=status)

    def released(self, topic: Topic, selection: Selection, by: Sequence[str]) -> Sequence[Figure]:
        """Gives the selected figures; every page, download and answer of the API asks here."""
        return self.figures.released(
            topic,
            since=selection.since,
            until=selection.until,
            by=by,
            unit=selection.unit,
            include_unvalidated=selection.preview,
        )

    def changes(self, topic: Topic, selection: Selection, by: Sequence[str]) -> Sequence[Change]:
        """Gives differences between days, and change points, of the selected days."""
        return self.figures.changes(
            topic, since=selection.since, until=selection.until, by=by, unit=selection.unit
        )

    def volumes(self, topic: Topic, selection: Selection, by: Sequence[str]) -> Sequence[Volume]:
        """Gives how much was said in the selected days."""
        return self.figures.volumes(topic, since=selection.since, until=selection.until, by=by)

    def sources(self, topic: Topic) -> list[SourceState]:
        """Tells how far each source has come, small numbers of posts left out."""
        return [told_source(one, topic.minimum_authors) for one in self.queries.sources(topic.name)]

    def runs(self, limit: int) -> list[JobRun]:
        """Gives the last runs of jobs, small numbers of posts left out."""
        found = self.queries.job_runs(limit)
        return [told_run(run, smallest_group(self.topics, run.topic)) for run in found]

    def health(self) -> Health:
        """Tells whether this process can do its work."""
        return check_health(
            self.queries, self.settings, now=self.clock(), heartbeat=self.heartbeat()
        )


def page_templates() -> Environment:
    """Returns the templates; whatever they are given is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Charts carry their figures as JSON; spaces and escapes were a fifth of a page.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    environment.globals["asset"] = asset_address
    environment.filters["number"] = words.number
    return environment
