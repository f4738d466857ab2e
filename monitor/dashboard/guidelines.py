"""How to label: what stands beside the post."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.heads import head as head_named
from monitor.dashboard import words
from monitor.store.values import Question
from monitor.topic import Topic

_STANCE = {
    "favor": "The author is for it, praises those who do it, or attacks its opponents for that.",
    "against": "The author is against it, mocks it or those who do it, or praises its opponents.",
    "none": "No side is taken: news, questions, jokes without a side, or about something else.",
}
_SENTIMENT = {
    "positive": "The post is glad, hopeful, grateful or admiring, whatever about.",
    "negative": "The post is angry, sad, afraid, bitter or mocking, whatever about.",
    "neutral": "No feeling shows, or as much of one as of the other.",
}
_MEANINGS = {"stance": _STANCE, "sentiment": _SENTIMENT}
_RULES = {
    "stance": (
        "Judge what the author shows in this post, not what you know or guess about them.",
        "Irony counts as what it means, not as what it says.",
        "Stance is not mood: an angry post may be for it.",
        "Quoting somebody is no stance, unless the author sides with the quote.",
    ),
    "sentiment": (
        "Judge the tone of the post, not the event that it is about.",
        "Irony counts as what it means, not as what it says.",
        "Where both show, take the one that the post ends on or dwells on.",
    ),
}


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
    """Returns how to answer a question."""
    head, target = question
    order = words.ORDERED_LABELS.get(head, head_named(head).labels)
    meanings = _MEANINGS.get(head, {})
    return Guide(
        title=_title(head, target, topic),
        choices=tuple(
            Choice(label, words.label_word(label), str(number), meanings.get(label, ""))
            for number, label in enumerate(order, start=1)
        ),
        rules=_RULES.get(head, ()),
    )


def _title(head: str, target: str, topic: Topic) -> str:
    if head == "stance":
        texts = {one.name: one.text for one in topic.targets}
        return f"Where does the author stand on {texts.get(target, target)}?"
    if head == "sentiment":
        return "What is the mood of the post?"
    return f"Which {head}?"
