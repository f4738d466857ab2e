"""Taking posts in: from platforms, from files, and from the bundled sample."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from collectors import platforms
from collectors.post import Checkpoint, Collector, Window
from monitor.bootstrap.labelling import label_step
from monitor.bootstrap.loading import load
from monitor.errors import UsageError
from monitor.kept import KeptPage
from monitor.store.values import SAMPLE_SOURCE

if TYPE_CHECKING:
    from collectors.file import FileCollector
    from monitor.bootstrap.application import Application
    from monitor.job import ShouldStop
    from monitor.pipeline.admission import Admission
    from monitor.pipeline.check import CheckStep
    from monitor.pipeline.collect import Collected, CollectStep
    from monitor.topic import Topic

_LABELS = "labels:sample"
"""Of the checkpoint that says which file of the sample's labels is stored."""


def sources(app: Application, topic: Topic) -> list[str]:
    """The names of a topic's enabled sources."""
    sample = [] if sample_collector(app, topic) is None else [SAMPLE_SOURCE]
    return [*sample, *app.live.names()]


def sample_collector(app: Application, topic: Topic) -> FileCollector | None:
    """The bundled posts of a topic, None where it has none or they are switched off."""
    source = app.settings.sources.get(SAMPLE_SOURCE)
    if topic.sample is None or source is None or not source.enabled:
        return None
    made: FileCollector = load("collectors.file", "FileCollector")(
        _sample_folder(app, topic) / "posts.jsonl.gz",
        source=SAMPLE_SOURCE,
        timezone=topic.timezone,
    )
    return made


def _sample_folder(app: Application, topic: Topic) -> Path:
    """Where a topic's bundled sample lies."""
    return app.settings.config / "samples" / str(topic.sample)


def collect(
    app: Application,
    topic: Topic,
    source: str,
    *,
    window: Window | None = None,
    should_stop: ShouldStop = lambda: False,
    progress: Callable[[int], None] = lambda _: None,
) -> Collected:
    """One pass over a source, or a backfill of a window.

    The bundled sample brings its audit labels along.

    Raises:
        UsageError: The source is not enabled.
        CollectorError: It may not be asked, or cannot be read (further).
    """
    collector = _collector(app, topic, source, should_stop)
    collected = collect_step(app, topic).collect(
        collector, window=window, resume=True, should_stop=should_stop, progress=progress
    )
    if source == SAMPLE_SOURCE and collected.finished:
        _take_labels(app, topic, anew=collected.records > 0)
    return collected


def _take_labels(app: Application, topic: Topic, *, anew: bool) -> None:
    """Imports the sample's labels; once, also where an earlier pass ended before it could."""
    path = _sample_folder(app, topic) / "labels.jsonl"
    if not path.is_file() or not app.queries.has_posts(topic.name, source=SAMPLE_SOURCE):
        return
    taken = Checkpoint({"labels": blake2b(path.read_bytes(), digest_size=16).hexdigest()})
    if not anew and app.store.checkpoint(topic.name, _LABELS) == taken:
        return
    label_step(app, topic).import_file(topic, path)
    app.store.save_checkpoint(topic.name, _LABELS, taken, app.clock())


def _collector(app: Application, topic: Topic, source: str, should_stop: ShouldStop) -> Collector:
    known = sources(app, topic)
    if source not in known:
        raise UsageError(
            f"source {source!r} is not enabled for {topic.name}",
            hint=f"enabled: {', '.join(known) or 'none'}; sources.<name>.enabled = true in "
            f"config/local.toml enables one of {', '.join(platforms.names())}",
        )
    sample = sample_collector(app, topic) if source == SAMPLE_SOURCE else None
    return sample or app.live.collector(topic, source, should_stop)


def collect_step(app: Application, topic: Topic) -> CollectStep:
    """What stores posts for a topic."""
    made: CollectStep = load("monitor.pipeline.collect", "CollectStep")(
        app.store, app.queries, _admission(app, topic), app.clock
    )
    return made


def import_file(
    app: Application,
    topic: Topic,
    collector: FileCollector,
    *,
    readers: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Collected:
    """Takes a file in from its start: a repeated import is safe, and says what it found again.

    Args:
        app: The program's parts.
        topic: Whose posts these are.
        collector: Of the file.
        readers: Processes that read it; as its size asks for where None.
        progress: Told the number of records read so far.
    """
    step = collect_step(app, topic)
    if readers is None:
        readers = load("monitor.pipeline.readers", "readers_for")(collector.path)
    admit: Callable[[Checkpoint | None], Generator[KeptPage]] | None = None
    if readers > 0:
        folder, days = app.key_folder, app.settings.pseudonyms.rotate_days
        make = partial(load("monitor.pipeline.admission", "load_admission"), topic, folder, days)
        several = load("monitor.pipeline.readers", "Readers")(step.admission, make, readers)
        admit = partial(several.pages, collector)
    return step.collect(collector, resume=False, progress=progress, admit=admit)


def check_stored(
    app: Application, topic: Topic, source: str, *, should_stop: ShouldStop = lambda: False
) -> Collected:
    """Asks a platform which of the stored posts are deleted or edited by now.

    Raises:
        CollectorError: It may not or cannot be asked.
    """
    checker = app.live.checker(source, should_stop)
    if checker is None:
        nothing: Collected = load("monitor.pipeline.collect", "Collected")()
        return nothing
    step: CheckStep = load("monitor.pipeline.check", "CheckStep")(
        app.store, app.queries, _admission(app, topic), app.clock
    )
    return step.check(checker, source, should_stop=should_stop)


def _admission(app: Application, topic: Topic) -> Admission:
    made: Admission = load("monitor.pipeline.admission", "Admission")(
        topic,
        app.keys(topic.name),
        app.post_ids(topic.name),
        removed=partial(app.queries.buried_marks, topic.name),
        buried=partial(app.queries.buried_posts, topic.name),
    )
    return made
