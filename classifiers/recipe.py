"""How the shipped model is made: ``config/training.toml`` as values."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from classifiers import evaluation
from classifiers.augmentation import TargetAugmentation
from classifiers.distillation import TeacherSettings
from classifiers.errors import TrainingError
from classifiers.label_head import Metric
from classifiers.masked_language import MaskedLanguageSettings

T = TypeVar("T")

METRICS: dict[str, Metric] = {
    "macro_recall": evaluation.macro_recall,
    "macro_f1": evaluation.macro_f1,
    "f1_favor_against": evaluation.f1_favor_against,
}


@dataclass(frozen=True)
class TrainingSet:
    """A data set's folder name, its head, and the rows drawn from it per epoch.

    Attributes:
        relevance_words: A regular expression: a `none` row without such words is off topic,
            with them relevant. "" where a `none` row says nothing of relevance.
        file: Where the rows are if not in the data's folder.
    """

    name: str
    head: str
    rows: int
    relevance_words: str = ""
    file: str = ""

    def path(self, data: Path) -> Path:
        """Return the file of the rows, where ``data`` is the folder of the sets."""
        return Path(self.file) if self.file else data / self.name / "train.jsonl"


@dataclass(frozen=True)
class UnlabelledSet:
    """A data set's folder name, and the posts drawn from it per epoch for a teacher to answer."""

    name: str
    rows: int


@dataclass(frozen=True)
class ValidationSet:
    """A data set's folder name, its head, and the name of the measure it is judged by.

    Attributes:
        contradictions: Whether `none` rows count whose text and target also have another label.
        file: Where the rows are if not in the data's folder.
    """

    name: str
    head: str
    metric: str
    contradictions: bool = True
    file: str = ""

    def path(self, data: Path) -> Path:
        """Return the file of the rows, where ``data`` is the folder of the sets."""
        return Path(self.file) if self.file else data / self.name / "val.jsonl"

    @property
    def title(self) -> str:
        """Return what its figures are called."""
        return self.name if self.contradictions else f"{self.name} without contradictions"


@dataclass(frozen=True)
class RunSettings:
    """The table ``[run]``; each key is explained in the file itself.

    ``average_from`` is the share of the steps after which weights are averaged; 1 is never.
    ``start_share`` is the share that the weights of the base that training goes on from have in
    those that are written, the learnt ones having the rest (Wortsman et al., Robust Fine-Tuning
    of Zero-Shot Models, CVPR 2022).
    """

    seed: int
    encoder: str
    layers: int
    held_layers: int
    precision: str
    epochs: int
    steps: int
    batch_tokens: int
    learning_rate: float
    layer_decay: float
    head_rate: float
    warm_up: float
    class_weight_power: float
    label_smoothing: float
    relevance_weight: float
    post_tokens: int
    targets_per_post: int
    checkpoint_steps: int
    passes: int = 1
    average_from: float = 1.0
    start_share: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """The whole file."""

    run: RunSettings
    targets: TargetAugmentation
    sets: tuple[TrainingSet, ...]
    validation: tuple[ValidationSet, ...]
    teacher: TeacherSettings | None = None
    unlabelled: tuple[UnlabelledSet, ...] = ()
    masked_language: MaskedLanguageSettings | None = None


def read_recipe(path: Path) -> Recipe:
    """Return the recipe in a TOML file.

    Raises:
        TrainingError: The file is missing or no TOML, or a key is missing, unknown or of no value
            that is known.
    """
    if not path.is_file():
        raise TrainingError(f"no recipe at {path}", hint="see config/training.toml")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise TrainingError(
            f"{path} is no TOML: {exc}", hint="mend that place; see config/training.toml"
        ) from exc
    if tables.get("unlabelled") and "teacher" not in tables:
        raise TrainingError(
            "nobody answers the recipe's [[unlabelled]] posts",
            hint="name a [teacher], or leave them out; see config/training-small.toml",
        )
    return Recipe(
        run=_table(RunSettings, tables.get("run", {}), "run"),
        targets=_table(TargetAugmentation, tables.get("targets", {}), "targets"),
        sets=tuple(_table(TrainingSet, table, "sets") for table in tables.get("sets", ())),
        validation=tuple(
            _table(ValidationSet, table, "validation") for table in tables.get("validation", ())
        ),
        teacher=_optional(TeacherSettings, tables, "teacher"),
        unlabelled=tuple(
            _table(UnlabelledSet, table, "unlabelled") for table in tables.get("unlabelled", ())
        ),
        masked_language=_optional(MaskedLanguageSettings, tables, "masked_language"),
    )


def _optional(kind: Callable[..., T], tables: dict[str, Any], name: str) -> T | None:
    """Return a table as a value, none where the recipe has no such table."""
    return _table(kind, tables[name], name) if name in tables else None


def _table(kind: Callable[..., T], table: dict[str, Any], name: str) -> T:
    """Return a table as a value, its mistakes as a TrainingError."""
    try:
        return kind(**table)
    except TypeError as exc:
        raise TrainingError(
            f"the recipe's [{name}] does not fit: {exc}", hint="see config/training.toml"
        ) from exc
