"""What a collector hands over: posts, and the pages and checkpoints they come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Kind = Literal["original", "reply", "quote", "repost"]
KINDS: tuple[Kind, ...] = ("original", "reply", "quote", "repost")
ASSUMED_AUTHOR = "post:"
"""Begins the author of a post that nobody told the author of, taken to be by somebody else than
all others; the post's id follows."""


@dataclass(frozen=True, slots=True)
class Post:
    """One public post as its platform delivered it; lives in memory only.

    Attributes:
        platform: Where it was posted (`x`, `mastodon`, …), lower case.
        native_id: The platform's id for it. For a platform that gives every edit an id of its
            own (X), the first id of the edit history.
        created_at: When it was posted, aware UTC.
        text: Its whole text. For a repost the original's text where the platform tells it.
        language: Primary BCP 47 subtag in lower case, None where unknown.
        author: The platform's author id, never stored as it is. None where unknown.
        self_description: What the author says of themselves, never stored.
        kind: `original`, `reply`, `quote` or `repost`.
        reference: Native id of the post that it answers, quotes or repeats.
        revision: Grows with every edit; of two deliveries the higher one is kept.
        withheld_in: Country codes in which the platform withholds it.
    """

    platform: str
    native_id: str
    created_at: datetime
    text: str
    language: str | None = None
    author: str | None = None
    self_description: str | None = None
    kind: Kind = "original"
    reference: str | None = None
    revision: int = 0
    withheld_in: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.created_at.utcoffset() is None:
            raise ValueError(f"created_at of {self.platform} post has no offset")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not become a post: counted, never silently dropped.

    Attributes:
        reason: A fixed word (`bad_json`, `missing_field`, `outside_window`, …).
        place: Where it stood, the same at every reading (`<file fingerprint>:17`): a second
            reading of the same record is the same rejection.
        detail: What was wrong, without any text of the record.
    """

    reason: str
    place: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A platform's (or a person's) demand to remove a post, all posts of an author, or both.

    A record whose id may be a post's or an author's sets both fields.

    Attributes:
        at: When the platform closed the author's account, aware UTC. Where it tells, the account
            may be opened again; without it a demand holds for good.
        is_revoked: The platform has opened the account again, at that time.
        revision: Of the edit that took the post out of what was asked for: it holds for this and
            earlier ones. Without it a post is removed in every revision.
    """

    platform: str
    native_id: str | None = None
    author: str | None = None
    reason: str = "deleted"
    at: datetime | None = None
    is_revoked: bool = False
    revision: int | None = None


CoverageStatus = Literal["complete", "partial", "gap"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was asked of a source for [start, end), aware UTC, and whether all of it came back."""

    start: datetime
    end: datetime
    status: CoverageStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The time [start, end) that a collector is asked for, aware UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a collector goes on; only the collector that made it reads `state`.

    Attributes:
        state: JSON-serialisable.
    """

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One step of a collection, stored in one transaction together with its checkpoint.

    Attributes:
        checkpoint: True once everything else on this page is stored.
        reads: Posts that the platform bills for this page; counted in the same transaction.
        earlier: The most that what its source covered before still counts as: `partial` where
            more is asked from this page on, `gap` where something else is.
    """

    checkpoint: Checkpoint
    posts: tuple[Post, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    reads: int = 0
    earlier: CoverageStatus = "complete"


class Collector(Protocol):
    """A source of posts.

    `source` names it in checkpoints, job names and coverage (`x`, `file`, `sample`).
    """

    @property
    def source(self) -> str:
        """Its name."""
        ...

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields pages lazily, oldest unseen work first.

        Args:
            since: The checkpoint of the last stored page, None for a first run.
            window: The time asked for. Posts outside it may be handed over; the caller
                counts them as rejections.

        Raises:
            CollectorError: The source cannot be read (further).
        """
        ...
