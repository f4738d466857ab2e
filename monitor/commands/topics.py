"""`monitor topics`: what is watched, and whether the files that say so are right."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from monitor.bootstrap.loading import load
from monitor.commands.call import Call, table, with_call
from monitor.errors import ConfigurationError
from monitor.topic import check_topic_file, load_topic


@click.group("topics")
def topics_group() -> None:
    """What is watched."""


@topics_group.command("list")
@with_call
def list_command(call: Call) -> None:
    """Every topic of the configuration."""
    rows = [
        {
            "name": topic.name,
            "from": topic.start.isoformat(),
            "to": topic.end.isoformat(),
            "timezone": topic.timezone.key,
            "targets": ", ".join(target.name for target in topic.targets),
            "title": topic.title,
        }
        for topic in call.app.topics.values()
    ]
    call.answer(rows, table(rows))


@topics_group.command("check")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@with_call
def check_command(call: Call, files: tuple[Path, ...]) -> None:
    """Explains every mistake in topic files (all of them unless named), with its place."""
    folder = call.app.settings.config / "topics"
    paths = files or tuple(sorted(folder.glob("*.toml")))
    found = {str(path): check_topic_file(path) for path in paths}
    data = {path: [asdict(problem) for problem in problems] for path, problems in found.items()}
    lines = []
    for path, problems in found.items():
        lines.append(f"{path}: {'right' if not problems else f'{len(problems)} mistake(s)'}")
        lines += [f"  {p.place}: {p.message}\n    {p.hint}" for p in problems]
        lines += [] if problems else _exchanged(Path(path))
    call.answer(data, "\n".join(lines) or f"there is no topic file in {folder}")
    mistakes = sum(map(len, found.values()))
    if mistakes:
        raise ConfigurationError(
            f"{mistakes} mistake(s) in {sum(map(bool, found.values()))} topic file(s)",
            hint="docs/topics.md explains every key",
        )


def _exchanged(path: Path) -> list[str]:
    """A line for each target that is asked as what it is the opposite of."""
    without_opposition = load("classifiers.opposites", "without_opposition")
    lines = []
    for target in load_topic(path).targets:
        about, is_opposed = without_opposition(target.text)
        if is_opposed:
            lines.append(
                f"  target {target.name}: {target.text!r} is asked as {about!r}, favor and against "
                "exchanged"
            )
    return lines


COMMANDS = {"topics": topics_group}
