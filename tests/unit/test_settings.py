"""Settings come from three layers, are checked, and never tell a secret."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from monitor.errors import ConfigurationError
from monitor.settings import config_folder, load_settings
from monitor.store.backup import database_file

CONFIG = Path(__file__).parents[2] / "config"


def _refusal(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    assert caught.value.hint
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "topics").mkdir()
    return tmp_path


def _with_local(folder: Path, text: str) -> dict[str, str]:
    (folder / "local.toml").write_text(text, encoding="utf-8")
    return {"MONITOR_CONFIG": str(folder)}


def test_without_anything_set_the_defaults_hold() -> None:
    settings = load_settings({})

    assert settings.home == Path("var")
    assert settings.database_url == "sqlite:///./var/monitor.db"
    assert (settings.dashboard.host, settings.dashboard.port) == ("127.0.0.1", 8000)
    assert settings.sources["sample"].enabled
    assert set(settings.origins.values()) == {"config/default.toml"}


def test_the_environment_wins_over_local_and_local_over_default(folder: Path) -> None:
    environ = _with_local(folder, "[dashboard]\nport = 1\nhost = 'a'\n")

    settings = load_settings({**environ, "MONITOR_DASHBOARD__PORT": "2"})

    assert (settings.dashboard.port, settings.dashboard.host) == (2, "a")
    assert settings.origins["dashboard.port"] == "MONITOR_DASHBOARD__PORT"
    assert settings.origins["dashboard.host"] == "config/local.toml"
    assert settings.origins["daemon.stop_seconds"] == "config/default.toml"


def test_the_database_lies_in_home_unless_it_is_set() -> None:
    at_home = load_settings({"MONITOR_HOME": "/srv/m"})
    elsewhere = load_settings({"MONITOR_DATABASE_URL": "postgresql://db/m"})

    assert at_home.database_url == "sqlite:////srv/m/monitor.db"
    assert elsewhere.database_url == "postgresql://db/m"
    assert elsewhere.origins["database_url"] == "MONITOR_DATABASE_URL"


@pytest.mark.parametrize(
    "home", ["/srv/a%b", "/srv/a%41b", "/srv/a#b", "/srv/what?x", "/srv/our büro", "a+b"]
)
def test_the_database_lies_in_home_whatever_the_folder_is_called(home: str) -> None:
    settings = load_settings({"MONITOR_HOME": home})

    assert database_file(settings.database_url) == settings.home / "monitor.db"


def test_a_home_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"MONITOR_HOME /srv/\? is not written in UTF-8"):
        load_settings({"MONITOR_HOME": "/srv/\udcff"})


def test_the_database_url_can_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:secret@db/m\n")

    settings = load_settings({"MONITOR_DATABASE_URL_FILE": str(tmp_path / "url")})

    assert settings.database_url == "postgresql://u:secret@db/m"
    assert settings.origins["database_url"] == "MONITOR_DATABASE_URL_FILE"
    assert "secret" not in repr(settings)


def test_an_empty_variable_counts_as_not_set() -> None:
    settings = load_settings({"MONITOR_DATABASE_URL": "", "MONITOR_DASHBOARD__PORT": ""})

    assert settings.model_dump() == load_settings({}).model_dump()


def test_an_unknown_variable_is_refused_with_the_nearest_setting() -> None:
    message = _refusal({"MONITOR_DASHBOARD__PROT": "1"})

    assert 'MONITOR_DASHBOARD__PROT: no setting is called "dashboard.prot"' in message
    assert 'did you mean "dashboard.port"?' in message


def test_an_unknown_key_is_refused_with_its_file_and_line(folder: Path) -> None:
    message = _refusal(_with_local(folder, "[dashboard]\n\nprot = 1\n"))

    assert "config/local.toml, line 3, dashboard.prot" in message


def test_every_wrong_value_is_told_at_once_with_its_origin(folder: Path) -> None:
    environ = _with_local(folder, "[release]\nminimum_scored = 3\n")

    message = _refusal({**environ, "MONITOR_DASHBOARD__PORT": "http"})

    assert "config/local.toml, line 2, release.minimum_scored: 3 should be" in message
    assert "MONITOR_DASHBOARD__PORT: 'http' should be a valid integer" in message


def test_a_file_that_is_not_toml_is_refused(folder: Path) -> None:
    assert "local.toml" in _refusal(_with_local(folder, "port = \n"))


def test_a_config_folder_that_was_named_tells_so(tmp_path: Path) -> None:
    assert load_settings(_with_local(tmp_path, "")).origins["config"] == "MONITOR_CONFIG"


def test_a_config_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "MONITOR_CONFIG" in _refusal({"MONITOR_CONFIG": str(tmp_path / "absent")})


def test_a_folder_without_config_uses_the_one_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert (config_folder({}) / "default.toml").is_file()


def test_setting_an_interval_takes_the_crontab_line_away(folder: Path) -> None:
    default = load_settings({}).jobs.retention
    local = load_settings(_with_local(folder, "[jobs.retention]\nevery = 60\n")).jobs.retention

    assert (default.every, default.cron) == (None, "30 3 * * *")
    assert (local.every, local.cron) == (60, None)


def test_setting_a_crontab_line_takes_the_interval_away() -> None:
    job = load_settings({"MONITOR_JOBS__COLLECT__CRON": "*/5 * * * *"}).jobs.collect

    assert (job.every, job.cron) == (None, "*/5 * * * *")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('"99 3 * * *"', '"99 3 * * *" is not a crontab line: '),
        ('"30 3 * * 8"', '"30 3 * * 8" is not a crontab line: there is no weekday "8" (minute, '),
        ("5", "5 should be a valid string"),
    ],
)
def test_a_crontab_line_that_is_none_is_told_with_its_place(
    folder: Path, value: str, told: str
) -> None:
    message = _refusal(_with_local(folder, f"[jobs.retention]\ncron = {value}\n"))

    assert f"config/local.toml, line 2, jobs.retention.cron: {told}" in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MONITOR_JOBS__COLLECT__CRON", "daily"),
        ("MONITOR_JOBS__COLLECT__CRON", "99 3 * * *"),
        ("MONITOR_JOBS__COLLECT__EVERY", "0"),
        ("MONITOR_JOBS__COLLECT__EVERY", "inf"),
        ("MONITOR_JOBS__COLLECT__JITTER", "-1"),
        ("MONITOR_CLASSIFY__BATCH_POSTS", "0"),
        ("MONITOR_DASHBOARD__PORT", "70000"),
        ("MONITOR_SOURCES__SAMPLE__ENABLED", "perhaps"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(variable: str, value: str) -> None:
    assert "1 setting(s) cannot be used" in _refusal({variable: value})


def test_a_secret_is_read_from_the_environment_or_its_file_and_never_shown(
    tmp_path: Path,
) -> None:
    (tmp_path / "token").write_text("hidden-2\n")
    settings = load_settings(
        {"MONITOR_X_TOKEN": "hidden-1", "MONITOR_REDDIT_KEY_FILE": str(tmp_path / "token")}
    )

    assert settings.secret("x_token") == "hidden-1"
    assert settings.secret("reddit_key") == "hidden-2"
    assert settings.secret("bluesky_password") is None
    assert "hidden" not in repr(settings) + settings.model_dump_json()


def test_a_secret_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    settings = load_settings({"MONITOR_X_TOKEN_FILE": str(tmp_path / "absent")})

    with pytest.raises(ConfigurationError, match="MONITOR_X_TOKEN_FILE"):
        settings.secret("x_token")


def test_every_setting_is_explained_with_its_unit_right_above_it() -> None:
    lines = (CONFIG / "default.toml").read_text(encoding="utf-8").splitlines()
    keys = {key.rpartition(".")[2] for key in load_settings({}).origins}
    explained = {
        line.split(" = ")[0]
        for before, line in itertools.pairwise(lines)
        if re.match(r"# .+\(.+\)", before)
    }
    of_jobs = {line.split()[1] for line in lines if re.match(r"#   \w+ .+\(.+\)", line)}

    assert of_jobs == {"enabled", "every", "cron", "jitter", "misfire_grace"}
    assert keys == (explained | of_jobs) & keys
