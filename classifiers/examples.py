"""A topic's labelled texts, and how they are split for training and for judging."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from classifiers.errors import BadExampleError
from classifiers.heads import head
from classifiers.normalise import normalise

FOLDS = 4
FROZEN_TEST = -1
FEWEST = 20

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Example:
    """A labelled text of the topic.

    Attributes:
        id: The post's id; with head and target it is unique.
        text: The post's text.
        head: The head that the label answers.
        target: The target's text; "" where the head takes none.
        label: One of the head's labels.
        audit: Whether the post was drawn at random, so that it may judge.
        group: Names posts that must not be split between training and judging (of one author,
            or nearly alike); "" for a post by itself.
        labelled: When it was labelled, ISO 8601; "" where unknown.
        slices: What the post belongs to (platform, cohort, ...), by the slice's name.
        annotators: Who gave the label.
    """

    id: str
    text: str
    head: str
    target: str
    label: str
    audit: bool
    group: str = ""
    labelled: str = ""
    slices: Mapping[str, str] = field(default_factory=dict, compare=False)
    annotators: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """Return what tells this example from all others."""
        return (self.id, self.head, self.target)

    @property
    def digest(self) -> str:
        """Return the key as hex digits that do not show it."""
        return _hash("\x1f".join(self.key))[:16]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the head's labels."""
        return head(self.head).labels

    @property
    def label_index(self) -> int:
        """Return the label's place among the head's labels."""
        return self.labels.index(self.label)


def checked(examples: Sequence[Example]) -> Sequence[Example]:
    """Return the examples if all fit their heads and those of one head suffice at least.

    Raises:
        BadExampleError: One does not fit, is there twice, or every head has too few.
    """
    for example in examples:
        known = head(example.head)
        if example.label not in known.labels:
            raise BadExampleError(
                f"example {example.id}: {example.label!r} is no label of {known.name}",
                hint=f"its labels are: {', '.join(known.labels)}",
            )
        if known.takes_target != bool(example.target.strip()):
            raise BadExampleError(
                f"example {example.id}: {known.name} "
                + ("needs a target's text" if known.takes_target else "takes no target"),
                hint="give the text of the target exactly where the head takes one",
            )
    (repeated, times), *_ = Counter(e.key for e in examples).most_common(1) or [(("",) * 3, 0)]
    if times > 1:
        raise BadExampleError(
            f"example {repeated[0]} has {times} labels for {repeated[1]}",
            hint="settle on one label per post, head and target",
        )
    per_head = Counter(example.head for example in examples)
    (name, count), *_ = per_head.most_common(1) or [("any head", 0)]
    if count < FEWEST:
        raise BadExampleError(
            f"{count} labels of {name} are too few to adapt the model",
            hint=f"label at least {FEWEST} posts, better 200, drawn at random",
        )
    return examples


def learnable(examples: Sequence[Example], known: Collection[str]) -> list[Example]:
    """Return the examples without those of which there are too few to learn anything.

    Those are of a head with fewer than ``FEWEST``, or about a target with so few where the base
    does not know the head: it could give no answer to go on from.

    Args:
        examples: Checked.
        known: The base's heads.
    """
    per_head = Counter(example.head for example in examples)
    per_question = Counter((example.head, example.target) for example in examples)
    return [
        example
        for example in examples
        if per_head[example.head] >= FEWEST
        and (example.head in known or per_question[example.head, example.target] >= FEWEST)
    ]


def part_of(text: str) -> int:
    """Return the fold that a text belongs to, or ``FROZEN_TEST`` for one text in five.

    It follows the text's hash: the same for every version, and for copies of a text.
    """
    number = text_number(text)
    return number // 5 % FOLDS if number % 5 else FROZEN_TEST


def text_number(text: str) -> int:
    """Return a number that follows a text's hash, the same for copies of it."""
    return int(_hash(normalise(text).lower())[:12], 16)


def example_fingerprint(examples: Sequence[Example]) -> str:
    """Return 12 hex digits that change with any example."""
    return _hash(repr([(e.key, e.text, e.label, e.audit) for e in examples]))[:12]


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()
