"""Commands that turn posts into figures, here or on a cluster."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

import click

from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.scoring import classify, classify_archive
from monitor.bootstrap.workers import cluster_module
from monitor.commands.call import Call, with_call
from monitor.errors import UsageError
from monitor.settings import DASK, DistributionSettings

F = TypeVar("F", bound=Callable[..., object])


def _with_engine(command: F) -> F:
    """The options that say where the work is done."""
    for option in (
        click.option("--workers", type=click.IntRange(1), help="Processes of this machine."),
        click.option("--scheduler", metavar="ADDRESS", help="Dask's, such as tcp://host:8786."),
        click.option("--engine", type=click.Choice(["local", DASK]), help="Where to work."),
    ):
        command = option(command)
    return command


@click.command("classify")
@_with_engine
@click.option("--from", "source", metavar="URL", help="Parquet files of posts, not the database.")
@click.option("--to", "target", metavar="URL", help="The folder for their answers, as Parquet.")
@with_call
def classify_command(
    call: Call,
    engine: str | None,
    scheduler: str | None,
    workers: int | None,
    source: str | None,
    target: str | None,
) -> None:
    """Scores the posts that the champion has not answered yet.

    With --from and --to it scores files instead, which may lie on object storage (s3://...): each
    file of posts gives one of answers, and files that have been answered already are left out.
    """
    if (source is None) != (target is None):
        raise UsageError("--from and --to belong together", hint="give both, or neither")
    where = _engine(call, engine, scheduler, workers)
    with call.progress("posts") as progress:
        if source is not None and target is not None:
            step = importlib.import_module("monitor.pipeline.archive").ArchiveStep  # brings pyarrow
            archive = step(source, target)
            counts = classify_archive(
                call.app, call.topic, archive, engine=where, progress=progress
            )
        else:
            counts = classify(call.app, call.topic, engine=where, progress=progress)
    call.answer(dict(counts), f"{counts['posts']:,} posts scored")


@click.command("aggregate")
@click.option("--all", "rebuild", is_flag=True, help="Every day, not only those that changed.")
@_with_engine
@with_call
def aggregate_command(
    call: Call, rebuild: bool, engine: str | None, scheduler: str | None, workers: int | None
) -> None:
    """Rebuilds the daily figures of the days that changed."""
    where = _engine(call, engine, scheduler, workers)
    counts = aggregate(call.app, call.topic, rebuild=rebuild, engine=where)
    call.answer(dict(counts), f"{counts['days']:,} days rebuilt")


@click.command("work")
@click.option("--serve", is_flag=True, help="Be the scheduler that workers and commands ask.")
@click.option("--port", type=click.IntRange(1, 65535), default=8786, show_default=True)
@click.option("--scheduler", metavar="ADDRESS", help="Whose worker to be, as tcp://host:8786.")
@with_call
def work_command(call: Call, serve: bool, port: int, scheduler: str | None) -> None:
    """A process of a Dask cluster: a worker for --engine dask, or its scheduler.

    A worker opens the database and loads the model by its own settings, once. The scheduler hands
    out partitions and sees no text. It has no password: keep its port within your network.
    """
    cluster = cluster_module()
    if serve:
        call.say(f"Scheduler: port {port} (stop with Ctrl-C)")
        cluster.schedule(port)
        return
    address = scheduler or call.app.settings.distribution.scheduler
    if not address:
        raise UsageError(
            "a worker needs a scheduler",
            hint="--scheduler tcp://host:8786, or distribution.scheduler",
        )
    call.say(f"Worker: for {address} (stop with Ctrl-C)")
    cluster.work(address)


def _engine(
    call: Call, engine: str | None, scheduler: str | None, workers: int | None
) -> DistributionSettings:
    """What the options say, and the settings where they say nothing.

    Raises:
        UsageError: A scheduler or workers for an engine that has none.
    """
    given = call.app.settings.distribution
    chosen = engine or (DASK if scheduler else given.engine)
    if chosen != DASK and (scheduler or workers):
        raise UsageError("--scheduler and --workers are for --engine dask")
    return DistributionSettings(
        engine=DASK if chosen == DASK else "local",
        scheduler=given.scheduler if scheduler is None and workers is None else scheduler or "",
        workers=workers or given.workers,
    )


COMMANDS = {"classify": classify_command, "aggregate": aggregate_command, "work": work_command}
