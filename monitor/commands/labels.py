"""`monitor label`: people's answers, in and out, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from monitor.agreement import Agreement
from monitor.bootstrap.labelling import choose_posts, echo_labels, label_step, review_labels
from monitor.commands.call import Call, table, with_call
from monitor.commands.output import write
from monitor.errors import LabelError
from monitor.labelfiles.doccano import doccano_labels
from monitor.labelfiles.label_studio import label_studio_config
from monitor.labelfiles.shapes import SHAPES
from monitor.outward import rounded_down, rounded_up
from monitor.pipeline.classify import questions_of
from monitor.pipeline.label_items import exported_items, queue_items
from monitor.pipeline.label_review import LabelReview

_SHAPES = click.Choice(sorted(SHAPES))
_output = click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="A file, else standard out."
)


@click.group("label")
def label_group() -> None:
    """People's answers about posts: what makes a figure validated."""


@label_group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format", "shape", type=click.Choice(["auto", *sorted(SHAPES)]), default="auto",
    show_default=True,
)  # fmt: skip
@click.option("--annotator", default="", help="A code for answers that name nobody.")
@with_call
def import_command(call: Call, file: Path, shape: str, annotator: str) -> None:
    """Takes a label file in; a repeated import changes nothing."""
    topic = call.topic
    step = label_step(call.app, topic)
    imported = step.import_file(topic, file, shape=shape, annotator=annotator)
    names = ("stored", "repeated", "changed", "unknown_post", "edited_post", "rejected")
    counts = {name: imported.counts[name] for name in names}
    validation = [
        {"head": v.head, "target": v.target, "labels": v.audit_labels, "needed": v.needed}
        for v in call.app.figures.validation(topic)
    ]
    lines = [
        f"{sum(counts.values()):,} labels: "
        + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items()),
        *([f"{imported.copies:,} copies of labelled texts took labels"] * bool(imported.copies)),
        *([_edited(counts["edited_post"])] * bool(counts["edited_post"])),
        *[f"  {problem}" for problem in imported.problems],
    ]
    call.answer(
        {"topic": topic.name, **counts, "copies": imported.copies}
        | {"problems": imported.problems, "audit": validation},
        "\n".join(lines),
    )
    if not any(counts[name] for name in ("stored", "repeated", "changed")):
        raise LabelError(
            f"no label of {file} could be used",
            hint="are the posts imported, and do head, target and label fit the topic?",
        )


def _edited(count: int) -> str:
    return (
        f"{count:,} labels were not taken, as their posts have changed meanwhile; "
        "draw these again with `monitor label queue`"
    )


@label_group.command("export")
@click.option("--format", "shape", type=_SHAPES, default="jsonl", show_default=True)
@click.option("--texts", is_flag=True, help="With the posts' texts, while they are kept.")
@_output
@with_call
def export_command(call: Call, shape: str, texts: bool, output: Path | None) -> None:
    """The topic's labels as a label file, to import here or elsewhere."""
    topic = call.topic
    call.note_access("label export with texts" if texts else "label export")
    items = exported_items(call.app.queries, topic, texts=texts)
    write(SHAPES[shape].write(items, questions_of(topic)).encode(), output)


@label_group.command("queue")
@click.option("--count", type=click.IntRange(1, 10_000), default=200, show_default=True)
@click.option(
    "--choose",
    type=click.Choice(("random", "mixed", "conflicts", "errors")),
    default="random",
    show_default=True,
    help="random: an audit; mixed: part of it posts that teach the model most; conflicts, "
    "errors: labels to be settled.",
)
@click.option("--format", "shape", type=_SHAPES, default="jsonl", show_default=True)
@_output
@with_call
def queue_command(call: Call, count: int, choose: str, shape: str, output: Path | None) -> None:
    """Draws posts for people to label: a label file without answers.

    The random draw depends on nothing that the model thinks, and the same posts are drawn again
    until they are labelled. The file holds texts: treat it as the posts themselves, and delete it.
    """
    topic = call.topic
    call.note_access("label queue")
    app = call.app
    if choose == "mixed":
        with call.stages() as stage:
            choose_posts(app, topic, progress=stage)
    review = review_labels(app, topic) if choose in ("conflicts", "errors") else None
    if review is None:
        echo_labels(app, topic)
    part = app.settings.labelling.random_part if choose == "mixed" else 1.0
    items, questions = queue_items(
        app.queries, topic, review, choose=choose, limit=count, random_part=part
    )
    write(SHAPES[shape].write(items, questions).encode(), output)
    if output is not None:
        call.say(
            f"{len(items)} posts, {len(questions)} questions; fill in `label` and `annotator`, "
            "then `monitor label import`"
        )


@label_group.command("setup")
@click.argument("tool", type=click.Choice(("label-studio", "doccano")))
@_output
@with_call
def setup_command(call: Call, tool: str, output: Path | None) -> None:
    """The topic's questions as a labelling tool wants them (XML, or a list of labels)."""
    config_of = label_studio_config if tool == "label-studio" else doccano_labels
    write(config_of(questions_of(call.topic)).encode(), output)


@label_group.command("review")
@click.option("--most", type=click.IntRange(1), default=20, show_default=True)
@with_call
def review_command(call: Call, most: int) -> None:
    """Agreement by question and annotator, conflicts, and labels that are probably wrong.

    No text is shown; `monitor label queue --choose conflicts` or `errors` gives the posts.
    """
    review = review_labels(call.app, call.topic)
    call.answer(_told(review), _text(review, most))


def _told(review: LabelReview) -> dict[str, Any]:
    return {
        "questions": [asdict(one) for one in review.questions],
        "conflicts": [
            {"id": one.native_id} | {n: getattr(one, n) for n in ("platform", "head", "target")}
            | {"given": dict(one.given), "even": one.is_even}
            for one in review.conflicts
        ],
        "probable_errors": _errors(review),
    }  # fmt: skip


def _errors(review: LabelReview) -> list[dict[str, Any]]:
    names = ("platform", "head", "target", "label")
    return [
        {"id": one.post.native_id}
        | {name: getattr(one.post, name) for name in names}
        | {"suggested": one.suggested, "probability": round(one.probability, 4)}
        for one in review.errors
    ]


def _text(review: LabelReview, most: int) -> str:
    rows = [
        {
            "question": f"{one.head} {one.target}".strip(),
            "annotator": who,
            "posts": found.posts if who else one.posts,
            "twice": found.posts,
            "alpha": _alpha(found),
            "noise": f"{one.noise:.0%}" if not who else "",
        }
        for one in review.questions
        for who, found in {"": one.agreement, **one.by_annotator}.items()
    ]
    even = sum(one.is_even for one in review.conflicts)
    return "\n".join(
        [
            table(rows),
            f"{len(review.conflicts)} conflicts ({even} even, which count for nothing until "
            "`monitor label queue --choose conflicts` is answered)",
            f"{len(review.errors)} labels are probably wrong"
            if review.is_judged
            else "which labels are probably wrong is told once a version has learnt them "
            "(`monitor retrain`)",
            *([table(_errors(review)[:most])] if review.errors else []),
        ]
    )


def _alpha(found: Agreement) -> str:
    if found.alpha is None:
        return "-"
    interval = ""
    if found.low is not None and found.high is not None:
        interval = f" ({rounded_down(found.low):.2f} to {rounded_up(found.high):.2f})"
    return f"{found.alpha:.2f}{interval}"


COMMANDS = {"label": label_group}
