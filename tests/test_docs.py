"""What a user can touch is written down: commands, settings, heads, formats, dependencies."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from classifiers.heads import all_heads
from collectors import platforms
from collectors.formats.reading import AUTO, FORMATS
from monitor.cli import COMMANDS, cli
from monitor.commands.call import Call

ROOT = Path(__file__).parent.parent
DOCS = "\n".join(
    path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_docs_and_explains_itself(command: str) -> None:
    context = click.Context(cli, obj=Call())
    found = cli.get_command(context, command)
    assert found is not None
    assert found.get_short_help_str()
    assert re.search(rf"monitor (--topic <name> )?{command}\b", DOCS), f"no doc shows it: {command}"


def test_every_command_in_the_changelog_is_there() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = re.findall(r"`monitor(?: --topic \w+)? ([a-z][a-z -]*)", text)
    assert told
    assert [words for words in sorted(set(told)) if not _leads_to_a_command(words.split())] == []


def _leads_to_a_command(words: list[str]) -> bool:
    """Whether the first words name a command; those that follow it may be its arguments."""
    context = click.Context(cli, obj=Call())
    found = cli.get_command(context, words.pop(0))
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        found = found.get_command(context, words.pop(0))
    return found is not None


def test_every_setting_has_a_comment_of_its_own() -> None:
    text = (ROOT / "config/default.toml").read_text(encoding="utf-8")
    job_keys = set(re.findall(r"^#   (\w+) ", text, re.MULTILINE))
    lines = text.splitlines()
    undocumented = [
        line
        for number, line in enumerate(lines)
        if (key := re.match(r"(\w+) = ", line))
        and not lines[number - 1].startswith("#")
        and key[1] not in job_keys
    ]
    assert undocumented == []


@pytest.mark.parametrize("head", [head.name for head in all_heads()])
def test_every_head_is_in_the_docs(head: str) -> None:
    assert f"`{head}`" in DOCS


@pytest.mark.parametrize("name", [name for name in FORMATS if name != AUTO])
def test_every_import_format_is_in_the_docs(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/import-formats.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", platforms.names())
def test_every_platform_has_a_page_that_says_how_to_set_it_up_and_what_it_cannot_do(
    name: str,
) -> None:
    source, page = platforms.load(name), _page_of(name)
    settings = [f"`{option.name}`" for option in source.options]
    secrets = [secret.variable(name) for secret in source.secrets]
    read_on = f"{source.policy.read_on.day} {source.policy.read_on:%B %Y}"
    wanted = [*settings, *secrets, read_on, source.policy.url, f"[sources.{name}]"]
    assert [one for one in wanted if one not in page] == []
    assert re.search(r"^## What it cannot do", page, re.MULTILINE)
    assert source.cannot, "a source that can do everything has not been looked at"


@pytest.mark.parametrize("name", platforms.names())
def test_every_platform_s_page_can_be_found(name: str) -> None:
    others = [path for path in (ROOT / "docs").glob("*.md") if path.stem != name]
    shown = "\n".join(path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *others])
    assert f"{name}.md)" in shown, f"no document links to docs/{name}.md"


def _page_of(name: str) -> str:
    path = ROOT / "docs" / f"{name}.md"
    assert path.is_file(), f"docs/{name}.md is missing (docs/add-a-collector.md says what is in it)"
    return path.read_text(encoding="utf-8")


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    documented = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8").lower()
    named = [
        re.split(r"[\[<>=!~]", requirement)[0]
        for part in (project["dependencies"], *project["optional-dependencies"].values())
        for requirement in part
    ]
    missing = [name for name in named if not _is_named(name, documented)]
    assert missing == []


def _is_named(name: str, documented: str) -> bool:
    """Stubs go with their package, pytest's plug-ins by their own name."""
    short = name.removeprefix("types-").removeprefix("pytest-").lower()
    return short in documented


def test_links_between_our_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
        if "://" not in target and "<" not in target and not (path.parent / target).exists()
    ]
    assert broken == []


def test_nothing_names_a_machine_s_path() -> None:
    named = [
        str(path.relative_to(ROOT))
        for folder in ("monitor", "collectors", "classifiers", "config", "docs", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".toml", ".json", ".html"}
        and re.search(r"/(root|home/\w+|work)/", path.read_text(encoding="utf-8"))
    ]
    assert named == []
