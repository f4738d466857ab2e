"""The platforms' options are settings: declared in one place, listed, typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors import platforms
from monitor import settings_sources
from monitor.errors import ConfigurationError
from monitor.settings import load_settings

DEFAULT = Path(__file__).parents[2] / "config" / "default.toml"


def test_the_default_file_says_what_the_platforms_declare() -> None:
    text = DEFAULT.read_text(encoding="utf-8")

    assert settings_sources.declared() in text, "run python -m monitor.settings_sources"
    assert settings_sources.with_declared(text) == text


def test_what_the_platforms_declare_can_be_written_anew(tmp_path: Path) -> None:
    text = DEFAULT.read_text(encoding="utf-8")
    older = text.replace("[sources.hackernews]", "[sources.older_news]")
    (tmp_path / "default.toml").write_text(older, encoding="utf-8")

    settings_sources.main(tmp_path / "default.toml")

    assert (tmp_path / "default.toml").read_text(encoding="utf-8") == text


def test_every_platform_is_off_and_has_its_defaults() -> None:
    sources = load_settings({}).sources

    assert sources.enabled() == ["sample"]
    for name in platforms.names():
        assert dict(sources[name].options) == platforms.load(name).defaults()


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        (
            "MONITOR_SOURCES__MASTODON__INSTANCES",
            "a.example, b.example",
            ["a.example", "b.example"],
        ),
        ("MONITOR_SOURCES__MASTODON__STREAMING", "true", True),
        ("MONITOR_SOURCES__MASTODON__TIMEOUT", "2.5", 2.5),
        ("MONITOR_SOURCES__MASTODON__PAGE_POSTS", "20", 20),
    ],
    ids=["list", "flag", "number", "whole number"],
)
def test_an_option_has_the_type_of_its_default(variable: str, value: str, expected: object) -> None:
    options = load_settings({variable: value}).sources["mastodon"].options

    assert options[variable.rpartition("__")[2].lower()] == expected


def test_an_option_of_another_type_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigurationError, match="MONITOR_SOURCES__MASTODON__PAGE_POSTS"):
        load_settings({"MONITOR_SOURCES__MASTODON__PAGE_POSTS": "many"})


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"sources\.mastodon\.page_posts"):
        load_settings({"MONITOR_SOURCES__MASTODON__PAGE_POST": "20"})


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no setting is called"):
        load_settings({"MONITOR_SOURCES__MYSPACE__ENABLED": "true"})


@pytest.mark.parametrize("name", platforms.names())
def test_what_queries_may_hold_is_read_as_declared(name: str) -> None:
    assert platforms.query_options(name) == platforms.load(name).query_options


def test_some_platforms_declare_what_queries_may_hold() -> None:
    assert {name for name in platforms.names() if platforms.query_options(name)} == {
        "feed",
        "mastodon",
        "reddit",
    }
