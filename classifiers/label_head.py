"""A question asked of posts: its name, its labels and how its answers are judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Metric = Callable[[NDArray[np.int64], NDArray[np.int64]], float]


@dataclass(frozen=True)
class LabelHead:
    """One question asked of posts.

    Attributes:
        name: What the head is called everywhere (``sentiment``).
        labels: Its answers, in the order of the columns of every probability array.
        takes_target: Whether the question is asked towards a target.
        metric: From true and predicted label indices to the score that judges the head,
            between 0 and 1, higher is better.
        reported: Whether its answers are figures of their own. Those that are not are asked of
            the model by name only.
        question: How people are asked it, ``{target}`` being the target's text.
        meanings: What each label means, for those who label.
        rules: What else they should keep to, a sentence each.
        off_topic: The label of a post that is about something else altogether; "" where such a
            post is asked the question all the same.
        opposites: What each label is towards the opposite of the target, in the order of
            ``labels``; () where the answer is the same.
    """

    name: str
    labels: tuple[str, ...]
    takes_target: bool
    metric: Metric
    reported: bool = True
    question: str = ""
    meanings: Mapping[str, str] = field(default_factory=dict, hash=False)
    rules: tuple[str, ...] = ()
    off_topic: str = ""
    opposites: tuple[str, ...] = ()
