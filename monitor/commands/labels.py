"""`monitor label`: people's answers, in and out."""

from __future__ import annotations

import json
from pathlib import Path

import click

from monitor.commands.call import Call, with_call
from monitor.errors import LabelError
from monitor.pipeline.classify import questions_of


@click.group("label")
def label_group() -> None:
    """People's answers about posts: what makes a figure validated."""


@label_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@with_call
def import_command(call: Call, file: Path) -> None:
    """Takes a label file in (JSON lines or CSV); a repeated import changes nothing."""
    topic = call.topic
    imported = call.app.label_step(topic).import_file(topic, file)
    names = ("stored", "repeated", "changed", "unknown_post", "rejected")
    counts = {name: imported.counts[name] for name in names}
    validation = [
        {"head": v.head, "target": v.target, "labels": v.audit_labels, "needed": v.needed}
        for v in call.app.figures.validation(topic)
    ]
    lines = [
        f"{sum(counts.values()):,} labels: "
        + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items()),
        *[f"  {problem}" for problem in imported.problems],
    ]
    call.answer(
        {"topic": topic.name, **counts, "problems": imported.problems, "audit": validation},
        "\n".join(lines),
    )
    if not any(counts[name] for name in ("stored", "repeated", "changed")):
        raise LabelError(
            f"no label of {file} could be used",
            hint="are the posts imported, and do head, target and label fit the topic?",
        )


@label_group.command("export")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@with_call
def export_command(call: Call, output: Path | None) -> None:
    """The topic's labels as a label file (JSON lines), to import elsewhere."""
    topic = call.topic
    call.note_access("label export")
    fields = ("id", "platform", "head", "target", "label", "annotator", "sample")
    lines = []
    for label in call.app.queries.labels(topic.name, topic.start, topic.end):
        record = {"id": label.native_id} | {name: getattr(label, name) for name in fields[1:]}
        lines.append(json.dumps(record, ensure_ascii=False))
    text = "\n".join(lines) + "\n" if lines else ""
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@label_group.command("queue")
@click.option("--count", type=click.IntRange(1, 10_000), default=200, show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file.")
@with_call
def queue_command(call: Call, count: int, output: Path | None) -> None:
    """Draws posts at random for people to label: a label file with `label` left empty.

    The draw depends on nothing that the model thinks, and the same posts are drawn again until
    they are labelled. The file holds texts: treat it as the posts themselves, and delete it.
    """
    topic = call.topic
    questions = questions_of(topic)
    call.note_access("label queue")
    posts = call.app.queries.unlabelled(topic.name, questions, topic.languages, limit=count)
    lines = [
        json.dumps(
            {
                "id": post.native_id,
                "platform": post.platform,
                "text": post.text,
                "head": head,
                "target": target,
                "label": "",
                "annotator": "",
                "sample": "random",
            },
            ensure_ascii=False,
        )
        for post in posts
        for head, target in questions
    ]
    text = "\n".join(lines) + "\n" if lines else ""
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        call.say(
            f"{len(posts)} posts, {len(lines)} questions; fill in `label` and `annotator`, "
            "then `monitor label import`"
        )


COMMANDS = {"label": label_group}
