"""Which version's series is shown: the old one until the new one is complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import Question
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class SwitchStep:
    """Lets the champion's series take the place of the shown one."""

    store: Store
    queries: Queries

    def switch_when_complete(
        self, topic: Topic, champion: str, questions: Sequence[Question]
    ) -> bool:
        """Shows the champion's series once it covers every post, and says whether it is shown.

        The very first version is shown at once: there is no older series to keep.

        Args:
            topic: The topic.
            champion: Its version.
            questions: What that version answers.
        """
        shown = self.queries.shown_version(topic.name)
        if shown == champion:
            return True
        if shown is not None and not self._is_complete(topic, champion, questions):
            return False
        self.store.show_version(topic.name, champion)
        self.store.log("pipeline", "version_shown", {"topic": topic.name, "version": champion})
        return True

    def _is_complete(self, topic: Topic, champion: str, questions: Sequence[Question]) -> bool:
        pending = self.queries.pending_count(
            topic.name, champion, questions, languages=topic.languages
        )
        return pending == 0 and not self.store.dirty_days(topic.name)
