"""Settings, read once: environment, then config/local.toml, then config/default.toml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from monitor import problem, settings_layers, settings_sources
from monitor.crontab import crontab_fields
from monitor.errors import ConfigurationError
from monitor.problem import Problem, mistake
from monitor.settings_layers import FILE_SUFFIX, PREFIX, Layer

MANUAL = "config/default.toml"
DASK: Final = "dask"
"""The engine that spreads work over the processes of a Dask cluster."""

_SHIPPED_PLACES = (Path(__file__).parent / "config", Path(__file__).parent.parent / "config")


def _crontab(value: Any) -> Any:
    if not value or not isinstance(value, str):
        return value or None
    try:
        crontab_fields(value)
    except ValueError as exc:
        hint = 'minute, hour, day, month and weekday (1: Monday), such as "30 3 * * 1-5"'
        raise mistake(f'"{value}" is not a crontab line: {exc}', hint) from exc
    return value


def _listed(value: Any) -> Any:
    """A list, or as the environment has it: text with commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _path(value: Any) -> Any:
    return value or None


def _interval(value: Any) -> Any:
    return None if value in (0, "0") else value


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Part = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class DashboardSettings(_Section):
    """`[dashboard]`."""

    host: str = Field(min_length=1)
    port: int = Field(ge=0, le=65535)


class AccessSettings(_Section):
    """`[access]`.

    Attributes:
        proxy_header: Header with the name that a trusted proxy has checked; empty: none is trusted.
        proxy_addresses: The addresses that such a header is believed from.
        proxy_role: Role of names that are no users here; empty: they are refused.
    """

    session_hours: Annotated[float, Field(gt=0, le=8760, allow_inf_nan=False)]
    login_attempts: Count
    login_minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    https: bool
    proxy_header: str
    proxy_addresses: Annotated[tuple[str, ...], BeforeValidator(_listed)]
    proxy_role: Literal["", "viewer", "annotator", "admin"]


class JobSettings(_Section):
    """`[jobs.<name>]`: exactly one of `every` (seconds) and `cron` is set."""

    enabled: bool
    every: Annotated[Seconds | None, BeforeValidator(_interval)]
    cron: Annotated[str | None, BeforeValidator(_crontab)]
    jitter: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    misfire_grace: Seconds

    @model_validator(mode="after")
    def _has_one_schedule(self) -> Self:
        if (self.every is None) == (self.cron is None):
            message = "a job needs either every or cron"
            raise mistake(message, 'set one, and leave the other at 0 or ""')
        return self


class JobsSettings(_Section):
    """`[jobs]`."""

    collect: JobSettings
    classify: JobSettings
    aggregate: JobSettings
    retention: JobSettings
    compliance: JobSettings
    tasks: JobSettings
    alert: JobSettings
    report: JobSettings
    retrain: JobSettings


class SourceSettings(_Section):
    """`[sources.<name>]`: whether it is asked, and what its collector lets one set."""

    model_config = ConfigDict(extra="allow")

    enabled: bool

    @property
    def options(self) -> Mapping[str, Any]:
        """Every key but `enabled`, of the type that the collector declares."""
        return self.model_extra or {}


class SourcesSettings(_Section):
    """`[sources]`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SourceSettings] = Field(init=False)

    contact: str

    def __getitem__(self, name: str) -> SourceSettings:
        """The settings of a source, by its name."""
        return self.__pydantic_extra__[name]

    def get(self, name: str) -> SourceSettings | None:
        """The same, None where there is no such source."""
        return self.__pydantic_extra__.get(name)

    def enabled(self) -> list[str]:
        """The names of the sources that are on, sorted."""
        return sorted(name for name, one in self.__pydantic_extra__.items() if one.enabled)


class DaemonSettings(_Section):
    """`[daemon]`, all in seconds."""

    lease_seconds: Seconds
    heartbeat_seconds: Seconds
    stop_seconds: Seconds


class ClassifySettings(_Section):
    """`[classify]`; 0 threads are all there are."""

    base: Literal["standard", "small"]
    batch_posts: Count
    threads: int = Field(ge=0)


class DistributionSettings(_Section):
    """`[distribution]`; without a scheduler the workers are this machine's, 0: one a core."""

    engine: Literal["local", "dask"]
    scheduler: str
    workers: int = Field(ge=0)

    @property
    def uses_dask(self) -> bool:
        """Whether work is spread over a cluster."""
        return self.engine == DASK


