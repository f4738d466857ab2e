"""What the store takes and gives: plain values, nothing of the database in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from collectors.post import CoverageStatus, Kind

VOLUME = "volume"
"""The pseudo-head whose cells count every stored post; its target and version are empty."""

SAMPLE_SOURCE = "sample"
"""The source of the bundled sample posts."""

OTHER_TERMS = "other_terms"
"""Why coverage is not complete that is of before the source was asked for this."""

LabelSample = Literal["random", "active", "other"]
RunStatus = Literal["running", "ok", "failed", "stopped"]
FinishedStatus = Literal["ok", "failed", "stopped"]
Question = tuple[str, str]
"""A head and the target's name it is asked about, empty where the head takes none."""


FORMER = ": "
"""Stands between a target's name and its former text; no name has a colon."""


def with_text(target: str, text: str) -> str:
    """The target under which is kept what belongs to a former text."""
    return f"{target}{FORMER}{text}"


def text_of(target: str, texts: Mapping[str, str]) -> str:
    """The text behind a target: its former one, if it is kept under that; empty for no target."""
    _, _, former = target.partition(FORMER)
    return former or texts.get(target, "")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer about one post.

    Attributes:
        text_digest: Of the text that was scored; a post edited meanwhile takes no answer.
        scores: Calibrated probabilities in 1/10,000, in the order of the head's labels.
    """

    post_id: int
    text_digest: str
    head: str
    target: str
    label: str
    scores: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PendingPost:
    """A post that lacks an answer."""

    id: int
    text: str
    text_digest: str


@dataclass(frozen=True, slots=True)
class DayPrediction:
    """One version's answer as aggregation reads it."""

    head: str
    target: str
    version: str
    label: str
    scores: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DayPost:
    """A post of one day as aggregation reads it.

    Attributes:
        author: Pseudonym, None where unknown or purged.
        text: Empty where it is gone.
        is_purged: Whether retention has taken its author, and its text.
    """

    id: int
    platform: str
    cohort: str
    language: str
    kind: Kind
    author: str | None
    predictions: tuple[DayPrediction, ...]
    text: str = field(default="", repr=False)
    is_purged: bool = False


@dataclass(frozen=True, slots=True)
class DirtyDay:
    """A day whose figures are older than its posts; `revision` says which state was seen."""

    day: date
    revision: int


@dataclass(frozen=True, slots=True)
class DayTotal:
    """How many of a day's opinions a version has answered; under `VOLUME`, how many there are."""

    day: date
    head: str
    target: str
    version: str
    posts: int


@dataclass(frozen=True, slots=True)
class DailyAggregate:
    """Additive counts of one cell.

    Attributes:
        head: A head, or `volume`, which counts every stored post.
        posts: Scored opinions (for `volume`: all opinions).
        reposts: Repetitions; 0 but for `volume`.
        authors: Distinct authors of the opinions that are counted.
        authors_sketch: The same as a sketch that can be merged.
        label_counts: Opinions by their most probable label.
        soft_sums: Sums of the probabilities of each label, in 1/10,000.
        units: The same counted by another unit: by `authors`, of whom each has one voice spread
            over what they wrote, or by `texts`, of whose copies only the first counts. Each with
            its `count`, the `labels` and `soft` sums in 1/10,000, and how many `posts` by how many
            known `authors` are `apart`: count otherwise than by posts.
    """

    topic: str
    day: date
    platform: str
    cohort: str
    language: str
    head: str
    target: str
    version: str
    posts: int
    reposts: int
    authors: int
    authors_sketch: bytes
    label_counts: Mapping[str, int]
    soft_sums: Mapping[str, int]
    units: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def completes(self, earlier: DailyAggregate) -> bool:
        """Whether it counts the same, and tells of more units than an earlier count did."""
        if replace(earlier, units=self.units) != self:
            return False
        return all(
            unit.items() <= self.units.get(name, {}).items() for name, unit in earlier.units.items()
        )

    def tells_as(self, other: DailyAggregate | None) -> bool:
        """Whether both count the same of opinions; None has none."""
        return replace(other, reposts=self.reposts) == self if other else self.posts == 0


@dataclass(frozen=True, slots=True)
class CellKey:
    """Which cell of a day: an aggregate's key without topic and day."""

    platform: str
    cohort: str
    language: str
    head: str
    target: str
    version: str


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """A person's answer about one post.

    Attributes:
        platform: None where the label file does not tell it.
        at: When it was given, None for now.
        decides: Whether it settles what annotators disagreed about.
        text_digest: Of the text that was read, None where the label file does not tell it; a post
            edited meanwhile takes no label.
    """

    native_id: str
    platform: str | None
    head: str
    target: str
    label: str
    annotator: str
    sample: LabelSample
    at: datetime | None = None
    decides: bool = False
    text_digest: str | None = None


