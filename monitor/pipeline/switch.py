"""Which version's series is shown: the old one until the new one has caught up with it."""

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

    def covers(self, topic: Topic, champion: str, questions: Sequence[Question]) -> bool:
        """Tells whether the champion has answered about every post that the shown version has.

        Asked before days are rebuilt, so that they hold those answers afterwards. Posts that
        neither has answered hold nothing up: they come in all the time. The very first version
        has no older series to catch up with.

        Args:
            topic: The topic.
            champion: Its version.
            questions: What that version answers.
        """
        shown = self.queries.shown_version(topic.name)
        return shown in (None, champion) or not self.queries.is_behind(
            topic.name, champion, questions, languages=topic.languages, shown=shown
        )

    def show(self, topic: Topic, champion: str) -> None:
        """Shows the champion's series, and writes down that it took over."""
        if self.queries.shown_version(topic.name) == champion:
            return
        self.store.show_version(topic.name, champion)
        self.store.log("pipeline", "version_shown", {"topic": topic.name, "version": champion})