class RetentionSettings(_Section):
    """`[retention]`; `labelled_copies` is the reference of a consent, empty without one."""

    text_days: Count
    labelled_copies: str
    access_days: Count


class PseudonymSettings(_Section):
    """`[pseudonyms]`."""

    rotate_days: Count


class AuditSettings(_Section):
    """`[audit]`."""

    minimum_labels: Count
    overlap: Part


class LabellingSettings(_Section):
    """`[labelling]`."""

    random_part: Part
    chosen: Count
    pool: Count


class RetrainingSettings(_Section):
    """`[retraining]`."""

    new_labels: Count
    keep_versions: Annotated[int, Field(ge=1)]
    shadow_posts: Count
    mlflow_uri: str
    general_sets: Annotated[Path | None, BeforeValidator(_path)]


class GateSettings(_Section):
    """`[gate]`; the same names as `classifiers.verdict.Tolerances`."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    slice_rows: Count
    slice_loss: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    calibration_error: Part
    prevalence_error: Part
    regression: Part
    behaviour: Part
    label_noise: Part
    agreement: Annotated[float, Field(ge=-1, le=1)]
    batch_loss: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ReportSettings(_Section):
    """`[report]`."""

    days: Count


class ReleaseSettings(_Section):
    """`[release]`: parts from 0 to 1; counts are exact where `round_counts_to` is 0."""

    maximum_interval_width: Part
    minimum_coverage: Part
    minimum_scored: Part
    round_counts_to: int = Field(default=0, ge=0)


class DifferentialPrivacySettings(_Section):
    """`[differential_privacy]`; a budget of 0 switches it off."""

    daily_budget: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    posts_per_author: Count


class Settings(_Section):
    """Everything that can be set, checked; `config/default.toml` explains each key.

    Attributes:
        home: Folder of the database and what is made at run time.
        config: Folder of `local.toml`, `topics/` and `samples/`.
        database_url: Never empty here; may hold a password, so never print it.
        origins: Where each value came from, by dotted key.
    """

    home: Path
    config: Path
    database_url: str = Field(repr=False)
    default_topic: str
    dashboard: DashboardSettings
    access: AccessSettings
    jobs: JobsSettings
    sources: SourcesSettings
    daemon: DaemonSettings
    classify: ClassifySettings
    distribution: DistributionSettings
    retention: RetentionSettings
    pseudonyms: PseudonymSettings
    audit: AuditSettings
    labelling: LabellingSettings
    retraining: RetrainingSettings
    gate: GateSettings
    release: ReleaseSettings
    report: ReportSettings
    differential_privacy: DifferentialPrivacySettings
    origins: Mapping[str, str] = Field(repr=False)
    _environ: dict[str, str] = PrivateAttr(default_factory=dict)

    def secret(self, name: str) -> str | None:
        """A secret such as `x_bearer_token`, from MONITOR_X_BEARER_TOKEN or the file named there.

        Raises:
            ConfigurationError: The file that MONITOR_…_FILE names cannot be read or is empty, or
                there is the variable without it as well.
        """
        return _secret(PREFIX + name.upper(), self._environ)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Reads every layer and checks the result.

    Args:
        environ: The environment variables, usually `os.environ`.

    Raises:
        ConfigurationError: Names every unknown key and every wrong value with its place.
    """
    folder = config_folder(environ)
    default = settings_sources.with_undeclared(
        settings_layers.file_layer(_shipped_config() / "default.toml")
    )
    layers = [
        settings_layers.file_layer(folder / "default.toml"),
        settings_layers.file_layer(folder / "local.toml"),
        settings_layers.environment_layer(environ),
    ]
    problems = [
        one for layer in layers for one in settings_layers.unknown_keys(layer, default.values)
    ]
    if problems:
        raise _refused(problems)
    effective, problems = settings_sources.typed(
        reduce(settings_layers.laid_over, layers, default), default
    )
    if problems:
        raise _refused(problems)
    named = {"config": "MONITOR_CONFIG"} if environ.get("MONITOR_CONFIG") else {}
    settings = _validated(_with_database(effective, environ), folder, named)
    settings._environ.update(environ)
    return settings


