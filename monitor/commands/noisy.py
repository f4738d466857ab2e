"""`monitor export-noisy`: counts with differential privacy, paid from a daily budget."""

from __future__ import annotations

import importlib
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import click

from classifiers.heads import head as head_named
from monitor.commands.call import Call, with_call
from monitor.commands.export import WRITERS, columns_of
from monitor.commands.output import write
from monitor.errors import UsageError
from monitor.pipeline.classify import questions_of


@dataclass(frozen=True, slots=True)
class NoisyCount:
    """How many posts of a day have a label, give or take the noise; nothing that is exact.

    Attributes:
        epsilon: The privacy loss of the whole export, this count among the others.
        version: The shown model version, which alone is counted; empty before the first.
    """

    topic: str
    day: date
    head: str
    target: str
    label: str
    posts: int
    epsilon: float
    version: str


@click.command("export-noisy")
@click.option("--epsilon", type=click.FloatRange(min=0, min_open=True), default=0.5)
@click.option("--format", "format_", type=click.Choice(tuple(WRITERS)), default="csv")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@with_call
def noisy_command(call: Call, epsilon: float, format_: str, output: Path | None) -> None:
    """Daily label counts with differential privacy; each export is paid from a daily budget."""
    settings, topic = call.app.settings.differential_privacy, call.topic
    if not settings.daily_budget:
        raise UsageError(
            "differential privacy is switched off",
            hint="set differential_privacy.daily_budget; docs/privacy.md says what it guarantees",
        )
    if not call.app.store.spend_budget(topic.name, epsilon=epsilon, budget=settings.daily_budget):
        raise UsageError(
            f"an export of epsilon {epsilon:g} does not fit into what is left of today's budget "
            f"of {settings.daily_budget:g}",
            hint="ask for a smaller epsilon, or tomorrow (UTC)",
        )
    call.note_access("export noisy")
    counts = _noisy(call, epsilon, settings.posts_per_author)
    write(WRITERS[format_](columns_of(NoisyCount), [asdict(one) for one in counts]), output)


def _noisy(call: Call, epsilon: float, posts_per_author: int) -> list[NoisyCount]:
    """Every day of the topic, small ones and those without a post too: to leave one out tells.

    A post has one label in every question, so its author changes as many counts as there are
    questions.
    """
    noise = importlib.import_module("monitor.noise")  # brings OpenDP's library
    topic, exact = call.topic, call.app.figures.whole_days(call.topic)
    shown = call.app.queries.shown_version(topic.name)
    questions = call.app.answered(topic, shown) if shown else questions_of(topic)
    places = [
        (day, question, label)
        for day in topic.days()
        for question in questions
        for label in head_named(question[0]).labels
    ]
    counts = [exact.get((day, question), {}).get(label, 0) for day, question, label in places]
    changed = posts_per_author * len(questions)
    noisy = noise.noisy_counts(counts, epsilon=epsilon, posts_per_author=changed)
    return [
        NoisyCount(topic.name, day, *question, label, posts, epsilon, shown or "")
        for (day, question, label), posts in zip(places, noisy, strict=True)
    ]


COMMANDS = {"export-noisy": noisy_command}
