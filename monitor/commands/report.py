"""`monitor report`: a topic's page as one document."""

from __future__ import annotations

import importlib
from datetime import date
from pathlib import Path

import click

from monitor.commands.call import Call, Day, with_call
from monitor.commands.output import write
from monitor.errors import UsageError


@click.command("report")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The document: a name that ends in .html, .pdf or .png.",
)
@click.option("--since", type=Day(), help="First day (default: the topic's).")
@click.option("--until", type=Day(), help="First day left out.")
@click.option(
    "--by", type=click.Choice(("cohort", "platform", "language")), help="Split every chart."
)
@with_call
def report_command(
    call: Call, output: Path, since: date | None, until: date | None, by: str | None
) -> None:
    """Writes the released figures of a range as one document, complete in itself."""
    # The web framework and the charts load only where pages are made.
    report = importlib.import_module("monitor.dashboard.report")
    selection = importlib.import_module("monitor.dashboard.selection")
    kind = output.suffix.lower().removeprefix(".")
    if kind not in report.KINDS:
        raise UsageError(
            f"a report cannot be written as {output.name!r}",
            hint=f"let the name end in .{', .'.join(report.KINDS)}",
        )
    if since and until and since >= until:
        raise UsageError(f"--since {since} is not before --until {until}")
    asked = selection.Selection(by=(by,) if by else (), since=since, until=until)
    content = report.make_report(call.app.board(), call.topic, asked, kind)
    call.note_access("report")
    write(content, output)
    data = {"topic": call.topic.name, "file": str(output), "bytes": len(content)}
    call.answer(data, f"{output}: {len(content):,} bytes")


COMMANDS = {"report": report_command}