def config_folder(environ: Mapping[str, str]) -> Path:
    """MONITOR_CONFIG, else ./config, else the folder that ships with the program.

    Raises:
        ConfigurationError: MONITOR_CONFIG names no folder.
    """
    named = environ.get("MONITOR_CONFIG")
    if named and not Path(named).is_dir():
        raise ConfigurationError(
            f"MONITOR_CONFIG names {named}, which is no folder",
            hint="create it, or take the variable away to use ./config",
        )
    if named:
        return Path(named)
    return Path("config") if Path("config/topics").is_dir() else _shipped_config()


def _shipped_config() -> Path:
    """In an installed package inside of it, in a checkout beside it."""
    return next(place for place in _SHIPPED_PLACES if (place / "default.toml").is_file())


def _with_database(layer: Layer, environ: Mapping[str, str]) -> Layer:
    """The database's URL may be a secret, and so stand in a file; without one it is in `home`."""
    values, origins = dict(layer.values), dict(layer.origins)
    variable = f"{PREFIX}DATABASE_URL"
    if secret := _secret(variable, environ):
        values["database_url"] = secret
        origins["database_url"] = variable if environ.get(variable) else variable + FILE_SUFFIX
    elif not values["database_url"]:
        values["database_url"] = _file_url(str(values["home"]))
    return Layer(values, origins, layer.lines)


def _file_url(home: str) -> str:
    """The address of the database's file in `home`, whatever characters that path has."""
    try:
        return f"sqlite:///{quote(home)}/monitor.db"
    except UnicodeEncodeError as exc:
        raise ConfigurationError(
            f"MONITOR_HOME {home.encode(errors='replace').decode()} is not written in UTF-8",
            hint="rename the folder, or choose another MONITOR_HOME",
        ) from exc


def _validated(effective: Layer, folder: Path, named: Mapping[str, str]) -> Settings:
    def place(path: problem.Path) -> str:
        key = problem.dotted(path)
        return effective.place(key) if key in effective.origins else key

    content = settings_layers.nested(effective.values)
    try:
        return Settings(config=folder, origins={**effective.origins, **named}, **content)
    except ValidationError as exc:
        raise _refused(problem.problems_of(exc, Settings, place, manual=MANUAL)) from exc


def _refused(problems: list[Problem]) -> ConfigurationError:
    listed = "\n".join(f"  {one}" for one in problems)
    return ConfigurationError(
        f"{len(problems)} setting(s) cannot be used:\n{listed}",
        hint=f"{MANUAL} explains every setting",
    )


def _secret(variable: str, environ: Mapping[str, str]) -> str | None:
    given, path = environ.get(variable), environ.get(variable + FILE_SUFFIX)
    if not path:
        return given or None
    if given:
        raise ConfigurationError(
            f"both {variable} and {variable}{FILE_SUFFIX} are set",
            hint=f"unset one of them; for a single command: env -u {variable} monitor …",
        )
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            f"{variable}{FILE_SUFFIX} names {path}, which cannot be read",
            hint="let it name a text file that this user may read",
        ) from exc
    if not secret:  # Without a key a backup would be open, say: what was meant is not known.
        raise ConfigurationError(
            f"{variable}{FILE_SUFFIX} names {path}, which is empty",
            hint="write the secret into it, or unset the variable",
        )
    return secret
