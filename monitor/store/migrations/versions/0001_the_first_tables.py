"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    _create_aggregates()
    _create_audit_log()
    _create_checkpoints()
    _create_coverage()
    _create_days()
    _create_job_runs()
    _create_leases()
    _create_model_versions()
    _create_posts()
    _create_rejections()
    _create_shown_versions()
    _create_targets()
    _create_tombstones()
    _create_labels()
    _create_predictions()


def _create_aggregates() -> None:
    op.create_table(
        "aggregates",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("reposts", sa.Integer(), nullable=False),
        sa.Column("authors", sa.Integer(), nullable=False),
        sa.Column("authors_sketch", sa.LargeBinary(), nullable=False),
        sa.Column("label_counts", sa.JSON(), nullable=False),
        sa.Column("soft_sums", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint(
            "topic",
            "day",
            "platform",
            "cohort",
            "language",
            "head",
            "target",
            "version",
            name="pk_aggregates",
        ),
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        sqlite_autoincrement=True,
    )


def _create_checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "source", name="pk_checkpoints"),
    )


def _create_coverage() -> None:
    op.create_table(
        "coverage",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "source", "start_at", "end_at", name="pk_coverage"),
    )


def _create_days() -> None:
    op.create_table(
        "days",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("aggregated", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "day", name="pk_days"),
    )


def _create_job_runs() -> None:
    op.create_table(
        "job_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_runs_job", "job_runs", ["job", "id"])


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _create_model_versions() -> None:
    op.create_table(
        "model_versions",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "version", name="pk_model_versions"),
    )


def _create_posts() -> None:
    op.create_table(
        "posts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("native_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_digest", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("withheld_in", sa.String(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_posts_author",
        "posts",
        ["topic", "platform", "author"],
        sqlite_where=sa.text("author IS NOT NULL"),
        postgresql_where=sa.text("author IS NOT NULL"),
    )
    op.create_index("ix_posts_created", "posts", ["topic", "created_at"])
    op.create_index("ix_posts_day", "posts", ["topic", "day"])
    op.create_index("ix_posts_digest", "posts", ["topic", "text_digest"])
    op.create_index(
        "ix_posts_repost",
        "posts",
        ["topic", "platform", "reference"],
        sqlite_where=sa.text("kind = 'repost'"),
        postgresql_where=sa.text("kind = 'repost'"),
    )
    op.create_index("ix_posts_source", "posts", ["topic", "source", "created_at"])
    op.create_index("uq_posts_native", "posts", ["topic", "platform", "native_id"], unique=True)


def _create_rejections() -> None:
    op.create_table(
        "rejections",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "source", "place", name="pk_rejections"),
    )


def _create_shown_versions() -> None:
    op.create_table(
        "shown_versions",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_shown_versions"),
    )


def _create_targets() -> None:
    op.create_table(
        "targets",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "name", name="pk_targets"),
    )


def _create_tombstones() -> None:
    op.create_table(
        "tombstones",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "digest", name="pk_tombstones"),
    )


def _create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("annotator", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("sample", sa.String(), nullable=False),
        sa.Column("labelled_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name="fk_labels_post_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "head", "target", "annotator", name="pk_labels"),
    )


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("scores", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name="fk_predictions_post_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", "version", "head", "target", name="pk_predictions"),
        sqlite_with_rowid=False,
    )
