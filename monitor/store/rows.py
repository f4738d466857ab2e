"""The tables.

Statements are written against the `Table` objects at the end of this file: everything that is
stored comes in bulk, and table classes skip validation.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """Takes and gives aware UTC datetimes on both databases; SQLite itself knows no offset."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turns an aware datetime into what the database keeps."""
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a datetime without an offset cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives back the same moment, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Row(SQLModel):
    """What all tables share: their metadata with predictable constraint names."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def _partial_index(name: str, column: str, condition: str) -> Index:
    """An index on (topic, platform, column) of those posts that can be sought by it.

    Narrow on purpose: PostgreSQL, before it has statistics, would else seek native ids with it.
    """
    where = text(condition)
    return Index(name, "topic", "platform", column, sqlite_where=where, postgresql_where=where)


class PostRow(Row, table=True):
    """A post as one topic keeps it."""

    __tablename__ = "posts"
    __table_args__ = (
        Index("uq_posts_native", "topic", "platform", "native_id", unique=True),
        Index("ix_posts_day", "topic", "day"),
        Index("ix_posts_created", "topic", "created_at"),
        Index("ix_posts_digest", "topic", "text_digest"),
        Index("ix_posts_source", "topic", "source", "created_at"),
        _partial_index("ix_posts_author", "author", "author IS NOT NULL"),
        _partial_index("ix_posts_repost", "reference", "kind = 'repost'"),
        # An id is never given twice: a late answer about a removed post must find nothing.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    topic: str
    source: str
    platform: str
    native_id: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    day: date
    text: str = Field(sa_type=Text)
    text_digest: str
    language: str
    cohort: str
    kind: str
    reference: str | None
    author: str | None
    revision: int = Field(sa_type=BigInteger)
    withheld_in: str
    stored_at: datetime = Field(sa_type=UtcDateTime)
    purged_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TombstoneRow(Row, table=True):
    """A removal to be obeyed; a digest says whose, the id itself is not kept.

    It holds for ever where `kept_until` is empty. A stream of all the platform's deletions is
    mostly about posts that never were here: those are kept until then only. Accounts that a
    platform closed it may open again (`monitor.store.reinstatements`), and what an edit took out of
    the topic a later one may bring back (`monitor.store.withdrawals`). What a person asked for is
    also kept for `EVERY_TOPIC`.
    """

    __tablename__ = "tombstones"
    __table_args__ = (
        Index(
            "ix_tombstones_kept_until",
            "kept_until",
            sqlite_where=text("kept_until IS NOT NULL"),
            postgresql_where=text("kept_until IS NOT NULL"),
        ),
    )

    topic: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    reason: str
    removed_at: datetime = Field(sa_type=UtcDateTime)
    kept_until: datetime | None = Field(default=None, sa_type=UtcDateTime)


class TallyRow(Row, table=True):
    """How many posts, or rejections of a reason, a source has."""

    __tablename__ = "tallies"

    topic: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)


class RejectionRow(Row, table=True):
    """A record that could not become a post."""

    __tablename__ = "rejections"

    topic: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    reason: str
    detail: str
    rejected_at: datetime = Field(sa_type=UtcDateTime)


class CoverageRow(Row, table=True):
    """What a source was asked for, and whether it all came; a source's spans do not overlap."""

    __tablename__ = "coverage"

    topic: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    start_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    end_at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    status: str
    reason: str
    backfilled: bool


class CheckpointRow(Row, table=True):
    """Where a collector goes on.

    Of a backfill, or a check for deletions, `source` is `backfill:<source>:…` or
    `compliance:<source>`: they never move the checkpoint of live collection. What else goes by
    a name with a colon is no source's either: `alert:<rule>` keeps what its last incident is about.
    """

    __tablename__ = "checkpoints"

    topic: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    state: dict[str, Any] = Field(sa_type=JSON)
    saved_at: datetime = Field(sa_type=UtcDateTime)


class ReadsRow(Row, table=True):
    """How many posts a platform has billed in a month (its first day, UTC), all topics together."""

    __tablename__ = "reads"

    source: str = Field(primary_key=True)
    month: date = Field(primary_key=True)
    posts: int = Field(sa_type=BigInteger)


class PredictionRow(Row, table=True):
    """One version's answer to one question about one post."""

    __tablename__ = "predictions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE")
    version: str = Field(primary_key=True)
    head: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    label: str
    scores: str
    """In 1/10,000, comma-separated."""


class ScoringRow(Row, table=True):
    """Whose answers the topic's posts in `unscored` lack."""

    __tablename__ = "scoring"

    topic: str = Field(primary_key=True)
    version: str
    questions: list[list[str]] = Field(sa_type=JSON)
    languages: list[str] = Field(sa_type=JSON)


class UnscoredRow(Row, table=True):
    """A post that lacks an answer of its topic's `scoring`; all of them, and no other."""

    __tablename__ = "unscored"
    __table_args__ = (
        Index("ix_unscored_created", "topic", "created_at"),
        Index(
            "ix_unscored_claimed",
            "topic",
            "claimed_by",
            sqlite_where=text("claimed_by IS NOT NULL"),
            postgresql_where=text("claimed_by IS NOT NULL"),
        ),
    )

    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE")
    topic: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    native_id: str
    claimed_by: str | None = None
    """Who is scoring it ..."""
    claimed_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """... and when others may."""


class LabelRow(Row, table=True):
    """One annotator's answer to one question about one post."""

    __tablename__ = "labels"

    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE")
    head: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    annotator: str = Field(primary_key=True)
    label: str
    sample: str
    labelled_at: datetime = Field(sa_type=UtcDateTime)
    decides: bool = Field(sa_column_kwargs={"server_default": false()})


