"""What may be kept of a post: the values that go into the store, nothing of the author in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from collectors.post import Checkpoint, Coverage, CoverageStatus, Kind, Rejection

PlatformId = tuple[str, str]
"""A post's platform and its id there."""
ASSUMED = "-"
"""Begins the pseudonym of an author who is only assumed (`collectors.post.ASSUMED_AUTHOR`)."""

EVERY_TOPIC = ""
"""In a topic's place: what holds in all of them, also in those that are made later."""


class KeptPost(NamedTuple):
    """A post as it is stored for one topic; a tuple, for it is made and written by the million.

    Attributes:
        day: Its calendar day in the topic's time zone.
        text: Redacted text (mentions replaced).
        text_digest: Hex digest of `text`; equal texts have equal digests.
        language: Primary subtag, `und` where unknown.
        author: Keyed pseudonym (hex, behind `ASSUMED` where nobody has told who it was), None
            where the author is unknown.
        cohort: The topic's cohort of the author, `public` where none fits.
        withheld_in: Country codes, comma-separated.
    """

    platform: str
    native_id: str
    created_at: datetime
    day: date
    text: str
    text_digest: str
    language: str
    cohort: str
    kind: Kind
    reference: str | None
    author: str | None
    revision: int
    withheld_in: str


@dataclass(frozen=True, slots=True)
class KeptDeletion:
    """A removal: of one post by its native id, of all posts of a pseudonym, or both.

    Attributes:
        aliases: The same author's pseudonyms of other periods.
        mark: By which the author is recognised when the keys of today are gone.
        at, is_revoked, revision: As `collectors.post.Deletion`'s.
    """

    platform: str
    native_id: str | None
    author: str | None
    reason: str
    aliases: tuple[str, ...] = ()
    mark: str | None = None
    at: datetime | None = None
    is_revoked: bool = False
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class KeptPage:
    """What one transaction of the store takes: a `Page` after the pipeline's admission.

    Attributes:
        reads: Posts that the platform bills for it.
        earlier: As `collectors.post.Page`'s.
        reminders: Removals demanded earlier that posts of this page fall under, by the pseudonyms
            that their authors have now.
    """

    checkpoint: Checkpoint
    posts: tuple[KeptPost, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    deletions: tuple[KeptDeletion, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    reads: int = 0
    reminders: tuple[KeptDeletion, ...] = ()
    earlier: CoverageStatus = "complete"


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What became of a page: every post in exactly one of the first four counts.

    Attributes:
        stored: New posts.
        edited: Posts that replaced an earlier revision.
        repeated: Posts already stored (in this or a newer revision).
        refused: Posts not stored because their removal was demanded before, or because they are
            the bundled sample's and real ones are here.
        rejected: Rejections on the page.
        rejected_before: Of those, how many were counted at an earlier reading.
        deletions: Deletion records on the page.
        removed: Posts that the deletions took out of the store.
        sample_removed: Bundled sample posts that made way for real ones.
    """

    stored: int = 0
    edited: int = 0
    repeated: int = 0
    refused: int = 0
    rejected: int = 0
    rejected_before: int = 0
    deletions: int = 0
    removed: int = 0
    sample_removed: int = 0
