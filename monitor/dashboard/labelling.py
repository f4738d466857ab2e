"""The labelling page: one post, one question, one key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from classifiers.heads import head as head_named
from monitor.agreement import Agreement, agreement
from monitor.dashboard import words
from monitor.dashboard.blocks import question_title
from monitor.dashboard.board import Dashboard
from monitor.dashboard.forms import read_form
from monitor.dashboard.guidelines import Guide, guide_for
from monitor.dashboard.hostile import shown_text
from monitor.dashboard.pages import ordered_questions
from monitor.dashboard.queue import Queues
from monitor.dashboard.selection import PageError
from monitor.dashboard.visitor import VISITOR, Note
from monitor.outward import rounded_down, rounded_up
from monitor.passwords import digest_of
from monitor.store.desk import WHOLE_POST, Answer, Assignment, DeskCounts, DeskPost, LabelDesk, Mark
from monitor.store.values import LabelSample, Question
from monitor.text_digest import text_digest
from monitor.topic import Topic

_CODE = re.compile(r"[A-Za-z0-9_-]{1,20}", re.ASCII)
_ID = re.compile(r"[0-9]{1,15}", re.ASCII)
_EDITED = "edited"
"""In the address where an answer was refused, as its post has another text by now."""


@dataclass(frozen=True, slots=True)
class QuestionLine:
    """How far a question is.

    Attributes:
        labels: Checked posts that figures can count, see `_checked`.
        agreement: In words, empty while nobody has answered the same text as somebody else.
    """

    title: str
    labels: int
    needed: int
    agreement: str


@dataclass(frozen=True, slots=True)
class Asked:
    """The post and the question that are shown."""

    post_id: int
    text: str
    text_digest: str
    about: str
    day: str
    question: Question
    guide: Guide
    number: int
    of: int
    sample: LabelSample


@dataclass(frozen=True, slots=True)
class LabelPage:
    """Everything that the labelling template shows.

    Attributes:
        asked: None when nothing is left.
        chosen: The annotator code in the address, empty where the login tells it.
        last: Names the answer that undoing takes back.
        is_edited: Whether the last answer was refused, as its post or target has another text by
            now.
    """

    topic: Topic
    annotator: str
    chosen: str
    last: str
    asked: Asked | None
    lines: tuple[QuestionLine, ...]
    mine: int
    marks: Mapping[str, int]
    is_enough: bool
    is_edited: bool


def add_labelling(app: FastAPI, board: Dashboard, desk: LabelDesk, note: Note) -> None:
    """Adds the labelling page."""
    queues = Queues(desk)

    @app.get("/topics/{name}/label")
    def show_queue(name: str, request: Request) -> Response:
        topic = board.topic(name)
        code = request.query_params.get("as", "")
        counts = desk.counts(topic.name)
        checked = _checked(board, topic, counts)
        assignment = _assignment(board, topic, annotator_code(code), checked)
        post, drawn = queues.next(assignment)
        if drawn:
            note(VISITOR.get().name, "texts_shown", {"topic": topic.name, "posts": drawn})
        page = _label_page(
            board,
            assignment,
            _asked(post, assignment, topic, queues) if post else None,
            counts=counts,
            checked=checked,
            code=code,
            last=desk.last(topic.name, assignment.annotator),
            is_edited=_EDITED in request.query_params,
        )
        return board.page("label.html", page=page)

    @app.post("/topics/{name}/label")
    async def take_answer(name: str, request: Request) -> Response:
        topic = board.topic(name)
        form = await read_form(request)
        code = form.get("as", "")
        assignment = _assignment(board, topic, annotator_code(code))
        is_taken = await run_in_threadpool(_take, board, topic, (queues, assignment), form)
        told = ({"as": code} if code else {}) | ({} if is_taken else {_EDITED: "yes"})
        where = f"/topics/{topic.name}/label" + (f"?{urlencode(told)}" if told else "")
        return RedirectResponse(where, status_code=303)


def _checked(board: Dashboard, topic: Topic, counts: DeskCounts) -> dict[Question, int]:
    """Checked posts by question, as figures count them: those that the shown version answered.

    Before there is one, and of what it does not answer, all that have a random label.
    """
    shown = board.queries.shown_version(topic.name)
    answered = board.figures.answered(topic, shown) if shown else ()
    checked = {}
    for question in ordered_questions(topic):
        checked[question] = counts.posts.get(question, 0)
        if shown and question in answered:
            audit = board.queries.audit_labels(
                topic.name, *question, shown, languages=topic.languages
            )
            checked[question] = len(audit)
    return checked


def _assignment(
    board: Dashboard, topic: Topic, annotator: str, checked: Mapping[Question, int] | None = None
) -> Assignment:
    """What is asked: random posts alone until there are enough of them."""
    questions = tuple(ordered_questions(topic))
    needed = board.settings.audit.minimum_labels
    is_enough = checked is not None and all(checked[one] >= needed for one in questions)
    return Assignment(
        topic=topic.name,
        annotator=annotator,
        questions=questions,
        random_part=board.settings.labelling.random_part if is_enough else 1.0,
        languages=topic.languages,
        overlap=board.settings.audit.overlap,
        days=topic.span,
    )


def _asked(post: DeskPost, assignment: Assignment, topic: Topic, queues: Queues) -> Asked:
    question = post.open[0]
    return Asked(
        post_id=post.id,
        text=shown_text(post.text),
        text_digest=post.text_digest,
        about=text_digest(topic.target_texts.get(question[1], "")),
        day=words.day_long(post.day),
        question=question,
        guide=guide_for(question, topic),
        number=len(assignment.questions) - len(post.open) + 1,
        of=len(assignment.questions),
        sample=queues.sample_of(assignment, post.id),
    )


def annotator_code(code: str) -> str:
    """Returns a code for whoever labels: of their login, or the one that they chose.

    Raises:
        PageError: It is no code.
    """
    visitor = VISITOR.get()
    if visitor.how != "local":
        return f"a-{digest_of(f'annotator {visitor.name}')[:8]}"
    if code and not _CODE.fullmatch(code):
        raise PageError(
            422, "An annotator's code has 1 to 20 letters, digits, - or _.", hint="Not a name."
        )
    return code or "local"


def _take(
    board: Dashboard, topic: Topic, where: tuple[Queues, Assignment], form: Mapping[str, str]
) -> bool:
    """Does what a button says; returns whether all texts are still those that were read."""
    queues, assignment = where
    if form.get("choice") == "undo":
        last = form.get("last", "")
        undone = queues.desk.undo(topic.name, assignment.annotator, last)
        if undone is not None:
            queues.put_first(assignment, undone)
        return True
    answer = _answer(topic, assignment, form)
    if not queues.desk.save(topic.name, answer, at=board.clock()):
        if queues.desk.text(topic.name, answer.post_id):
            return False
        raise PageError(404, "That post is gone meanwhile.", hint="Go on with the next one.")
    if any(mark == "skip" for _, mark in answer.marks):
        queues.put_off(assignment, answer.post_id)
    return True


def _answer(topic: Topic, assignment: Assignment, form: Mapping[str, str]) -> Answer:
    """Reads an answer.

    Off-topic is an answer too: such a post takes neither side of anything, and the questions
    that do not depend on the topic (its mood) stay. Leaving it out would let the audit speak for
    other posts than are counted.

    Raises:
        PageError: A field makes no sense.
    """
    choice = form.get("choice", "")
    question = (form.get("head", ""), form.get("target", ""))
    if not _ID.fullmatch(form.get("post", "")) or question not in assignment.questions:
        raise PageError(422, "That is no question about a post of this topic.")
    sample = form.get("sample", "random")
    if sample not in ("random", "active"):
        raise PageError(422, f"{sample[:40]!r} is no way to choose a post.")
    about = {"post_id": int(form["post"]), "annotator": assignment.annotator, "sample": sample}
    about["text_digest"] = form.get("text_digest", "")
    if question[1] and "about" in form:
        about["targets"] = {question[1]: form["about"]}
    if choice in [one.value for one in guide_for(question, topic).choices]:
        return Answer(**about, labels=((question, choice),))  # type: ignore[arg-type]
    if choice == "off_topic":
        told = ((one, head_named(one[0]).off_topic) for one in assignment.questions)
        neither = tuple((one, label) for one, label in told if label)
        marks: tuple[tuple[Question, Mark], ...] = ((WHOLE_POST, "off_topic"),)
        return Answer(**about, labels=neither, marks=marks)  # type: ignore[arg-type]
    if choice in get_args(Mark):
        mark = cast(Mark, choice)
        of = WHOLE_POST if mark == "skip" else question
        return Answer(**about, marks=((of, mark),))  # type: ignore[arg-type]
    raise PageError(422, f"{choice[:40]!r} is no answer to this question.")


def _label_page(
    board: Dashboard,
    assignment: Assignment,
    asked: Asked | None,
    *,
    counts: DeskCounts,
    checked: Mapping[Question, int],
    code: str,
    last: str,
    is_edited: bool,
) -> LabelPage:
    topic = board.topic(assignment.topic)
    needed = board.settings.audit.minimum_labels
    lines = tuple(
        QuestionLine(
            title=question_title(question, topic),
            labels=checked[question],
            needed=needed,
            agreement=_agreement_words(agreement(counts.given.get(question, []))),
        )
        for question in assignment.questions
    )
    return LabelPage(
        topic=topic,
        annotator=assignment.annotator,
        chosen=code,
        last=last,
        asked=asked,
        lines=lines,
        mine=counts.by_annotator.get(assignment.annotator, 0),
        marks=counts.marks,
        is_enough=all(line.labels >= needed for line in lines),
        is_edited=is_edited,
    )


def _agreement_words(found: Agreement) -> str:
    if found.same is None:
        return ""
    said = f"{words.counted(found.posts, 'text')} answered twice, {words.percent(found.same)} alike"
    if found.alpha is None:
        return said
    said += f", Krippendorff's alpha {found.alpha:.2f}"
    if found.low is not None and found.high is not None:
        said += f" ({rounded_down(found.low):.2f} to {rounded_up(found.high):.2f})"
    return said
