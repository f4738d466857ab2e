"""Commands that bring posts in: `collect` and `import`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from collectors.errors import CollectorError
from collectors.file import FileCollector
from collectors.formats.reading import FORMATS
from monitor.bootstrap import collecting
from monitor.commands.call import Call, Moment, with_call
from monitor.errors import MonitorError, UsageError
from monitor.pipeline.collect import Collected

PAGE_POSTS = 20000
"""Records a transaction of an import: larger ones gain little, and a page is held in memory."""


@click.command("collect")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--since", type=Moment(), help="Backfill from this day or time ...")
@click.option("--until", type=Moment(), help="... up to this one, which is left out.")
@with_call
def collect_command(
    call: Call, sources: tuple[str, ...], since: date | None, until: date | None
) -> None:
    """One pass over the enabled sources (or those named), or a backfill of some time.

    Days and times without an offset are the topic's. A backfill closes gaps: coverage says
    afterwards that the time was asked for later. Interrupted, it goes on where it stopped.
    """
    topic = call.topic
    window = topic.window_of(since, until) if since or until else None
    if window and window.start >= window.end:
        raise UsageError(f"--since {window.start} is not before --until {window.end}")
    results: dict[str, Collected] = {}
    failed: dict[str, CollectorError] = {}
    for source in sources or tuple(collecting.sources(call.app, topic)):
        try:
            with call.progress(source) as progress:
                results[source] = collecting.collect(
                    call.app, topic, source, window=window, progress=progress
                )
        except CollectorError as error:
            failed[source] = error
    _answer_collect(call, results, failed)


def _answer_collect(
    call: Call, results: dict[str, Collected], failed: dict[str, CollectorError]
) -> None:
    """Tells what each source came to; one that failed keeps none of the others back.

    Raises:
        CollectorError: The only source that was asked failed.
        MonitorError: One of several did.
    """
    data: dict[str, object] = {source: _counts(found) for source, found in results.items()}
    data |= {source: {"error": str(error), "hint": error.hint} for source, error in failed.items()}
    lines = [f"{source}: {_in_words(found)}" for source, found in results.items()]
    lines += [f"{source}: failed: {error} ({error.hint})" for source, error in failed.items()]
    if failed and not results and len(failed) == 1:
        raise next(iter(failed.values()))
    call.answer(data, "\n".join(lines) or f"no source is enabled for {call.topic.name}")
    if failed:
        raise MonitorError(f"{len(failed)} source(s) failed: {', '.join(failed)}")


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="auto")
@click.option(
    "--assume-distinct-authors",
    is_flag=True,
    help="Count every post without an author as somebody else's.",
)
@click.option(
    "--readers",
    type=click.IntRange(min=0),
    help="Processes that read, beside the one that writes.  [default: one a core for large files]",
)
@with_call
def import_command(
    call: Call,
    files: tuple[Path, ...],
    format_: str,
    assume_distinct_authors: bool,
    readers: int | None,
) -> None:
    """Posts from files, also .gz and .zst; tells what was stored, repeated and rejected."""
    topic = call.topic
    total, failed = Collected(), []
    for path in files:
        collector = FileCollector(
            path,
            format=format_,
            assume_distinct_authors=assume_distinct_authors,
            page_posts=PAGE_POSTS,
            timezone=topic.timezone,
        )
        try:
            with call.progress(path.name) as progress:
                collected = collecting.import_file(
                    call.app, topic, collector, readers=readers, progress=progress
                )
        except CollectorError as error:
            if len(files) == 1:
                raise
            failed.append(path)
            call.say(f"{path}: {error}")
            continue
        if len(files) > 1:
            call.say(f"{path}: {_in_words(collected)}")
        total.counts += collected.counts
        total.reasons += collected.reasons
    _answer_import(call, total, failed)
    if len(failed) == len(files):
        raise UsageError("none of the files could be read")


def _answer_import(call: Call, total: Collected, failed: list[Path]) -> None:
    data = {"topic": call.topic.name, **_counts(total), "unreadable_files": len(failed)}
    lines = []
    if total.sample_removed:
        lines.append(
            f"{total.sample_removed} sample posts made way: sample and real posts are never mixed"
        )
    lines.append(f"{call.topic.name}: {_in_words(total)}")
    call.answer(data, "\n".join(lines))


def _counts(collected: Collected) -> dict[str, object]:
    names = ("stored", "edited", "repeated", "refused", "rejected", "rejected_before")
    return {
        "records": collected.records,
        **{name: collected.counts[name] for name in (*names, "deletions", "removed")},
        "reasons": dict(sorted(collected.reasons.items())),
        "sample_removed": collected.sample_removed,
    }


def _in_words(collected: Collected) -> str:
    counts = collected.counts
    shown = [
        f"{counts[name]:,} {name}"
        for name in ("stored", "edited", "repeated", "refused", "rejected", "deletions")
        if counts[name] or name in ("stored", "repeated", "rejected")
    ]
    words = f"{collected.records:,} records: {', '.join(shown)}"
    if counts["deletions"]:
        words += f" (took {counts['removed']:,} posts out)"
    if collected.reasons:
        reasons = sorted(collected.reasons.items(), key=lambda item: (-item[1], item[0]))
        words += "\n  rejected because: " + ", ".join(f"{why} {n:,}" for why, n in reasons)
    return words


COMMANDS = {"collect": collect_command, "import": import_command}
