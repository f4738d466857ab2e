"""What the API answers with; its OpenAPI document is made from these."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from collectors.languages import canonicals
from monitor.shares.rollup import Unit
from monitor.topic import Topic

Item = TypeVar("Item")
LARGEST_PAGE = 5000
_LAST_OFFSET = 10**9
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _only_iso(value: Any) -> Any:
    """Refuses what pydantic would take for seconds since 1970."""
    if isinstance(value, str) and not _ISO_DAY.fullmatch(value):
        raise ValueError("a day is written year-month-day, for example 2020-06-01")
    return value


Day = Annotated[date, BeforeValidator(_only_iso)]
Dimension = Literal["platform", "cohort", "language"]


class Problem(BaseModel):
    """Why a request has no answer.

    Attributes:
        hint: What to do next, maybe empty.
    """

    status: int
    error: str
    hint: str


class Listed(BaseModel, Generic[Item]):
    """Part of a list.

    Attributes:
        total: How many items there are in all.
        next: Address of the following part, None on the last one.
    """

    items: list[Item]
    total: int
    next: str | None


class NoPart(BaseModel):
    """What is told whole takes no parameters."""

    model_config = ConfigDict(extra="forbid")


class Part(BaseModel):
    """Which part of a list is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(500, ge=1, le=LARGEST_PAGE, description="How many items at most.")
    offset: int = Field(0, ge=0, le=_LAST_OFFSET, description="How many items to leave out first.")

    def cut(self, found: Sequence[Item], address: str) -> Listed[Item]:
        """Returns this part of a list; `address` is that of the request, without its query."""
        end = self.offset + self.limit
        following = f"{address}?{self._following(end)}" if end < len(found) else None
        return Listed(items=list(found[self.offset : end]), total=len(found), next=following)

    def _following(self, offset: int) -> str:
        asked = self.model_dump(mode="json", exclude_defaults=True) | {
            "limit": self.limit,
            "offset": offset,
        }
        parts = [
            (name, one)
            for name, value in asked.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        return "&".join(f"{name}={str(one).lower()}" for name, one in parts)


class DaysPart(Part):
    """Days [since, until), split or not."""

    since: Day | None = Field(None, description="First day.")
    until: Day | None = Field(None, description="First day left out.")
    by: list[Dimension] = Field(
        [],
        max_length=3,
        json_schema_extra={"uniqueItems": True},
        description="Dimensions to split by, each at most once.",
    )


class ChangesPart(DaysPart):
    """Which changes are asked for."""

    unit: Unit = Field(
        "posts",
        description="What shares are of: posts, authors (one voice each a day), or texts (copies "
        "counted once).",
    )


class FiguresPart(ChangesPart):
    """Which figures are asked for."""

    include_unvalidated: bool = Field(
        False, description="Whether figures that nobody has validated carry their raw share."
    )


AskedPart = Annotated[Part, Query()]
AskedWhole = Annotated[NoPart, Query()]
AskedDays = Annotated[DaysPart, Query()]
AskedChanges = Annotated[ChangesPart, Query()]
AskedFigures = Annotated[FiguresPart, Query()]


class TargetModel(BaseModel):
    """What stance is asked towards."""

    name: str
    text: str


class EventModel(BaseModel):
    """A dated event of the topic."""

    at: datetime
    title: str


class TopicModel(BaseModel):
    """What is watched; `end` is the first day left out."""

    name: str
    title: str
    timezone: str
    start: date
    end: date
    languages: list[str]
    targets: list[TargetModel]
    cohorts: list[str]
    events: list[EventModel]
    minimum_authors: int


class SwitchModel(BaseModel):
    """When the figures became those of a version."""

    version: str
    at: datetime


class SeriesModel(BaseModel):
    """Which version the figures are of.

    Attributes:
        version: That one; the `version` of a figure says where an earlier one tells of the day.
        champion: The version that posts are scored with. If it is another, the figures become its
            own, all at once, when it has answered all posts whose texts are still there.
        waiting: Posts that it has not answered yet.
        switches: When the figures became those of a version, newest first.
    """

    version: str | None
    champion: str | None
    waiting: int
    switches: list[SwitchModel]


class VersionModel(BaseModel):
    """A recorded model version; `shown` tells whether the figures are its own."""

    version: str
    stage: str
    recorded_at: datetime
    metrics: dict[str, Any]
    shown: bool


def topic_model(topic: Topic) -> TopicModel:
    """Returns what may be told of a topic; the cohorts' patterns stay here."""
    return TopicModel(
        name=topic.name,
        title=topic.title,
        timezone=topic.timezone.key,
        start=topic.start,
        end=topic.end,
        languages=list(canonicals(topic.languages)),
        targets=[TargetModel(name=one.name, text=one.text) for one in topic.targets],
        cohorts=[one.name for one in topic.cohorts],
        events=[EventModel(at=one.at, title=one.title) for one in topic.events],
        minimum_authors=topic.minimum_authors,
    )
