"""Who writes the sample posts, and how a text is put together from the phrases."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Labels:
    """What a careful reader would say of a text."""

    walkout: str
    decision: str
    sentiment: str

    def answer(self, head: str, target: str) -> str:
        """The label for one question."""
        if head == "sentiment":
            return self.sentiment
        return self.walkout if target == "walkout" else self.decision


@dataclass(frozen=True)
class Author:
    """An invented author, at home on one platform."""

    name: str
    platform: str
    cohort: str
    self_description: str | None


class Authors:
    """The invented people, few of whom write much."""

    def __init__(
        self,
        numbers: Mapping[str, Any],
        descriptions: Mapping[str, Sequence[str]],
        rng: random.Random,
    ) -> None:
        self.rng = rng
        self._people: dict[str, list[Author]] = {"employees": [], "public": []}
        cohorts = ["employees"] * numbers["employees"] + ["public"] * numbers["public"]
        rng.shuffle(cohorts)
        platforms = numbers["platforms"]
        for number, cohort in enumerate(cohorts, start=1):
            platform = rng.choices(list(platforms), list(platforms.values()))[0]
            says = rng.choice(descriptions[cohort])
            is_silent = cohort == "public" and rng.random() < 0.3
            author = Author(
                f"sample-author-{number:04d}", platform, cohort, None if is_silent else says
            )
            self._people[cohort].append(author)

    def draw(self, cohort: str, *, platform: str | None = None) -> Author:
        """Somebody of a cohort, on a platform if that is given; the first ones write most."""
        people = [
            one for one in self._people[cohort] if platform is None or one.platform == platform
        ]
        return people[int(len(people) * self.rng.random() ** 1.4)]


class Writer:
    """Writes one text after the other from the phrases."""

    def __init__(self, phrases: Mapping[str, Any], parts: Mapping[str, float], rng: random.Random):
        self._slots = phrases["slots"]
        self._by_cohort = {cohort: phrases[f"slots_{cohort}"] for cohort in ("employees", "public")}
        self._around = phrases["around"]
        self._languages = phrases["languages"]
        self._said = {_labels(block): block for block in phrases["said"]}
        self._petitions = {_labels(block): block["text"] for block in phrases["petitions"]}
        self._parts = parts
        self._rng = rng

    def write(self, labels: Labels, cohort: str, *, walkout_known: bool) -> str:
        """A text that carries these labels, in the voice of a cohort."""
        if labels in self._petitions and walkout_known and self._chance("petitions"):
            return self._copied(self._petitions[labels])
        kinds = [
            kind for kind, part in (("hard", "hard"), (cohort, "cohort_only")) if self._chance(part)
        ]
        for kind in (*kinds, "plain"):
            fitting = self._fitting(labels, kind, walkout_known=walkout_known)
            if fitting:
                sentence = self._filled(self._rng.choice(fitting), cohort)
                return self._untidy(self._surrounded(sentence, labels, is_hard=kind == "hard"))
        raise LookupError(f"no phrase says {labels}")

    def _fitting(self, labels: Labels, kind: str, *, walkout_known: bool) -> list[str]:
        sentences = self._said[labels].get(kind, [])
        return [
            one
            for one in sentences
            if walkout_known or not re.search("walk|meeting|all-hands", one, re.I)
        ]

    def write_foreign(self, language: str) -> str:
        """A text in a language that is not scored."""
        pick = self._rng.choice
        return str(pick(self._languages[language]) + pick(self._languages["more"]))

    def _copied(self, text: str) -> str:
        if self._rng.random() < 0.6:
            return text
        before = self._rng.choice(["", "Signed! ", "Please read. ", "From a friend: "])
        after = self._rng.choice(["", " #facebook", " Done.", " Pass it on"])
        return before + text + after

    def _filled(self, text: str, cohort: str) -> str:
        slots = {**self._slots, **self._by_cohort[cohort]}
        while match := re.search(r"\{(\w+)\}", text):
            text = text[: match.start()] + self._rng.choice(slots[match[1]]) + text[match.end() :]
        return re.sub(r"(^|(?<!\.)[.?!] )([a-z])", lambda found: found[1] + found[2].upper(), text)

    def _surrounded(self, sentence: str, labels: Labels, *, is_hard: bool) -> str:
        rng, around = self._rng, self._around
        parts = [sentence if sentence[-1] in ".?!🙃" else sentence + "."]
        if rng.random() < 0.22:
            parts.insert(0, self._filled(rng.choice(around["openers"]), "public"))
        if rng.random() < 0.28:
            parts.append(self._filled(self._closer(labels, is_hard=is_hard), "public"))
        if rng.random() < 0.24:
            parts.append(self._emoji(labels, is_hard=is_hard))
        if rng.random() < 0.3:
            parts.append(" ".join(rng.sample(around["tags"], rng.choice([1, 1, 2]))))
        return " ".join(part for part in parts if part)

    def _emoji(self, labels: Labels, *, is_hard: bool) -> str:
        """One that fits; a wry one only where the text is wry, for elsewhere it turns the mood."""
        if is_hard and labels.sentiment != "negative":
            return ""
        name = "hard_emoji" if is_hard else f"{labels.sentiment}_emoji"
        return str(self._rng.choice(self._around[name]))

    def _closer(self, labels: Labels, *, is_hard: bool) -> str:
        moods = self._around.get(f"{labels.sentiment}_closers")
        if moods and not is_hard and self._rng.random() < 0.5:
            return str(self._rng.choice(moods))
        return str(self._rng.choice(self._around["closers"]))

    def _untidy(self, text: str) -> str:
        roll = self._rng.random()
        if roll < 0.12:
            return text.lower()
        if roll < 0.16:
            at = self._rng.randrange(1, len(text) - 1)
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        if roll < 0.36:
            return text.removesuffix(".")
        return text.replace("!", "!!") if roll < 0.42 else text

    def _chance(self, part: str) -> bool:
        return self._rng.random() < self._parts[part]


def _labels(block: Mapping[str, str]) -> Labels:
    return Labels(block["walkout"], block["decision"], block["sentiment"])