class RemovedAnswerRow(Row, table=True):
    """What people and one version said of an audited post that has gone, see `audit.py`.

    Of its author there is a digest of the pseudonym, of one who was erased a random one.
    """

    __tablename__ = "removed_answers"
    __table_args__ = (
        Index("ix_removed_answers_topic", "topic", "version"),
        # The newest id tells whether something has come: see `stamp.py`.
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    topic: str
    version: str
    head: str
    target: str
    day: date
    platform: str
    cohort: str
    language: str
    truth: str
    predicted: str
    scores: str
    author: str | None = None


class ChosenPostRow(Row, table=True):
    """A post that a model version would learn much from, in the order of asking."""

    __tablename__ = "chosen_posts"

    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE")
    topic: str = Field(index=True)
    place: int
    reason: str
    version: str
    chosen_at: datetime = Field(sa_type=UtcDateTime)


class TargetRow(Row, table=True):
    """The text that a target's predictions were asked with."""

    __tablename__ = "targets"

    topic: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    text: str


class DayRow(Row, table=True):
    """A day's two clocks: it is dirty while `revision` is ahead of `aggregated`.

    The row stays, so that a revision never comes twice and an old reading never looks new.
    """

    __tablename__ = "days"

    topic: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    revision: int
    aggregated: int


class AggregateRow(Row, table=True):
    """Additive counts of one cell of one day."""

    __tablename__ = "aggregates"

    topic: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    platform: str = Field(primary_key=True)
    cohort: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    head: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    posts: int
    reposts: int
    authors: int
    authors_sketch: bytes = Field(sa_type=LargeBinary)
    label_counts: dict[str, int] = Field(sa_type=JSON)
    soft_sums: dict[str, int] = Field(sa_type=JSON)
    units: dict[str, Any] = Field(sa_type=JSON)


class ReleaseRow(Row, table=True):
    """What was shown of a day's cells in one question (or of its volume), see `releases.py`."""

    __tablename__ = "releases"

    topic: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    head: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    revision: int
    content: bytes = Field(sa_type=LargeBinary)


class TrainingPostRow(Row, table=True):
    """A post that a model version was trained on; a digest, as tombstones hold it."""

    __tablename__ = "training_posts"

    topic: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)


class SealingRow(Row, table=True):
    """Which key a topic's post ids are sealed with, and since when all of them are."""

    __tablename__ = "sealings"

    topic: str = Field(primary_key=True)
    fingerprint: str
    sealed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AccessRow(Row, table=True):
    """How often somebody looked at something on one day (UTC)."""

    __tablename__ = "accesses"

    day: date = Field(primary_key=True)
    actor: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    times: int


class BudgetRow(Row, table=True):
    """How much of a topic's differential-privacy budget a day (UTC) has used, in 1/1,000,000."""

    __tablename__ = "privacy_budgets"

    topic: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    spent: int = Field(sa_type=BigInteger)


class ModelVersionRow(Row, table=True):
    """A model version as it was recorded."""

    __tablename__ = "model_versions"

    topic: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    stage: str
    metrics: dict[str, Any] = Field(sa_type=JSON)
    recorded_at: datetime = Field(sa_type=UtcDateTime)


class ShownVersionRow(Row, table=True):
    """A version whose figures a topic shows, or once showed: the one of the highest turn does."""

    __tablename__ = "shown_versions"

    topic: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    turn: int


class JobRunRow(Row, table=True):
    """One run of a job."""

    __tablename__ = "job_runs"
    __table_args__ = (Index("ix_job_runs_job", "job", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    job: str
    topic: str
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: str
    counts: dict[str, int] = Field(sa_type=JSON)
    error: str


class LeaseRow(Row, table=True):
    """Who may act for a name, and until when."""

    __tablename__ = "leases"

    name: str = Field(primary_key=True)
    holder: str
    expires_at: datetime = Field(sa_type=UtcDateTime)


class AuditLogRow(Row, table=True):
    """What somebody did to the data."""

    __tablename__ = "audit_log"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    logged_at: datetime = Field(sa_type=UtcDateTime)
    actor: str
    action: str
    details: dict[str, Any] = Field(sa_type=JSON)


def _table(row: type[Row]) -> Table:
    return Row.metadata.tables[str(row.__tablename__)]


POSTS = _table(PostRow)
TOMBSTONES = _table(TombstoneRow)
REJECTIONS = _table(RejectionRow)
TALLIES = _table(TallyRow)
COVERAGE = _table(CoverageRow)
CHECKPOINTS = _table(CheckpointRow)
READS = _table(ReadsRow)
PREDICTIONS = _table(PredictionRow)
SCORING = _table(ScoringRow)
UNSCORED = _table(UnscoredRow)
LABELS = _table(LabelRow)
REMOVED_ANSWERS = _table(RemovedAnswerRow)
CHOSEN_POSTS = _table(ChosenPostRow)
TARGETS = _table(TargetRow)
DAYS = _table(DayRow)
AGGREGATES = _table(AggregateRow)
RELEASES = _table(ReleaseRow)
TRAINING_POSTS = _table(TrainingPostRow)
SEALINGS = _table(SealingRow)
ACCESSES = _table(AccessRow)
BUDGETS = _table(BudgetRow)
MODEL_VERSIONS = _table(ModelVersionRow)
SHOWN_VERSIONS = _table(ShownVersionRow)
JOB_RUNS = _table(JobRunRow)
LEASES = _table(LeaseRow)
AUDIT_LOG = _table(AuditLogRow)
