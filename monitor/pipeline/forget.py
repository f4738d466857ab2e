"""Erasure: what a person or a platform has removed goes from everything that was made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from classifiers.examples import Example
from classifiers.held_out import drop_held_out
from classifiers.registry import Registry
from collectors.post import Deletion
from monitor.kept import EVERY_TOPIC, KeptDeletion
from monitor.pipeline.admission import keep_deletion
from monitor.post_ids import PostIds
from monitor.pseudonym import KeyRing, Pseudonyms
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class ForgetStep:
    """Removes what a person asks to have removed, and refuses it from then on.

    Attributes:
        keys: The topic's.
        ids: The topic's.
    """

    store: Store
    keys: KeyRing
    ids: PostIds
    clock: Callable[[], datetime]

    def forget(self, deletion: Deletion) -> int:
        """Erases from one topic; returns how many posts went (their days are rebuilt next).

        The audit log says that it happened, not whom it was about.
        """
        topic = self.keys.topic
        # While a removal waits for the writer, a page may make a key that the removal does not
        # know. A page that asks for marks after the first removal finds the author's; one that
        # asked before had made its key by then, so the second names the author under it too.
        removed = sum(self._remove(deletion) for _ in range(2))
        self.store.log("forget", "erased", {"topic": topic, "posts": removed})
        return removed

    def _remove(self, deletion: Deletion) -> int:
        demand = keep_deletion(deletion, self.keys, self.ids)
        return self.store.remove(self.keys.topic, demand, at=self.clock())


@dataclass(frozen=True, slots=True)
class RefuseStep:
    """Remembers what a person asks to have removed for topics that are made, or named anew, later.

    Attributes:
        marks: Those that hold in every topic.
    """

    store: Store
    marks: Pseudonyms
    clock: Callable[[], datetime]

    def refuse(self, deletion: Deletion) -> None:
        """Refuses a post or an author from now on; what is stored stays."""
        on, author, native_id = deletion.platform, deletion.author, deletion.native_id
        marks = [] if author is None else [self.marks.mark(on, author)]
        if native_id is not None:
            marks.append(self.marks.mark_post(on, native_id))
        for mark in marks:
            demand = KeptDeletion(on, None, None, deletion.reason, mark=mark)
            self.store.remove(EVERY_TOPIC, demand, at=self.clock())


@dataclass(frozen=True, slots=True)
class UnlearnStep:
    """Takes removed posts out of what model versions keep on disk.

    Attributes:
        ids: The topic's.
    """

    queries: Queries
    registry: Registry
    ids: PostIds

    def unlearn(self, topic: Topic) -> int:
        """Drops answers about posts that are no longer labelled and there; returns how many.

        Those about a target's former text, and where annotators are even, stay: who needs them
        again could not make them anew.

        The weights stay as they are: `Queries.models_on_removed` names the versions that were
        trained on removed posts, and `monitor retrain` makes one that was not.
        """
        folders = [
            self.registry.path(version.id)
            for version in self.registry.list(topic.name)
            if version.topic
        ]
        if not folders:
            return 0
        keep = self._digests(topic)
        return sum(drop_held_out(folder, keep) for folder in folders)

    def _digests(self, topic: Topic) -> set[str]:
        return {
            Example(
                id=f"{post.platform}/{self.ids.open(post.native_id)}",
                text="",
                head=post.head,
                target=post.target,
                label="",
                audit=False,
            ).digest
            for post in self.queries.answered_posts(topic.name, topic.target_texts)
        }
