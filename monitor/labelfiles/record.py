"""What every label file says, whatever its shape: posts, questions, answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from classifiers.heads import head as head_named

Question = tuple[str, str]
"""A head and the target's name it is asked about, empty where the head takes none."""

FIELDS = (
    "id", "platform", "head", "target", "label", "annotator", "sample", "at", "decides",
    "text_digest",
)  # fmt: skip
"""The fields of an answer's record, in the order in which files show them."""

_OF_POST = ("platform", "sample", "text_digest")

Record = Mapping[str, Any]
Reject = Callable[[str, str], None]
"""Told the place of what is no answer, and why."""


@dataclass(frozen=True, slots=True)
class Given:
    """An annotator's answer to one question; `at` is ISO 8601, empty where unknown."""

    head: str
    target: str
    label: str
    annotator: str
    at: str = ""
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A post for people to label, or with what they said.

    Attributes:
        text: Empty where it is not to leave the store.
        text_digest: The text's, so that answers find out whether it was edited; empty where the
            text is.
    """

    native_id: str
    platform: str
    text: str
    sample: str
    answers: tuple[Given, ...] = ()
    text_digest: str = ""


class LabelFile(Protocol):
    """A shape of label files."""

    def holds(self, start: str) -> bool:
        """Tells from a file's first characters whether it has this shape."""
        ...

    def read(
        self, text: str, questions: Sequence[Question], reject: Reject
    ) -> Iterator[tuple[str, Record]]:
        """Yields each answer's record (`FIELDS`, as far as told) with its place.

        Raises:
            LabelError: The text as a whole has another shape.
        """
        ...

    def write(self, items: Sequence[Item], questions: Sequence[Question]) -> str:
        """Returns a file of these posts that this or another program can read."""
        ...


def field_of(question: Question) -> str:
    """Returns what a question is called where one word is wanted: `stance__walkout`."""
    head, target = question
    return f"{head}__{target.lower()}" if target else head


def questions_by_field(questions: Sequence[Question]) -> dict[str, Question]:
    """Returns the questions by `field_of`."""
    return {field_of(question): question for question in questions}


def labels_of(question: Question) -> tuple[str, ...]:
    """Returns the answers that a question allows."""
    return head_named(question[0]).labels


def named_text(item: Item) -> dict[str, str]:
    """Returns the field that names a post's text, where the text is told."""
    return {"text_digest": item.text_digest} if item.text_digest else {}


def record_of(
    post: Mapping[str, Any], question: Question, said: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns an answer's record from a post's fields and what was said."""
    head, target = question
    about = {"id": post.get("id", post.get("post_id")), "head": head, "target": target}
    known = {name: post[name] for name in _OF_POST if post.get(name)}
    return about | known | dict(said)
