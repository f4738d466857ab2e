"""Seals the post ids that earlier programs stored as they are, and refuses a wrong key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.errors import ConfigurationError
from monitor.observability import get_logger
from monitor.post_ids import PostIds, key_path, load_post_ids
from monitor.store.store import Store

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class SealStep:
    """Hands out what a topic's post ids are sealed with, once all that is stored is.

    Attributes:
        folder: Where keys are kept.
    """

    store: Store
    folder: Path

    def ids(self, topic: str) -> PostIds:
        """What the topic's post ids are sealed with.

        It can be interrupted anywhere and goes on at the next call.

        Raises:
            ConfigurationError: The key is not the one that what is stored was sealed with.
        """
        ids = load_post_ids(self.folder, topic)
        fingerprint, is_done = self.store.claim_sealing(topic, ids.fingerprint)
        if fingerprint != ids.fingerprint:
            raise ConfigurationError(
                f"{key_path(self.folder, topic)} is not the key that the post ids of {topic} "
                "were sealed with",
                hint="restore it from a backup; without it posts stored already are stored again",
            )
        if not is_done:
            self._seal_all(topic, ids)
        return ids

    def _seal_all(self, topic: str, ids: PostIds) -> None:
        after: int | None = 0
        sealed = 0
        while after is not None:
            after, changed = self.store.seal_posts(topic, ids.seal, after=after, limit=_AT_ONCE)
            sealed += changed
        self.store.finish_sealing(topic, ids.seal_state)
        if sealed:
            self.store.reclaim()
            get_logger().info("post_ids_sealed", topic=topic, posts=sealed)
