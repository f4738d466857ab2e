"""How the shipped model is made: ``config/training.toml`` as values."""

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic.dataclasses import dataclass as checked
from pydantic_core import ErrorDetails

from classifiers import evaluation
from classifiers.augmentation import TargetAugmentation
from classifiers.dataset import LabelledText, read_labelled, texts_by_id
from classifiers.distillation import TeacherSettings
from classifiers.errors import TrainingError
from classifiers.heads import all_heads, head
from classifiers.label_head import Metric
from classifiers.masked_language import MaskedLanguageSettings
from classifiers.naming import Naming
from classifiers.recipe_values import CHECKED, Count, NotNegative, Positive, Share

T = TypeVar("T")

METRICS: dict[str, Metric] = {
    "macro_recall": evaluation.macro_recall,
    "macro_f1": evaluation.macro_f1,
    "f1_favor_against": evaluation.f1_favor_against,
}


def _one_of(known: Callable[[], Iterable[str]]) -> AfterValidator:
    """Return a check that a name is one of those known."""

    def check(name: str) -> str:
        names = sorted(known())
        if name not in names:
            raise ValueError(f"should be one of {', '.join(names)}")
        return name

    return AfterValidator(check)


def _pattern(words: str) -> str:
    """Check that a regular expression is one."""
    try:
        re.compile(words)
    except re.error as exc:
        raise ValueError(f"should be a regular expression: {exc}") from exc
    return words


HeadName = Annotated[str, _one_of(lambda: (known.name for known in all_heads()))]
MetricName = Annotated[str, _one_of(lambda: METRICS)]


@checked(frozen=True, config=CHECKED)
class TrainingSet:
    """A data set's folder name, its head, and the rows drawn from it per epoch.

    Attributes:
        relevance_words: A regular expression: a `none` row without such words is off topic,
            with them relevant. "" where a `none` row says nothing of relevance.
        file: Where the rows are if not in the data's folder.
        posts: The sets whose texts the file has labels for, by id; none if it has its own texts.
    """

    name: str
    head: HeadName
    rows: Count
    relevance_words: Annotated[str, AfterValidator(_pattern)] = ""
    file: str = ""
    posts: list[str] = Field(default_factory=list)

    def path(self, data: Path) -> Path:
        """Return the file of the rows, where ``data`` is the folder of the sets."""
        return Path(self.file) if self.file else data / self.name / "train.jsonl"


@checked(frozen=True, config=CHECKED)
class UnlabelledSet:
    """A data set's folder name, and the posts drawn from it per epoch for a teacher to answer."""

    name: str
    rows: Count


@checked(frozen=True, config=CHECKED)
class ValidationSet:
    """A data set's folder name, its head, and the name of the measure it is judged by.

    Attributes:
        contradictions: Whether `none` rows count whose text and target also have another label.
        file: Where the rows are if not in the data's folder.
        posts: As for a training set.
    """

    name: str
    head: HeadName
    metric: MetricName
    contradictions: bool = True
    file: str = ""
    posts: list[str] = Field(default_factory=list)

    def path(self, data: Path) -> Path:
        """Return the file of the rows, where ``data`` is the folder of the sets."""
        return Path(self.file) if self.file else data / self.name / "val.jsonl"

    @property
    def title(self) -> str:
        """Return what its figures are called."""
        return self.name if self.contradictions else f"{self.name} without contradictions"


def rows_of(part: TrainingSet | ValidationSet, data: Path) -> list[LabelledText]:
    """Return the rows of a set, where ``data`` is the folder of the sets.

    Raises:
        TrainingError: A file is missing.
        BadExampleError: A row does not fit the set's head, or there is none.
    """
    texts = texts_by_id(data, part.posts) if part.posts else None
    return read_labelled(part.path(data), head(part.head), texts)


@checked(frozen=True, config=CHECKED)
class RunSettings:
    """The table ``[run]``; each key is explained in the file itself.

    ``average_from`` is the share of the steps after which weights are averaged; 1 is never.
    ``start_share`` is the share that the weights of the base that training goes on from have in
    those that are written, the learnt ones having the rest (Wortsman et al., Robust Fine-Tuning
    of Zero-Shot Models, CVPR 2022). With ``start_lots`` each weight is taken whole from one of
    both, by lot.
    """

    seed: Annotated[int, Field(ge=0)]
    encoder: str
    layers: Count
    held_layers: Annotated[int, Field(ge=0)]
    precision: Literal["auto", "bf16", "fp32"]
    epochs: Count
    steps: Count
    batch_tokens: Count
    learning_rate: Positive
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    head_rate: Positive
    warm_up: Share
    class_weight_power: NotNegative
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    relevance_weight: NotNegative
    post_tokens: Count
    targets_per_post: Count
    checkpoint_steps: Count
    passes: Count = 1
    average_from: Share = 1.0
    start_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    start_lots: bool = False


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
    naming: Naming | None = None


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
    for name in ("sets", "validation", "unlabelled"):
        if not isinstance(tables.get(name, []), list):
            raise TrainingError(
                f"the recipe's [{name}] is one table, and a list is wanted", hint=f"[[{name}]]"
            )
    if tables.get("unlabelled") and "teacher" not in tables:
        raise TrainingError(
            "nobody answers the recipe's [[unlabelled]] posts",
            hint="name a [teacher], or leave them out; see config/training-small.toml",
        )
    run = _table(RunSettings, tables.get("run", {}), "run")
    if run.held_layers > run.layers:
        raise TrainingError(
            f"`held_layers` is {run.held_layers}, of {run.layers} layers",
            hint="it counts the layers that do not learn",
        )
    return Recipe(
        run=run,
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
        naming=_optional(Naming, tables, "naming"),
    )


def _optional(kind: Callable[..., T], tables: dict[str, Any], name: str) -> T | None:
    """Return a table as a value, none where the recipe has no such table."""
    return _table(kind, tables[name], name) if name in tables else None


def _table(kind: Callable[..., T], table: dict[str, Any], name: str) -> T:
    """Return a table as a value, its mistakes as a TrainingError."""
    if not isinstance(table, dict):
        raise TrainingError(f"the recipe's {name} is {table!r}, no table", hint=f"[{name}]")
    try:
        return kind(**table)
    except ValidationError as exc:
        told = "; ".join(_told(details) for details in exc.errors(include_url=False))
        raise TrainingError(
            f"the recipe's [{name}] does not fit: {told}", hint="see config/training.toml"
        ) from exc


def _told(details: ErrorDetails) -> str:
    """Return what is wrong with one key."""
    key = ".".join(str(part) for part in details["loc"])
    match details["type"]:
        case "missing":
            return f"`{key}` is missing"
        case "unexpected_keyword_argument":
            return f"`{key}` is unknown"
    wanted = details["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return f"`{key}` is {details['input']!r} and {wanted}"
