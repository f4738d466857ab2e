"""How to label: what stands beside the post."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.heads import head as head_named
from monitor.dashboard import words
from monitor.store.values import Question
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer with its key on the keyboard."""

    value: str
    word: str
    key: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Guide:
    """A question as an annotator is asked it."""

    title: str
    choices: tuple[Choice, ...]
    rules: tuple[str, ...]


def guide_for(question: Question, topic: Topic) -> Guide:
    """Returns how to answer a question, as its head's file says."""
    known, target = head_named(question[0]), question[1]
    texts = topic.target_texts
    asked = known.question or f"Which {words.head_word(known.name)}?"
    return Guide(
        title=asked.replace("{target}", texts.get(target, target)),
        choices=tuple(
            Choice(label, words.label_word(label), str(number), known.meanings.get(label, ""))
            for number, label in enumerate(words.ordered_labels(known.name), start=1)
        ),
        rules=known.rules,
    )
