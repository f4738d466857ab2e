"""What later posts are compared with goes with the posts that it was made of."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from classifiers.shift import FEWEST, Marks, PointSet, keep_reference, read_reference
from monitor.store.queries import Queries
from monitor.store.values import Candidate

_VERSION = "?" * 12
_DRAFT_SECONDS = 3600
"""An older draft is a killed program's."""


@dataclass(frozen=True, slots=True)
class References:
    """Points of posts, a file a topic and version.

    Attributes:
        folder: Where they are kept.
    """

    queries: Queries
    folder: Path

    def path(self, topic: str, version: str) -> Path:
        """Where a version's lie."""
        return self.folder / f"{topic}-{version}.safetensors"

    def trim(self, topic: str) -> None:
        """Drops the points of posts that are no longer there with the text that they are of.

        Too few to compare with go too, and files that do not tell whose their points are.
        """
        for path in self.folder.glob(f"{topic}-{_VERSION}.safetensors"):
            reference = read_reference(path)
            left = self._left(topic, reference)
            if not left:
                path.unlink(missing_ok=True)
            elif _posts(left) != _posts(reference):
                keep_reference(path, left)
        for draft in self.folder.glob(f".{topic}-{_VERSION}.safetensors.*"):
            with suppress(FileNotFoundError):  # Just given its name.
                if draft.stat().st_mtime < time.time() - _DRAFT_SECONDS:
                    draft.unlink()

    def drop(self, topic: str, versions: Sequence[str]) -> None:
        """Drops those of versions that are gone."""
        for version in versions:
            self.path(topic, version).unlink(missing_ok=True)

    def _left(self, topic: str, reference: Mapping[str, PointSet]) -> dict[str, PointSet]:
        ids = {int(one) for each in reference.values() for one in each.marks[:, 0]}
        posts = self.queries.posts_by_id(topic, sorted(ids))
        there = {_mark(post_id, post.text_digest) for post_id, post in posts.items()}
        left = {}
        for name, each in reference.items():
            stays = np.array([tuple(mark) in there for mark in each.marks.tolist()])
            if stays.sum() >= FEWEST:
                left[name] = PointSet(each.points[stays], each.marks[stays])
        return left


def marks_of(posts: Sequence[Candidate]) -> Marks:
    """Returns what each post and its text are known again by, (posts, 2)."""
    return np.array([_mark(one.post_id, one.text_digest) for one in posts], np.int64)


def _mark(post_id: int, text_digest: str) -> tuple[int, int]:
    return post_id, int.from_bytes(blake2b(text_digest.encode(), digest_size=7).digest())


def _posts(reference: Mapping[str, PointSet]) -> dict[str, int]:
    return {name: len(each.marks) for name, each in reference.items()}
