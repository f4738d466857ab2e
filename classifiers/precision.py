"""Which arithmetic this machine scores with: the fastest that gives the model's own answers.

Eight bits are fastest where the processor multiplies bytes (VNNI, AMX); on one without, OpenVINO
2026.4 overflows and answers nonsense, no faster than 32 bits. So nothing is taken on trust: each
candidate answers a few texts, and only those that agree with torch in 32 bits may be chosen. Which
is fastest is known, not timed: a clock would choose now one, now another, and so change answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from classifiers.encoder import Classifier
from classifiers.tokenisation import Ids, Tokeniser, pad

PROBES = (
    "I am walking out today with everyone who will not be silent about this.",
    "Proud of my team. We made the right call and I stand by it!",
    "The company said it would publish the decision on Monday morning.",
    "what a shame, nobody up there listens to us any more",
    "This is not about politics, it is about decency.",
    "Honestly the protest is a joke, get back to work.",
    "Does anyone know when the meeting starts?",
    "Great, another all-hands where nothing gets answered. Love it.",
)
TARGETS = ("the walkout", "the company's decision")
LARGEST_DIFFERENCE = 0.02
"""Mean absolute difference of probabilities beyond which an arithmetic is not the model's."""

Answers = list[NDArray[np.float32]]
Run = Callable[[tuple[Ids, Ids]], Answers]


@dataclass(frozen=True)
class Tried:
    """How an arithmetic did.

    Attributes:
        precision: One of ``classifiers.processor.candidates``.
        difference: Mean absolute difference of its probabilities from torch's.
    """

    precision: str
    difference: float


def try_out(precision: str, run: Run, model: Classifier, tokeniser: Tokeniser) -> Tried:
    """Return how an arithmetic answers the probes."""
    batch = _probes(tokeniser)
    found = run(batch)
    with torch.inference_mode():
        expected = [answer.numpy() for answer in model(*map(torch.from_numpy, batch))]
    answers = zip(found[: len(expected)], expected, strict=True)
    gaps = [np.abs(_softmax(one) - _softmax(other)).mean() for one, other in answers]
    return Tried(precision, float(np.nan_to_num(np.max(gaps), nan=1.0)))


def chosen(tried: Sequence[Tried]) -> Tried:
    """Return the first that agrees with torch; the last, 32 bits, where none does.

    Args:
        tried: The fastest first.
    """
    return next((each for each in tried if each.difference <= LARGEST_DIFFERENCE), tried[-1])


def _probes(tokeniser: Tokeniser) -> tuple[Ids, Ids]:
    """Return the probe texts and their targets as one batch."""
    posts, targets = tokeniser.posts(PROBES), tokeniser.targets(TARGETS)
    asked = pad(targets, 8, tokeniser.padding)[None].repeat(len(posts), axis=0)
    return pad(posts, 32, tokeniser.padding), asked


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return logits as probabilities."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.float32] = weights / weights.sum(axis=-1, keepdims=True)
    return shares
