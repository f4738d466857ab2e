"""Erasure on request: a post or an author, from posts to figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from collectors.post import Deletion
from monitor.pipeline.admission import Admission
from monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class ForgetStep:
    """Removes what a person asks to have removed, and refuses it from then on."""

    store: Store
    admission: Admission
    clock: Callable[[], datetime]

    def forget(self, deletion: Deletion) -> int:
        """Erases from one topic; returns how many posts went (their days are rebuilt next).

        The audit log says that it happened, not whom it was about.
        """
        topic = self.admission.topic.name
        removed = self.store.remove(topic, self.admission.deletion(deletion), at=self.clock())
        self.store.log("forget", "erased", {"topic": topic, "posts": removed})
        return removed
