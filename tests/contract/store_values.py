"""Values to put into a store under test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from collectors.post import Checkpoint, Coverage, CoverageStatus, Rejection
from monitor.kept import KeptDeletion, KeptPage, KeptPost
from monitor.store.queries import Queries
from monitor.store.values import DailyAggregate, DayPost, HumanLabel, PendingPost, Prediction

NOW = datetime(2020, 6, 1, 12, tzinfo=UTC)
QUESTIONS = [("sentiment", ""), ("stance", "walkout")]


def post(native_id: str = "1", **changes: Any) -> KeptPost:
    text = changes.pop("text", f"an invented text, number {native_id}")
    created_at = changes.pop("created_at", NOW)
    values: dict[str, Any] = {
        "platform": "x",
        "native_id": native_id,
        "created_at": created_at,
        "day": created_at.date(),
        "text": text,
        "text_digest": blake2b(text.encode(errors="replace"), digest_size=16).hexdigest(),
        "language": "en",
        "cohort": "public",
        "kind": "original",
        "reference": None,
        "author": f"author-of-{native_id}",
        "revision": 0,
        "withheld_in": "",
    }
    return KeptPost(**(values | changes))


def repost(native_id: str, of: str, **changes: Any) -> KeptPost:
    return post(native_id, kind="repost", reference=of, **changes)


def page(
    *posts: KeptPost,
    rejections: Sequence[Rejection] = (),
    deletions: Sequence[KeptDeletion] = (),
    coverage: Sequence[Coverage] = (),
    state: Any = "somewhere",
    reminders: Sequence[KeptDeletion] = (),
    earlier: CoverageStatus = "complete",
) -> KeptPage:
    return KeptPage(
        Checkpoint({"at": state}),
        posts,
        tuple(rejections),
        tuple(deletions),
        tuple(coverage),
        reminders=tuple(reminders),
        earlier=earlier,
    )


def deletion(
    native_id: str | None = None, author: str | None = None, platform: str = "x"
) -> KeptDeletion:
    return KeptDeletion(platform, native_id, author, "deleted")


def label(native_id: str = "1", answer: str = "favor", **changes: Any) -> HumanLabel:
    values: dict[str, Any] = {
        "native_id": native_id,
        "platform": "x",
        "head": "stance",
        "target": "walkout",
        "label": answer,
        "annotator": "ann",
        "sample": "random",
    }
    return HumanLabel(**(values | changes))


def cell(topic: str, **changes: Any) -> DailyAggregate:
    values: dict[str, Any] = {
        "topic": topic,
        "day": NOW.date(),
        "platform": "x",
        "cohort": "public",
        "language": "en",
        "head": "stance",
        "target": "walkout",
        "version": "v1",
        "posts": 3,
        "reposts": 0,
        "authors": 2,
        "authors_sketch": b"\x00\xffsketch",
        "label_counts": {"favor": 2, "none": 1},
        "soft_sums": {"favor": 15_000, "none": 15_000},
        "units": {"texts": {"count": 2, "labels": {"favor": 20_000}, "soft": {"favor": 12_000}}},
    }
    return DailyAggregate(**(values | changes))


def answers(
    posts: Sequence[PendingPost], questions: Sequence[tuple[str, str]] = QUESTIONS
) -> list[Prediction]:
    return [
        Prediction(each.id, each.text_digest, head, target, "none", (1000, 2000, 7000))
        for each in posts
        for head, target in questions
    ]


def pending(queries: Queries, topic: str, version: str = "v1", **changes: Any) -> list[PendingPost]:
    wanted: dict[str, Any] = {"languages": ["en"], "limit": 1000}
    return queries.pending(topic, version, QUESTIONS, **(wanted | changes))


def day_posts(queries: Queries, topic: str, days: int = 30) -> list[DayPost]:
    """All posts of the days around `NOW`."""
    first = NOW.date() - timedelta(days=days // 2)
    return [
        each
        for offset in range(days)
        for each in queries.day_rows(topic, first + timedelta(days=offset))
    ]
