"""Naming groups and persons at random in training posts, so that their names move no answer.

What people are called must not change what a post is taken to say of anything else. Posts that
train a model do not teach that by themselves: who is spoken ill of in them is not spread evenly.
So some are changed where the label stays right whoever is named (counterfactual data
augmentation: Lu et al., "Gender Bias in Neural Natural Language Processing", 2018). The names are
in ``naming.toml``.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from classifiers.asked import AskedPost
from classifiers.normalise import MENTION
from classifiers.recipe_values import CHECKED, Share

FILE = Path(__file__).with_name("naming.toml")
_WORD = re.compile(r"\w{4,}")
_ARTICLE = re.compile(r"\b(a)n? (?=([aeiou])?)", re.IGNORECASE)


@checked(frozen=True, config=CHECKED)
class Naming:
    """The table ``[naming]`` of a recipe.

    Attributes:
        groups: Share of posts in which a group is named.
        names: Share of posts in which a person is named.
        alike: Sentences of each kind that are answered alike whoever is named in them: see
            ``classifiers/alike.py``.
    """

    groups: Share
    names: Share
    alike: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class Names:
    """The lists of ``naming.toml``; what is held back names nothing in training."""

    groups: tuple[str, ...]
    people: tuple[str, ...]
    names: tuple[str, ...]
    openings: tuple[str, ...]
    speakers: tuple[str, ...]
    named_openings: tuple[str, ...]
    about_groups: tuple[str, ...]
    about_persons: tuple[str, ...]
    held_back: Mapping[str, tuple[str, ...]]

    @property
    def every_group(self) -> tuple[str, ...]:
        """Return all groups, those held back too."""
        return (*self.groups, *self.held_back["groups"])


@cache
def read_names(path: Path = FILE) -> Names:
    """Return the names in a file."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    held_back = {kind: tuple(names) for kind, names in tables.pop("held_back").items()}
    return Names(**{kind: tuple(names) for kind, names in tables.items()}, held_back=held_back)


def name_at_random(
    posts: Sequence[AskedPost], shares: Naming, random: np.random.Generator
) -> list[AskedPost]:
    """Return the posts, some of them naming other groups and persons than before.

    A post about targets keeps its words where a group is named in it or in a target, and its
    mentions where one may be a target: there the answer may hang on the name.
    """
    return [replace(post, text=_renamed(post, shares, random)) for post in posts]


def _renamed(post: AskedPost, shares: Naming, random: np.random.Generator) -> str:
    """Return a post's text with other names."""
    text, targets = post.text, " ".join(asked.target for asked in post.asked)
    if random.random() < shares.groups:
        group_matters = bool(targets) and _names_a_group(f"{text} {targets}")
        text = text if group_matters else with_group(text, random)
    if random.random() < shares.names and not _mentions(text, targets):
        text = with_names(text, random)
    return text


def with_group(text: str, random: np.random.Generator) -> str:
    """Return the text with a group named beside one of its words for people, or before it all.

    A group that is named there already is replaced.
    """
    known, places = read_names(), list(_beside_people().finditer(text))
    group = _one(known.groups, random)
    if places:
        place = places[random.integers(len(places))]
        named = f"{place['article'] or ''}{group} {place['people']}"
        return f"{text[: place.start()]}{with_articles(named)}{text[place.end() :]}"
    opening = _one(known.openings, random).format(group=group, person=_one(known.speakers, random))
    return with_articles(opening) + text


def with_names(text: str, random: np.random.Generator) -> str:
    """Return the text with a first name in the place of each mention, or before it all."""
    known = read_names()
    named, mentions = MENTION.subn(lambda _: _one(known.names, random), text)
    if mentions:
        return named
    return _one(known.named_openings, random).format(name=_one(known.names, random)) + text


def _one(words: Sequence[str], random: np.random.Generator) -> str:
    """Return one of the words."""
    return words[int(random.integers(len(words)))]


def with_articles(text: str) -> str:
    """Return the text with `a` and `an` as the word after them wants."""
    return _ARTICLE.sub(lambda found: f"{found[1]}{'n' if found[2] else ''} ", text)


def _mentions(text: str, targets: str) -> bool:
    """Return whether a mention has a word of a target's in it."""
    mentioned = " ".join(MENTION.findall(text)).lower()
    return any(word in mentioned for word in _WORD.findall(targets.lower()))


def _names_a_group(text: str) -> bool:
    """Return whether a group's name is a word of the text."""
    return _any_group().search(text) is not None


@cache
def _any_group() -> re.Pattern[str]:
    """Return the pattern of a group's name, alone or in the plural."""
    return re.compile(rf"\b(?:{_one_of(read_names().every_group)})s?\b", re.IGNORECASE)


@cache
def _beside_people() -> re.Pattern[str]:
    """Return the pattern of a word for people, with the article and the group before it."""
    groups, people = _one_of(read_names().every_group), _one_of(read_names().people)
    return re.compile(
        rf"(?<![\w@#/.-])(?P<article>an? )?(?:(?:{groups}) )?(?P<people>{people})(?![\w@/-])",
        re.IGNORECASE,
    )


def _one_of(words: Sequence[str]) -> str:
    """Return the pattern of one of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
