"""Making the target matter: the same post asked about further targets.

A post is read once for all the targets it is asked about, so every further target costs a few
tokens only (see ``classifiers/encoder.py``).
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic.dataclasses import dataclass as checked

from classifiers.asked import Asked, AskedPost
from classifiers.dataset import NO_STANCE, OFF_TOPIC
from classifiers.heads.relevance import HEAD as RELEVANCE
from classifiers.heads.stance import HEAD as STANCE
from classifiers.recipe_values import CHECKED, NotNegative, Share

_OPPOSITE = [STANCE.labels.index(label) for label in STANCE.opposites]
_OPPOSED = (
    "opposition to {}",
    "people against {}",
    "stopping {}",
    "being against {}",
    "{} is wrong",
    "the fight against {}",
)
_REPHRASED = (
    "supporting {}",
    "the author supports {}",
    "people in favor of {}",
    "being in favor of {}",
    "{} is a good thing",
    "the idea of {}",
    "agreeing with {}",
)
_WORD = re.compile(r"\w{4,}")


@checked(frozen=True, config=CHECKED)
class TargetAugmentation:
    """Further targets that a stance post is asked about.

    Attributes:
        unrelated: How many, on average, that it says nothing about: ``none`` and off topic.
        opposed: Share of posts asked about the opposite of a target of theirs, favor and
            against exchanged.
        rephrased: Share of posts asked about a target of theirs in other words.
    """

    unrelated: NotNegative
    opposed: Share
    rephrased: Share


def augment(
    posts: Sequence[AskedPost], shares: TargetAugmentation, random: np.random.Generator
) -> list[AskedPost]:
    """Return the posts, asked about further targets.

    Unrelated targets are drawn from all distinct ones, so a set with thousands of targets
    gives most of them.
    """
    targets = sorted({asked.target for post in posts for asked in post.asked})
    return [_more(post, targets, shares, random) for post in posts]


def _more(
    post: AskedPost,
    targets: Sequence[str],
    shares: TargetAugmentation,
    random: np.random.Generator,
) -> AskedPost:
    """Return a post with its further targets."""
    more = [unrelated(post, targets, random) for _ in range(random.poisson(shares.unrelated))]
    known = post.asked[random.integers(len(post.asked))]
    if random.random() < shares.opposed and known.labels[STANCE.name] != NO_STANCE:
        more.append(_opposed(known, random))
    if random.random() < shares.rephrased:
        pattern = _REPHRASED[random.integers(len(_REPHRASED))]
        more.append(replace(known, target=pattern.format(known.target)))
    return replace(post, asked=(*post.asked, *(each for each in more if each is not None)))


def _opposed(known: Asked, random: np.random.Generator) -> Asked:
    """Return the question about the opposite of a target."""
    pattern = _OPPOSED[random.integers(len(_OPPOSED))]
    labels = {**known.labels, STANCE.name: _OPPOSITE[known.labels[STANCE.name]]}
    return Asked(pattern.format(known.target), labels)


def unrelated(post: AskedPost, targets: Sequence[str], random: np.random.Generator) -> Asked | None:
    """Return a target that the post says nothing about, None if none is found."""
    said = set(_WORD.findall(" ".join([post.text, *(each.target for each in post.asked)]).lower()))
    for index in random.integers(len(targets), size=5):
        if said.isdisjoint(_WORD.findall(targets[index].lower())):
            return Asked(targets[index], {STANCE.name: NO_STANCE, RELEVANCE.name: OFF_TOPIC})
    return None
