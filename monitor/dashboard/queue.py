"""Each annotator's queue of posts, drawn a handful at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.store.desk import Assignment, DeskPost, LabelDesk
from monitor.store.undo import Undone
from monitor.store.values import LabelSample

DRAWN_AT_ONCE = 50


def spread(among: Sequence[int], others: Sequence[int]) -> list[int]:
    """Returns both in their order, the second evenly among the first."""
    places = [(number + 0.5) / len(among) for number in range(len(among))]
    places += [(number + 0.5) / len(others) for number in range(len(others))]
    every = [*among, *others]
    return [every[n] for n in sorted(range(len(every)), key=lambda n: (places[n], n))]


@dataclass
class Queues:
    """The posts that were drawn and not yet answered, by topic and annotator.

    A draw looks at every post of the topic, so it is not made for every answer.

    Attributes:
        desk: Where posts are drawn.
    """

    desk: LabelDesk
    _chosen: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    _drawn: dict[tuple[str, str], deque[int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, assignment: Assignment) -> tuple[DeskPost | None, int]:
        """Gives the post to answer, and how many were drawn for it; None when all is done."""
        drawn = self._of(assignment)
        post = self._first_open(drawn, assignment)
        if post is not None:
            return post, 0
        found = self._mixed(assignment)
        with self._lock:
            drawn.clear()
            drawn.extend(found)
        return self._first_open(drawn, assignment), len(found)

    def sample_of(self, assignment: Assignment, post_id: int) -> LabelSample:
        """Tells whether a post was chosen for what the model would learn, or drawn at random.

        Each annotator's draw is its own: what is chosen for one may be random for another.
        """
        with self._lock:
            chosen = self._chosen.get((assignment.topic, assignment.annotator), ())
            return "active" if post_id in chosen else "random"

    def _mixed(self, assignment: Assignment) -> list[int]:
        """Random posts, with chosen ones spread evenly among them."""
        drawn = self.desk.draw(assignment, DRAWN_AT_ONCE)
        wanted = round(DRAWN_AT_ONCE * (1 - assignment.random_part))
        chosen = self.desk.chosen(assignment, wanted) if wanted else []
        chosen = [post_id for post_id in chosen if post_id not in drawn]
        drawn = drawn[: DRAWN_AT_ONCE - len(chosen)]
        with self._lock:
            mine = self._chosen.setdefault((assignment.topic, assignment.annotator), set())
            mine -= set(drawn)
            mine |= set(chosen)
        return spread(drawn, chosen)

    def put_off(self, assignment: Assignment, post_id: int) -> None:
        """Takes a skipped post out of what was drawn: a later draw has it last."""
        drawn = self._of(assignment)
        with self._lock:
            if post_id in drawn:
                drawn.remove(post_id)

    def put_first(self, assignment: Assignment, undone: Undone) -> None:
        """Shows a post again, after an answer was taken back; how it was chosen stays."""
        drawn, post_id = self._of(assignment), undone.post_id
        with self._lock:
            if post_id in drawn:
                drawn.remove(post_id)
            drawn.appendleft(post_id)
            mine = self._chosen.setdefault((assignment.topic, assignment.annotator), set())
            if undone.sample == "random":
                mine.discard(post_id)
            else:
                mine.add(post_id)

    def _of(self, assignment: Assignment) -> deque[int]:
        with self._lock:
            return self._drawn.setdefault((assignment.topic, assignment.annotator), deque())

    def _first_open(self, drawn: deque[int], assignment: Assignment) -> DeskPost | None:
        while True:
            with self._lock:
                if not drawn:
                    return None
                first = drawn[0]
            post = self.desk.post(assignment, first, self.sample_of(assignment, first))
            if post is not None:
                return post
            with self._lock:
                if drawn and drawn[0] == first:
                    drawn.popleft()
