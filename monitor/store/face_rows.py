"""The tables of those who look at the pages: users, their labels' marks, tasks, incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Text
from sqlmodel import Field

from monitor.store.rows import Row, UtcDateTime


class UserRow(Row, table=True):
    """Somebody who may log in."""

    __tablename__ = "users"

    name: str = Field(primary_key=True)
    role: str
    password_hash: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class SessionRow(Row, table=True):
    """A login that has not ended; the cookie's secret itself is not kept."""

    __tablename__ = "sessions"

    digest: str = Field(primary_key=True)
    user_name: str = Field(foreign_key="users.name", ondelete="CASCADE", index=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)


class ApiTokenRow(Row, table=True):
    """A program's right to ask; the token itself is not kept."""

    __tablename__ = "api_tokens"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    label: str
    role: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class LabelMarkRow(Row, table=True):
    """What an annotator said of a post or a question instead of a label."""

    __tablename__ = "label_marks"

    post_id: int = Field(primary_key=True, foreign_key="posts.id", ondelete="CASCADE")
    head: str = Field(primary_key=True)
    target: str = Field(primary_key=True)
    annotator: str = Field(primary_key=True)
    mark: str
    marked_at: datetime = Field(sa_type=UtcDateTime)


class TaskRow(Row, table=True):
    """A long piece of work that somebody asked for."""

    __tablename__ = "tasks"
    __table_args__ = (Index("ix_tasks_status", "status", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    topic: str
    arguments: dict[str, Any] = Field(sa_type=JSON)
    requested_by: str
    requested_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seen_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: str
    stage: str
    part: float
    stop_requested: bool
    outcome: str = Field(sa_type=Text)
    attempts: int = Field(sa_column_kwargs={"server_default": "0"})


class IncidentRow(Row, table=True):
    """A time in which an alert rule held, and which messages about it have gone out."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_rule", "topic", "rule", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    topic: str
    rule: str
    kind: str
    started_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    message: str = Field(sa_type=Text)
    end_message: str = Field(sa_type=Text)
    told_start: bool
    told_end: bool
    attempts: int
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class AlertRuleRow(Row, table=True):
    """An alert rule that was made on a page; `settings` holds its keys besides name and kind."""

    __tablename__ = "alert_rules"

    topic: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    kind: str
    settings: dict[str, Any] = Field(sa_type=JSON)
    enabled: bool
    changed_by: str
    changed_at: datetime = Field(sa_type=UtcDateTime)


USERS = Row.metadata.tables["users"]
SESSIONS = Row.metadata.tables["sessions"]
API_TOKENS = Row.metadata.tables["api_tokens"]
LABEL_MARKS = Row.metadata.tables["label_marks"]
TASKS = Row.metadata.tables["tasks"]
INCIDENTS = Row.metadata.tables["incidents"]
ALERT_RULES = Row.metadata.tables["alert_rules"]
