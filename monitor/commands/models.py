"""Commands about model versions: `retrain` and `models`."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from classifiers.heads import all_heads
from monitor.bootstrap import scoring
from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.drifting import drift, keep_reference
from monitor.commands.call import Call, table, with_call
from monitor.outward import rounded_down, rounded_up
from monitor.retraining import (
    Promote,
    promote_version,
    prune_versions,
    retrain_topic,
    roll_back,
)

if TYPE_CHECKING:
    from classifiers.judging import Judgement  # brings the model's libraries with it


@click.command("retrain")
@click.option(
    "--promote",
    type=click.Choice(("auto", "never", "force")),
    default="never",
    show_default=True,
    help="auto: the candidate takes over if it passes every check; force: whatever they say.",
)
@with_call
def retrain_command(call: Call, promote: Promote) -> None:
    """Trains a candidate version on the topic's labels and compares it with the champion."""
    topic = call.topic
    with call.stages() as stage:
        deed = retrain_topic(call.app, topic, who="command", promote=promote, progress=stage)
    retrained, promoted = deed.retrained, deed.promoted
    version = retrained.version
    call.say(f"candidate {version.id} from {retrained.examples} labels: {deed.reason}")
    for check in retrained.verdict.checks:
        call.say(f"  {'passed' if check.passed else 'FAILED'} {check.told}")
    if promoted or retrained.is_champion:
        _rescore(call, version.id)
    data = {
        "topic": topic.name,
        "version": version.id,
        "examples": retrained.examples,
        "beats_champion": retrained.beats,
        "reason": deed.reason,
        "promoted": promoted,
        "checks": retrained.verdict.recorded,
        "pruned": list(deed.pruned),
        "metrics": dict(version.metrics),
    }
    verdict = f"not promoted (`monitor models promote {version.id}`)"
    if promoted or retrained.is_champion:
        verdict = "promoted" if promoted else "the champion already"
    call.answer(data, f"{version.id}: {verdict}")


@click.group("models")
def models_group() -> None:
    """Model versions: what scores the posts."""


@models_group.command("list")
@with_call
def list_command(call: Call) -> None:
    """The shipped version and the topic's own."""
    topic = call.topic
    versions = call.app.registry.list(topic.name)
    champion = call.app.registry.ruling(topic.name)
    if champion not in {version.id for version in versions}:
        click.echo(f"the champion {champion} is not on disk: promote another version", err=True)
    shown = call.app.queries.shown_version(topic.name)
    removed = call.app.queries.models_on_removed(topic.name)
    rows = [
        {
            "version": version.id,
            "stage": version.stage,
            "shown": "yes" if version.id == shown else "",
            "base": version.base or "",
            "made": version.created_at,
            "removed_posts": removed.get(version.id, 0),
        }
        for version in versions
    ]
    call.answer(rows, table(rows))


@models_group.command("show")
@click.argument("version_id", metavar="VERSION")
@with_call
def show_command(call: Call, version_id: str) -> None:
    """Everything that is known of a version: data, seed, metrics, confusion."""
    version = asdict(call.app.registry.get(version_id, call.app.name_of(call.topic_name)))
    call.answer(version, json.dumps(version, indent=2, ensure_ascii=False, default=str))


@models_group.command("evaluate")
@click.option(
    "--data",
    "path",
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="Labelled JSON lines, or a TweetEval task's folder as it is.",
)
@click.option("--head", type=click.Choice([known.name for known in all_heads()]))
@click.option("--target", default="", help="The target of rows that name none.")
@click.option("--split", type=click.Choice(("train", "val", "test")), default="test")
@click.option("--version", "version_id", help="The version to judge; else the topic's champion.")
@with_call
def evaluate_command(
    call: Call, path: Path, head: str | None, target: str, split: str, version_id: str | None
) -> None:
    """Scores labelled texts and prints the head's measure with its interval, and calibration.

    The labels tell which head is meant. Labels that a topic's version has learnt flatter it: what
    it said before it had is in `monitor models show`. Touches no database.
    """
    labelled_files = importlib.import_module("classifiers.labelled_files")
    known, rows = labelled_files.read_judged(path, head_name=head, target=target, split=split)
    version = version_id or call.app.champion_of(call.topic_name).id
    scorer = call.app.scorers.loaded(version)
    judged = importlib.import_module("classifiers.judging").judge(scorer, known, rows)
    call.answer({"version": version, **asdict(judged)}, f"version {version}\n{_told(judged)}")


