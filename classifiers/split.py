"""Which labelled posts train and which judge.

Posts of one group (one author, or nearly the same text) stay together, so that nobody is judged
by what is known of them. Up to ``FROZEN_FROM`` labelled posts all of them are cross-fitted in
``FOLDS`` folds: each is judged by a model that has not seen its group. From then on a fifth of
the groups is a frozen test that no correction is fitted to. A group's lot follows the text that was
labelled first, so it does not change as labels are added.
"""

from collections.abc import Sequence

from classifiers.examples import FOLDS, FROZEN_TEST, Example, part_of, text_number
from classifiers.normalise import normalise

FROZEN_FROM = 1000


def parts_of(examples: Sequence[Example]) -> dict[str, int]:
    """Return the fold of each text, or ``FROZEN_TEST``."""
    groups = groups_of(examples)
    first: dict[int, Example] = {}
    for example in examples:
        group = groups[example.text]
        if group not in first or _age(example) < _age(first[group]):
            first[group] = example
    is_frozen = len(groups) >= FROZEN_FROM
    part_of_group = {
        group: part_of(example.text) if is_frozen else text_number(example.text) % FOLDS
        for group, example in first.items()
    }
    return {text: part_of_group[group] for text, group in groups.items()}


def groups_of(examples: Sequence[Example]) -> dict[str, int]:
    """Return the number of the group that each text belongs to.

    Texts are joined that are the same once normalised, or whose examples name the same group.
    """
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        leader.setdefault(name, name)
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for example in examples:
        text = _text_key(example.text)
        find(text)
        if example.group:
            leader[find(text)] = find(f"group {example.group}")
    numbers: dict[str, int] = {}
    return {
        example.text: numbers.setdefault(find(_text_key(example.text)), len(numbers))
        for example in examples
    }


def is_frozen(parts: dict[str, int], example: Example) -> bool:
    """Return whether an example belongs to the frozen test."""
    return parts[example.text] == FROZEN_TEST


def _text_key(text: str) -> str:
    return f"text {normalise(text).lower()}"


def _age(example: Example) -> tuple[str, str]:
    return (example.labelled, _text_key(example.text))
