"""Commands that make figures of what is stored: `classify` and `aggregate`."""

from __future__ import annotations

import click

from monitor.commands.call import Call, with_call


@click.command("classify")
@with_call
def classify_command(call: Call) -> None:
    """Scores the posts that the champion has not answered yet."""
    with call.progress("posts") as progress:
        counts = call.app.classify(call.topic, progress=progress)
    call.answer(dict(counts), f"{counts['posts']:,} posts scored")


@click.command("aggregate")
@click.option("--all", "rebuild", is_flag=True, help="Every day, not only those that changed.")
@with_call
def aggregate_command(call: Call, rebuild: bool) -> None:
    """Rebuilds the daily figures of the days that changed."""
    counts = call.app.aggregate(call.topic, rebuild=rebuild)
    call.answer(dict(counts), f"{counts['days']:,} days rebuilt")


COMMANDS = {"classify": classify_command, "aggregate": aggregate_command}