def _told(judged: Judgement) -> str:
    """A judgement for people."""
    low, high = rounded_down(judged.low, 3), rounded_up(judged.high, 3)
    share = f"{100 * judged.score:.1f} ({100 * low:.1f} to {100 * high:.1f})"
    lines = [
        f"{judged.head}: {judged.metric} {share} on {judged.rows} rows",
        f"macro F1 {100 * judged.macro_f1:.1f}, accuracy {100 * judged.accuracy:.1f}, "
        f"log loss {judged.log_loss:.3f}, calibration error {judged.calibration_error:.3f}",
        "F1 " + ", ".join(f"{label} {100 * f1:.1f}" for label, f1 in judged.f1.items()),
    ]
    for name, (score, rows) in list(judged.targets.items())[:20]:
        lines.append(f"  {name}: {100 * score:.1f} on {rows} rows")
    if len(judged.targets) > 20:
        lines.append(f"  and {len(judged.targets) - 20} more targets (--json shows all)")
    return "\n".join(lines)


@models_group.command("promote")
@click.argument("version_id", metavar="VERSION")
@with_call
def promote_command(call: Call, version_id: str) -> None:
    """Makes a version the topic's champion, scores the posts with it and switches the series."""
    promoted = promote_version(call.app, call.topic, version_id, who="command")
    _rescore(call, promoted)
    call.answer({"version": promoted, "promoted": True}, f"{promoted} is the champion")


@models_group.command("rollback")
@with_call
def rollback_command(call: Call) -> None:
    """Goes back to the champion before this one, whose series shows at once."""
    version = roll_back(call.app, call.topic, who="command")
    _rescore(call, version)
    call.answer({"version": version}, f"{version} is the champion again")


@models_group.command("shadow")
@click.argument("version_id", metavar="VERSION")
@with_call
def shadow_command(call: Call, version_id: str) -> None:
    """Scores the newest posts with a version beside the champion: what would change."""
    with call.progress("posts") as progress:
        found = scoring.shadow(call.app, call.topic, version_id, progress=progress)
    rows = [
        {
            "question": f"{one.head} {one.target}".strip(),
            "posts": one.posts,
            "same": f"{one.same:.1%}",
            **{label: f"{a:.1%} to {b:.1%}" for label, (a, b) in one.shares.items()},
        }
        for one in found
    ]
    text = "\n\n".join(table([row]) for row in rows)
    call.answer([asdict(one) for one in found], text)


@models_group.command("drift")
@with_call
def drift_command(call: Call) -> None:
    """What has changed since the champion was made, and whether to train again.

    The first call keeps the newest posts' words, scores and embeddings as what later ones are
    compared with; no text is kept.
    """
    report = drift(call.app, call.topic)
    shifts = [
        {"of": one.of, "discrepancy": f"{one.discrepancy:.4f}", "chance": f"{one.chance:.3f}"}
        for one in report.shifts
    ]
    audit = [
        {
            "question": f"{one.head} {one.target}".strip(),
            "days": f"{one.since} to {one.until}",
            "labels": one.labels,
            "error": one.told,
        }
        for one in report.audit
    ]
    lines = [
        f"version {report.version}, {report.new_labels} labels since it was made",
        table(shifts) if shifts else "nothing to compare the posts with yet; kept them for later",
        table(audit) if audit else "too few audit labels to tell its errors over time",
        *(f"train again: {reason}" for reason in report.advice),
    ]
    call.answer(asdict(report), "\n".join(lines))


@models_group.command("prune")
@with_call
def prune_command(call: Call) -> None:
    """Removes the oldest candidates with their answers; champions of any time stay."""
    removed = prune_versions(call.app, call.topic)
    call.answer(list(removed), f"{len(removed)} removed: {', '.join(removed) or 'none'}")


def _rescore(call: Call, version: str) -> None:
    """Scores and counts now, newest first; the series switches when every post is covered."""
    call.say(f"scoring {call.topic.name} with {version} ...")
    with call.progress("posts", scoring.pending(call.app, call.topic)) as progress:
        scoring.classify(call.app, call.topic, progress=progress)
    aggregate(call.app, call.topic)
    keep_reference(call.app, call.topic)


COMMANDS = {"retrain": retrain_command, "models": models_group}
