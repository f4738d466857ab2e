"""What a recipe trains on, in batches: drawn, augmented, named at random, answered by a teacher."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifiers.alike import alike_posts, with_mean_answers
from classifiers.asked import AskedPost, about_posts, about_targets
from classifiers.augmentation import augment
from classifiers.batches import Batch, Encoded, encode, group
from classifiers.dataset import (
    LabelledText,
    draw,
    fingerprint,
    read_texts,
    with_relevance,
    without_contradictions,
)
from classifiers.distillation import Teacher, TeacherSettings, ask_about_something
from classifiers.heads import head
from classifiers.heads.stance import HEAD as STANCE
from classifiers.naming import name_at_random
from classifiers.recipe import Recipe, TrainingSet, rows_of
from classifiers.tokenisation import Tokeniser
from classifiers.training_run import in_bf16


@dataclass(frozen=True)
class TrainingData:
    """The rows of each set of the recipe, in its order, labelled and unlabelled ones.

    Attributes:
        rows: Of each labelled set.
        unlabelled: Of each set that a teacher answers.
        texts: What the encoder reads before it learns to answer.
        fingerprint: Changes with any of these.
    """

    rows: tuple[list[LabelledText], ...]
    unlabelled: tuple[list[LabelledText], ...]
    texts: list[LabelledText]
    fingerprint: str


def read_training_data(recipe: Recipe, data: Path) -> TrainingData:
    """Return the training rows of every set."""
    rows = tuple(read_set(part, data) for part in recipe.sets)
    unlabelled = tuple(read_texts(data / part.name / "train.jsonl") for part in recipe.unlabelled)
    masked = recipe.masked_language
    texts = read_texts(data / masked.name / "train.jsonl") if masked else []
    parts = [*rows, *unlabelled, texts] if masked else [*rows, *unlabelled]
    return TrainingData(rows, unlabelled, texts, fingerprint(parts))


def read_set(part: TrainingSet, data: Path) -> list[LabelledText]:
    """Return the training rows of one set, cleaned."""
    rows = rows_of(part, data)
    if part.head == STANCE.name:
        rows = without_contradictions(rows)
    return with_relevance(rows, part.relevance_words) if part.relevance_words else rows


def make_batches(
    recipe: Recipe, data: TrainingData, tokeniser: Tokeniser, teacher: Teacher | None = None
) -> list[Batch]:
    """Return every batch of the run, in order; they depend on the recipe and the data only."""
    random = np.random.default_rng(recipe.run.seed)
    batches: list[Batch] = []
    for _ in range(recipe.run.epochs):
        epoch: list[Batch] = []
        for drawn in _epoch(recipe, data, random):
            rows = encode(drawn, tokeniser, post_tokens=recipe.run.post_tokens)
            if teacher is not None and recipe.teacher is not None:
                rows = teacher.teach(drawn, rows, tell=_taught)
            epoch += _grouped(recipe, rows, tokeniser, random)
        if teacher is not None and recipe.naming is not None and recipe.naming.alike:
            rows = _alike(recipe, data, tokeniser, teacher, random)
            epoch += _grouped(recipe, rows, tokeniser, random)
        for _ in range(recipe.run.passes):
            batches += [epoch[index] for index in random.permutation(len(epoch))]
    return batches[: recipe.run.steps]


def _grouped(
    recipe: Recipe, rows: Sequence[Encoded], tokeniser: Tokeniser, random: np.random.Generator
) -> list[Batch]:
    """Return rows in batches of the recipe's size."""
    return group(
        rows, batch_tokens=recipe.run.batch_tokens, padding=tokeniser.padding, random=random
    )


def _alike(
    recipe: Recipe,
    data: TrainingData,
    tokeniser: Tokeniser,
    teacher: Teacher,
    random: np.random.Generator,
) -> list[Encoded]:
    """Return the sentences that are to be answered alike whoever is named in them."""
    number = recipe.naming.alike if recipe.naming else 0
    sentences = alike_posts(number, _targets(data), random)
    posts = [post for versions in sentences for post in versions]
    rows = encode(posts, tokeniser, post_tokens=recipe.run.post_tokens)
    rows = teacher.teach(posts, rows, tell=_taught)
    return list(with_mean_answers(rows, [len(versions) for versions in sentences]))


def _epoch(
    recipe: Recipe, data: TrainingData, random: np.random.Generator
) -> Iterator[list[AskedPost]]:
    """Yield one epoch's posts, those of one head's sets together, then the unlabelled ones."""
    for name in sorted({part.head for part in recipe.sets}):
        yield _drawn(recipe, data, name, random)
    targets = _targets(data)
    for part, rows in zip(recipe.unlabelled, data.unlabelled, strict=True):
        picked = random.choice(len(rows), size=min(part.rows, len(rows)), replace=False)
        yield ask_about_something([rows[index].text for index in picked], targets, random)


def _targets(data: TrainingData) -> list[str]:
    """Return the distinct targets that rows are about."""
    return sorted({row.target for rows in data.rows for row in rows if row.target})


def make_teacher(recipe: Recipe, checkpoints: Path) -> Teacher | None:
    """Return who answers posts, if anybody does; the answers are kept in a folder.

    Without a teacher in the recipe, what is to be answered alike is answered by the base that
    training goes on from.
    """
    settings = recipe.teacher
    if settings is None and recipe.naming is not None and recipe.naming.alike:
        settings = TeacherSettings(folder=recipe.run.encoder, weight=1.0, temperature=1.0)
    if settings is None:
        return None
    return Teacher(
        settings,
        checkpoints / "teacher.pt",
        post_tokens=recipe.run.post_tokens,
        half_precision=in_bf16(recipe.run),
    )


def _taught(posts: int) -> None:
    """Tell how many posts the teacher has answered."""
    sys.stderr.write(f"teacher: {posts} posts answered\n")


def _drawn(
    recipe: Recipe, data: TrainingData, name: str, random: np.random.Generator
) -> list[AskedPost]:
    """Return one epoch's posts of one head's sets, augmented as the recipe says."""
    drawn = [
        row
        for part, rows in zip(recipe.sets, data.rows, strict=True)
        if part.head == name
        for row in draw(rows, name, part.rows, random)
    ]
    if head(name).takes_target:
        posts = about_targets(drawn, recipe.run.targets_per_post)
        posts = augment(posts, recipe.targets, random)
    else:
        posts = about_posts(drawn)
    return name_at_random(posts, recipe.naming, random) if recipe.naming else posts
