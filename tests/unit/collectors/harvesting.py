"""Reads files as the pipeline would and gathers what comes of them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from collectors.file import FileCollector
from collectors.formats.native import FIELDS
from collectors.post import Deletion, Page, Post, Rejection, Window

WINDOW = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Harvest:
    """Everything that a file's pages held."""

    pages: tuple[Page, ...]

    @property
    def posts(self) -> list[Post]:
        return [post for page in self.pages for post in page.posts]

    @property
    def post(self) -> Post:
        (post,) = self.posts
        return post

    @property
    def rejections(self) -> list[Rejection]:
        return [rejection for page in self.pages for rejection in page.rejections]

    @property
    def deletions(self) -> list[Deletion]:
        return [deletion for page in self.pages for deletion in page.deletions]

    @property
    def reasons(self) -> Counter[str]:
        return Counter(rejection.reason for rejection in self.rejections)

    @property
    def records(self) -> int:
        return len(self.posts) + len(self.rejections) + len(self.deletions)


def harvest(path: Path, **options: Any) -> Harvest:
    collector = FileCollector(path, now=lambda: NOW, **options)
    return Harvest(tuple(collector.fetch(None, WINDOW)))


def as_lines(lines: Iterable[dict[str, Any] | bytes]) -> bytes:
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return b"".join(line + b"\n" for line in raw)


def native(number: int = 1, **fields: Any) -> dict[str, Any]:
    base = {"id": str(number), "text": "we walk", "created_at": "2020-06-01T12:00:00+00:00"}
    return base | fields


def as_record(post: Post) -> dict[str, Any]:
    fields = asdict(post)
    fields["id"] = fields.pop("native_id")
    fields["created_at"] = post.created_at.isoformat()
    del fields["revision"], fields["withheld_in"]
    return fields


def write_as(posts: Sequence[Post], folder: Path, format_name: str) -> Path:
    records = [as_record(post) for post in posts]
    path = folder / format_name
    if format_name == "parquet":
        names = list(FIELDS[:-1])
        columns = {name: pa.array([one[name] for one in records], pa.string()) for name in names}
        pq.write_table(pa.table(columns), path)
    elif format_name == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(FIELDS[:-1]))
            writer.writeheader()
            writer.writerows(records)
    elif format_name == "array":
        path.write_text(json.dumps(records), encoding="utf-8")
    else:
        lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in records)
        path.write_bytes("".join(lines).encode())
    return path
