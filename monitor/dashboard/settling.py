"""The page on which labels are settled: what annotators disagree about, and what seems wrong."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.changes import Changes
from monitor.dashboard.forms import read_form
from monitor.dashboard.guidelines import Guide, guide_for
from monitor.dashboard.hostile import shown_text
from monitor.dashboard.labelling import annotator_code
from monitor.dashboard.selection import PageError
from monitor.dashboard.visitor import VISITOR
from monitor.pipeline.classify import questions_of
from monitor.store.desk import Answer
from monitor.store.values import LabelSample, Question
from monitor.text_digest import text_digest
from monitor.topic import Topic

DECIDES = "decides-"
"""Begins the annotator of a deciding label: what the same person said before stays on record."""

Listed = Literal["conflicts", "errors"]
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An answer to be settled.

    Attributes:
        given: The labels that it was given, one an annotator.
    """

    post_id: int
    text_digest: str
    question: Question
    sample: LabelSample
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettlePage:
    """Everything that the template shows.

    Attributes:
        counts: How many are left, by list.
        at: The number of the one that is shown, from 0.
        last: Names the decision that undoing takes back.
        asked: It; None where none is left.
        given: What people said, in words.
        about: A digest of the target's text.
    """

    topic: Topic
    listed: Listed
    counts: Mapping[Listed, int]
    at: int
    chosen: str
    last: str
    asked: Unsettled | None
    text: str
    guide: Guide | None
    given: str
    about: str


@dataclass(frozen=True, slots=True)
class _Settling:
    """What the page reads and writes."""

    board: Dashboard
    changes: Changes

    def lists(self, topic: Topic) -> Mapping[Listed, Sequence[Unsettled]]:
        """What is to be settled: even splits first, the least likely labels first."""
        review = self.changes.review(topic)
        conflicts = [
            Unsettled(
                one.post_id,
                one.text_digest,
                (one.head, one.target),
                one.sample,
                tuple(one.given.values()),
            )
            for one in review.conflicts
            if (one.head, one.target) in questions_of(topic)
        ]
        disputed = {(one.text_digest, one.question) for one in conflicts}
        errors = [
            Unsettled(
                post.post_id,
                post.text_digest,
                (post.head, post.target),
                post.sample,
                (post.label,),
            )
            for post in (one.post for one in review.errors)
            if (post.text_digest, (post.head, post.target)) not in disputed
        ]
        return {"conflicts": conflicts, "errors": errors}

    def page(self, topic: Topic, query: Mapping[str, str]) -> SettlePage:
        """What is shown of a list from some number on."""
        lists, listed = self.lists(topic), _listed(query)
        items = lists[listed]
        at = _number(query) % len(items) if items else 0
        asked = items[at] if items else None
        return SettlePage(
            topic=topic,
            listed=listed,
            counts={name: len(found) for name, found in lists.items()},
            at=at,
            chosen=query.get("as", ""),
            last=self.changes.desk.last(topic.name, DECIDES + annotator_code(query.get("as", ""))),
            asked=asked,
            text=shown_text(self.changes.desk.text(topic.name, asked.post_id)) if asked else "",
            guide=guide_for(asked.question, topic) if asked else None,
            given=_in_words(asked.given) if asked else "",
            about=_about(topic, asked) if asked else "",
        )

    def take(self, topic: Topic, form: Mapping[str, str]) -> int:
        """Does what a button says; returns the number of what is to be shown next.

        Raises:
            PageError: A field makes no sense.
        """
        choice, who = form.get("choice", ""), DECIDES + annotator_code(form.get("as", ""))
        if choice == "undo":
            self.changes.desk.undo(topic.name, who, form.get("last", ""))
            return 0
        if choice == "skip":
            return _number(form) + 1
        about = tuple(form.get(name, "") for name in ("post", "text_digest", "head", "target"))
        for one in self.lists(topic)[_listed(form)]:
            is_asked = (str(one.post_id), one.text_digest, *one.question) == about
            if is_asked and form.get("about", _about(topic, one)) == _about(topic, one):
                self._decide(topic, one, who, choice)
        # Settled now, by this answer or somebody else's before, or about an earlier text: the next
        # one has its number.
        return _number(form)

    def _decide(self, topic: Topic, one: Unsettled, who: str, choice: str) -> None:
        if choice not in [each.value for each in guide_for(one.question, topic).choices]:
            raise PageError(422, f"{choice[:40]!r} is no answer to this question.")
        labels = ((one.question, choice),)
        answer = Answer(
            one.post_id,
            who,
            labels=labels,
            sample=one.sample,
            decides=True,
            text_digest=one.text_digest,
            targets={one.question[1]: _about(topic, one)},
        )
        self.changes.desk.save(topic.name, answer, at=self.board.clock())


def _about(topic: Topic, one: Unsettled) -> str:
    return text_digest(topic.target_texts.get(one.question[1], ""))


def add_settling(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the page."""
    settling = _Settling(board, changes)

    @app.get("/topics/{name}/label/settle")
    def show_unsettled(name: str, request: Request) -> Response:
        topic = board.topic(name)
        page = settling.page(topic, request.query_params)
        if page.asked is not None:
            changes.note(VISITOR.get().name, "texts_shown", {"topic": topic.name, "posts": 1})
        return board.page("settle.html", page=page)

    @app.post("/topics/{name}/label/settle")
    async def settle(name: str, request: Request) -> Response:
        topic = board.topic(name)
        form = await read_form(request)
        at = await run_in_threadpool(settling.take, topic, form)
        where = f"/topics/{topic.name}/label/settle?list={_listed(form)}&at={at}"
        code = form.get("as", "")
        return RedirectResponse(where + (f"&as={code}" if code else ""), status_code=303)


def _listed(asked: Mapping[str, str]) -> Listed:
    listed = asked.get("list", "conflicts")
    if listed not in get_args(Listed):
        raise PageError(422, f"{listed[:40]!r} is no list of labels to settle.")
    return cast(Listed, listed)


def _number(asked: Mapping[str, str]) -> int:
    at = asked.get("at", "")
    return int(at) if _NUMBER.fullmatch(at) else 0


def _in_words(given: Sequence[str]) -> str:
    """Says what was answered how often, and by nobody's name."""
    counts = sorted(Counter(given).items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{words.label_word(label)} ({times})" for label, times in counts)