@dataclass(frozen=True, slots=True)
class LabelOutcome:
    """What became of labels: every one in exactly one of the counts.

    Attributes:
        unknown_post: Labels whose post is not stored, or whose id alone fits several posts.
        edited_post: Labels about a text that their post no longer has.
    """

    stored: int = 0
    repeated: int = 0
    changed: int = 0
    unknown_post: int = 0
    edited_post: int = 0


@dataclass(frozen=True, slots=True)
class AuditLabel:
    """What people and one version said of a randomly drawn post; not which post."""

    platform: str
    day: date
    cohort: str
    language: str
    truth: str
    predicted: str
    scores: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelledPost:
    """A post with the people's answer to one question, to train on.

    Attributes:
        author: Pseudonym, None where unknown or purged.
        labelled_at: When the answer was last given.
        annotators: Who gave this answer.
    """

    native_id: str
    platform: str
    post_id: int
    text: str
    text_digest: str
    head: str
    target: str
    label: str
    sample: LabelSample
    day: date
    cohort: str
    language: str
    author: str | None
    labelled_at: datetime
    annotators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredPost:
    """A post about which somebody has answered a question.

    Attributes:
        target: The target's text; empty where the head takes none.
    """

    native_id: str
    platform: str
    head: str
    target: str


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """One annotator's answer about one post, as it is stored.

    Attributes:
        decides: Whether it settles what annotators disagreed about.
    """

    topic: str
    day: date
    platform: str
    native_id: str
    head: str
    target: str
    label: str
    annotator: str
    sample: LabelSample
    labelled_at: datetime
    decides: bool


@dataclass(frozen=True, slots=True)
class UnlabelledPost:
    """A post drawn for people to label.

    Attributes:
        sample: How it was chosen.
    """

    native_id: str
    platform: str
    text: str
    text_digest: str
    sample: LabelSample = "random"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An unlabelled post that might be worth labelling, with a version's answers about it.

    Attributes:
        scores: By question, in 1/10,000, in the order of the head's labels.
    """

    post_id: int
    text: str = field(repr=False)
    text_digest: str
    scores: Mapping[Question, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A post that annotators answered differently, and that nobody has settled.

    Attributes:
        given: Each annotator's label.
    """

    post_id: int
    native_id: str
    platform: str
    text_digest: str
    head: str
    target: str
    sample: LabelSample
    given: Mapping[str, str]

    @property
    def is_even(self) -> bool:
        """Whether no label was given most often, so that the post counts for nothing."""
        ranked = Counter(self.given.values()).most_common(2)
        return ranked[0][1] == ranked[1][1]


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """How much of [start, end) a source delivered.

    Attributes:
        reason: Why it is not complete, empty where it is.
        backfilled: Whether this was asked for later, by a backfill.
    """

    source: str
    start: datetime
    end: datetime
    status: CoverageStatus
    reason: str
    backfilled: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """On whose behalf a page was fetched.

    Attributes:
        checkpoint: The name that its checkpoint is kept under, empty for the source's own.
        backfill: Whether its coverage is that of a backfill.
        keep_unmet: How long a demand to remove what is not here is remembered; None: for ever.
        is_live: Whether a platform was asked for what happens now, and nothing later is covered.
    """

    checkpoint: str = ""
    backfill: bool = False
    keep_unmet: timedelta | None = None
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """Opinions of some time, and their distinct authors (those that are known)."""

    posts: int
    authors: int


@dataclass(frozen=True, slots=True)
class SourceState:
    """How far a source has come for a topic.

    Attributes:
        last_post_at: When its newest post was posted.
        checkpoint_at: When its last page was stored.
        rejections: Counted rejections by reason.
    """

    source: str
    posts: int
    last_post_at: datetime | None
    checkpoint_at: datetime | None
    rejections: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job; `finished_at` is None while it runs (or when it was killed)."""

    id: int
    job: str
    topic: str
    started_at: datetime
    finished_at: datetime | None
    status: RunStatus
    counts: Mapping[str, int]
    error: str


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may act for a name, and until when."""

    holder: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RecordedVersion:
    """A model version as it was when it was recorded."""

    topic: str
    version: str
    stage: str
    metrics: Mapping[str, Any]
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """How often somebody looked at something on one day (UTC)."""

    day: date
    actor: str
    what: str
    topic: str
    times: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the audit log."""

    at: datetime
    actor: str
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SeriesSwitch:
    """When a version's series of figures was first shown."""

    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted as it comes and goes: see `Totals`."""

    posts: int
    labels: int
    rejections: int
    dirty_days: int


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is stored for a topic.

    Attributes:
        posts: All of them, reposts included.
        purged: Posts whose text and author are gone by retention.
        dirty_days: Days whose figures are still to be rebuilt.
    """

    posts: int
    reposts: int
    purged: int
    predictions: int
    labels: int
    rejections: int
    dirty_days: int
