"""The one place that picks concrete parts from settings and puts them together."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from classifiers.errors import UnknownVersionError
from classifiers.registry import BASES, ModelVersion, Registry
from collectors import platforms
from collectors.post import Checkpoint, Collector, Deletion, Window
from monitor.alarms.evidence import Spending
from monitor.errors import ConfigurationError, UsageError
from monitor.job import Job, JobRunner, ShouldStop, is_configured
from monitor.kept import KeptPage
from monitor.live import Live
from monitor.pipeline.retention import RetentionStep, destroy_keys
from monitor.pipeline.seal import SealStep
from monitor.pipeline.switch import SwitchStep
from monitor.post_ids import PostIds
from monitor.pseudonym import KeyRing
from monitor.schedule import jobs_of
from monitor.scorers import Scorers
from monitor.settings import DASK, DistributionSettings, Settings, load_settings
from monitor.standing import standings
from monitor.store.accounts import Accounts
from monitor.store.alert_rules import AlertRules
from monitor.store.desk import LabelDesk
from monitor.store.engine import Engine, migrate, open_engine
from monitor.store.incidents import Incidents
from monitor.store.queries import Queries
from monitor.store.stamp import Stamps
from monitor.store.store import Store
from monitor.store.tasks import Tasks
from monitor.store.values import SAMPLE_SOURCE
from monitor.task import LOST_AFTER, TaskRunner
from monitor.topic import Topic, load_topics
from monitor.wishes import works

if TYPE_CHECKING:  # Each is imported where it is first made, so that commands start at once.
    from classifiers.runtime import Scorer
    from collectors.file import FileCollector
    from monitor.dashboard.board import Dashboard
    from monitor.figures import Figures
    from monitor.notify import Teller  # brings Apprise
    from monitor.pipeline.admission import Admission
    from monitor.pipeline.aggregate import AggregateStep
    from monitor.pipeline.alert import AlertStep
    from monitor.pipeline.archive import ArchiveStep
    from monitor.pipeline.backup import BackupStep
    from monitor.pipeline.check import CheckStep
    from monitor.pipeline.choose import ChooseStep
    from monitor.pipeline.classify import ClassifyStep
    from monitor.pipeline.collect import Collected, CollectStep
    from monitor.pipeline.drift import Advice, DriftReport, DriftStep
    from monitor.pipeline.forget import ForgetStep
    from monitor.pipeline.label_review import LabelReview, LabelReviewStep
    from monitor.pipeline.labels import LabelStep
    from monitor.pipeline.restore import RestoreStep
    from monitor.pipeline.retrain import RetrainStep  # brings the model's libraries
    from monitor.pipeline.shadow import Beside, ShadowStep
    from monitor.sealing import Seal
    from monitor.store.values import Question

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Application:
    """The parts of the program, made at first use from one set of settings."""

    settings: Settings
    clock: Clock = utc_now

    @cached_property
    def topics(self) -> dict[str, Topic]:
        """Every topic of the configuration, by name."""
        return load_topics(self.settings.config / "topics")

    def topics_without_file(self) -> list[str]:
        """The topics that have posts in the database and are not in this configuration."""
        return [name for name in self.queries.topics() if name not in self.topics]

    def topic(self, name: str | None = None) -> Topic:
        """The topic of that name; unless told the default one, or the only one there is.

        Raises:
            UsageError: There is no such topic.
        """
        wanted = name or self.settings.default_topic
        if name is None and wanted not in self.topics and len(self.topics) == 1:
            wanted = next(iter(self.topics))
        if wanted not in self.topics:
            known = ", ".join(self.topics) or "none"
            raise UsageError(
                f"there is no topic {wanted!r}",
                hint=f"topics in {self.settings.config / 'topics'}: {known}",
            )
        return self.topics[wanted]

    def make_home(self) -> None:
        """Makes the home folder, its owner's alone, where it is not there.

        Raises:
            ConfigurationError: It cannot be made.
        """
        home = self.settings.home
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise ConfigurationError(
                f"MONITOR_HOME {home} cannot be made: {exc.strerror}",
                hint="let it name a folder, or the place for one, where this user may write",
            ) from exc

    @cached_property
    def _engine(self) -> Engine:
        self.make_home()
        engine = open_engine(self.settings.database_url)
        migrate(engine)
        return engine

    @cached_property
    def _database(self) -> tuple[Store, Queries]:
        store = Store(self._engine, clock=self.clock)
        for topic in store.unsealed_topics():
            self._seal_step(store).ids(topic)
        return store, Queries(self._engine)

    def _seal_step(self, store: Store) -> SealStep:
        return SealStep(store, self.settings.home / "keys")

    @cached_property
    def _sealed(self) -> dict[str, PostIds]:
        return {}

    def post_ids(self, topic: str) -> PostIds:
        """What a topic's post ids are sealed with.

        Raises:
            ConfigurationError: The key is not the one that what is stored was sealed with.
        """
        if topic not in self._sealed:
            self._sealed[topic] = self._seal_step(self.store).ids(topic)
        return self._sealed[topic]

    @cached_property
    def stamps(self) -> Stamps:
        """Whether what figures are made of has changed."""
        return Stamps(self._engine)

    @cached_property
    def incidents(self) -> Incidents:
        """Alerts that began and ended."""
        return Incidents(self._engine)

    @cached_property
    def alert_rules(self) -> AlertRules:
        """Alert rules that were made on a page."""
        return AlertRules(self._engine)

    def alert_step(self) -> AlertStep:
        """What judges alert rules and tells; brings Apprise.

        Raises:
            ConfigurationError: An address in MONITOR_ALERTS_URLS is none.
        """
        made: AlertStep = _load("monitor.pipeline.alert", "AlertStep")(
            self.figures,
            self.queries,
            self.incidents,
            self.teller(),
            self.clock,
            rules=lambda topic: _load("monitor.pipeline.alert", "rules_in_force")(
                topic, self.alert_rules.of(topic.name)
            ),
            spending=self._spending,
            counts_run=partial(
                is_configured,
                topics=self.topics,
                stored=self.queries.topics(),
                settings=self.settings,
            ),
            asked=self.live.names(),
        )
        return made

    def _spending(self, topic: Topic) -> list[Spending]:
        standing = standings(self.live.names(), topic, self.queries, self.settings, self.clock)
        return [
            Spending(one.source, one.budget.used, one.budget.cap, one.budget.forecast.expected)
            for one in standing
            if one.budget is not None
        ]

    def teller(self) -> Teller:
        """What delivers messages; brings Apprise.

        Raises:
            ConfigurationError: An address in MONITOR_ALERTS_URLS is none.
        """
        addresses = (self.settings.secret("alerts_urls") or "").split()
        made: Teller = _load("monitor.notify", "teller_of")(tuple(addresses))
        return made

    @cached_property
    def tasks(self) -> Tasks:
        """What people asked for on the pages."""
        return Tasks(self._engine)

    def task_runner(self, *, first: bool = False) -> TaskRunner:
        """What does it.

        Args:
            first: Whether this daemon has run none yet: then what still runs was its
                predecessor's, which is gone (one daemon at a time holds the lease).
        """
        lost_after = timedelta(0) if first else LOST_AFTER
        return TaskRunner(self.tasks, works(self), self.clock, lost_after)

    @cached_property
    def desk(self) -> LabelDesk:
        """What the labelling page reads and writes."""
        return LabelDesk(self._engine)

    @cached_property
    def accounts(self) -> Accounts:
        """Users, sessions and tokens."""
        return Accounts(self._engine)

    @property
    def store(self) -> Store:
        """Writes; the database is brought up to date at first use."""
        return self._database[0]

    @property
    def queries(self) -> Queries:
        """Reads."""
        return self._database[1]

    @cached_property
    def registry(self) -> Registry:
        """The model versions on disk."""
        return Registry(self.settings.home / "models", BASES[self.settings.classify.base])

    @cached_property
    def figures(self) -> Figures:
        """The released figures."""
        made: Figures = _load("monitor.figures", "Figures")(
            self.queries,
            self.settings,
            ledger=self.store,
            clock=self.clock,
            stamp=self.stamps.of,
            answered=self.answered,
        )
        return made

    def board(self) -> Dashboard:
        """What pages are made of, without a daemon beside it; brings the web framework."""
        made: Dashboard = _load("monitor.dashboard.app", "make_board")(
            self.topics,
            self.figures,
            self.queries,
            settings=self.settings,
            clock=self.clock,
            champion=lambda name: self.champion_of(name).id,
        )
        return made

    @cached_property
    def scorers(self) -> Scorers:
        """The fast path of each model version in use."""
        return Scorers(self.registry, self.settings)

    def collect_step(self, topic: Topic) -> CollectStep:
        """What stores posts for a topic."""
        made: CollectStep = _load("monitor.pipeline.collect", "CollectStep")(
            self.store, self.queries, self._admission(topic), self.clock
        )
        return made

    def import_file(
        self,
        topic: Topic,
        collector: FileCollector,
        *,
        readers: int | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Collected:
        """Takes a file in from its start: a repeated import is safe, and says what it found again.

        Args:
            topic: Whose posts these are.
            collector: Of the file.
            readers: Processes that read it; as its size asks for where None.
            progress: Told the number of records read so far.
        """
        step = self.collect_step(topic)
        if readers is None:
            readers = _load("monitor.pipeline.readers", "readers_for")(collector.path)
        admit: Callable[[Checkpoint | None], Generator[KeptPage]] | None = None
        if readers > 0:
            folder, days = self.settings.home / "keys", self.settings.pseudonyms.rotate_days
            make = partial(
                _load("monitor.pipeline.admission", "load_admission"), topic, folder, days
            )
            several = _load("monitor.pipeline.readers", "Readers")(step.admission, make, readers)
            admit = partial(several.pages, collector)
        return step.collect(collector, resume=False, progress=progress, admit=admit)

    def _admission(self, topic: Topic) -> Admission:
        made: Admission = _load("monitor.pipeline.admission", "Admission")(
            topic,
            self._keys(topic.name),
            self.post_ids(topic.name),
            removed=partial(self.queries.buried_marks, topic.name),
            buried=partial(self.queries.buried_posts, topic.name),
        )
        return made

    def _keys(self, topic: str) -> KeyRing:
        folder = self.settings.home / "keys"
        return KeyRing(folder, topic, self.settings.pseudonyms.rotate_days)

    def label_step(self, topic: Topic) -> LabelStep:
        """What takes a topic's label files in."""
        made: LabelStep = _load("monitor.pipeline.labels", "LabelStep")(
            self.store, self.post_ids(topic.name), self.clock
        )
        return made

    def echo_labels(self, topic: Topic) -> int:
        """Labels copies of the topic's labelled texts; returns how many."""
        return self.label_step(topic).echo(topic)

    def champion(self, topic: Topic) -> ModelVersion:
        """The version that the topic's posts are scored with."""
        return self.registry.champion(topic.name)

    def champion_of(self, name: str | None) -> ModelVersion:
        """The named topic's champion, the shipped version where no topic is named."""
        return self.registry.shipped() if name is None else self.champion(self.topic(name))

    def sample_collector(self, topic: Topic) -> FileCollector | None:
        """The bundled posts of a topic, None where it has none or they are switched off."""
        source = self.settings.sources.get(SAMPLE_SOURCE)
        if topic.sample is None or source is None or not source.enabled:
            return None
        made: FileCollector = _load("collectors.file", "FileCollector")(
            self.sample_folder(topic) / "posts.jsonl.gz", source=SAMPLE_SOURCE
        )
        return made

    def sample_folder(self, topic: Topic) -> Path:
        """Where a topic's bundled sample lies."""
        return self.settings.config / "samples" / str(topic.sample)

    @cached_property
    def live(self) -> Live:
        """The platforms that are switched on."""
        return Live(
            self.settings, self.clock, lambda source: self.queries.reads(source, self.clock())
        )

    def sources(self, topic: Topic) -> list[str]:
        """The names of a topic's enabled sources."""
        sample = [] if self.sample_collector(topic) is None else [SAMPLE_SOURCE]
        return [*sample, *self.live.names()]

    def collect(
        self,
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
        collector = self._collector(topic, source, should_stop)
        collected = self.collect_step(topic).collect(
            collector, window=window, resume=True, should_stop=should_stop, progress=progress
        )
        if source == SAMPLE_SOURCE and collected.finished and collected.records:
            self.label_step(topic).import_file(topic, self.sample_folder(topic) / "labels.jsonl")
        return collected

    def _collector(self, topic: Topic, source: str, should_stop: ShouldStop) -> Collector:
        known = self.sources(topic)
        if source not in known:
            raise UsageError(
                f"source {source!r} is not enabled for {topic.name}",
                hint=f"enabled: {', '.join(known) or 'none'}; sources.<name>.enabled = true in "
                f"config/local.toml enables one of {', '.join(platforms.names())}",
            )
        sample = self.sample_collector(topic) if source == SAMPLE_SOURCE else None
        return sample or self.live.collector(topic, source, should_stop)

    def check_stored(
        self, topic: Topic, source: str, *, should_stop: ShouldStop = lambda: False
    ) -> Collected:
        """Asks a platform which of the stored posts are deleted or edited by now.

        Raises:
            CollectorError: It may not or cannot be asked.
        """
        checker = self.live.checker(source, should_stop)
        if checker is None:
            nothing: Collected = _load("monitor.pipeline.collect", "Collected")()
            return nothing
        step: CheckStep = _load("monitor.pipeline.check", "CheckStep")(
            self.store, self.queries, self._admission(topic), self.clock
        )
        return step.check(checker, source, should_stop=should_stop)

    def classify(
        self,
        topic: Topic,
        *,
        engine: DistributionSettings | None = None,
        should_stop: ShouldStop = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Mapping[str, int]:
        """Scores what the champion has not answered; loads the model only if there is work.

        Args:
            topic: Whose posts.
            engine: Where; unless told as the settings say.
            should_stop: Asked after every batch.
            progress: Told how many posts are done.

        Raises:
            MonitorError: As the steps raise, or Dask is not installed.
        """
        where = engine or self.settings.distribution
        if where.engine == DASK and self._is_pending(topic):
            with self._cluster(where) as cluster:
                counts: Mapping[str, int] = cluster.classify(
                    self, topic, should_stop=should_stop, progress=progress
                )
                return counts
        from_version = self.champion(topic).id
        step: ClassifyStep = _load("monitor.pipeline.classify", "ClassifyStep")(
            self.store,
            self.queries,
            self.scorers.lazy(from_version),
            self.settings.classify.batch_posts,
        )
        done = step.classify(topic, should_stop=should_stop, progress=progress)
        return {"posts": done.posts, "reused": done.reused}

    def classify_archive(
        self,
        topic: Topic,
        archive: ArchiveStep,
        *,
        engine: DistributionSettings | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Mapping[str, int]:
        """Scores files of posts into files of answers, past the database.

        Raises:
            MonitorError: A file cannot be read, or Dask is not installed.
        """
        where = engine or self.settings.distribution
        if where.engine == DASK:
            with self._cluster(where) as cluster:
                counts: Mapping[str, int] = cluster.classify_archive(
                    self, topic, archive, progress=progress
                )
                return counts
        scorer, files, posts = self.scorers.lazy(self.champion(topic).id), archive.files(), 0
        for file in files:
            posts += archive.answer(file, topic, scorer)
            progress(posts)
        return {"posts": posts, "files": len(files)}

    def aggregate(
        self,
        topic: Topic,
        *,
        rebuild: bool = False,
        engine: DistributionSettings | None = None,
        should_stop: ShouldStop = lambda: False,
    ) -> Mapping[str, int]:
        """Rebuilds changed days, and lets a complete champion take over the series.

        Args:
            topic: Whose days.
            rebuild: Every day, not only those that changed.
            engine: Where; unless told on this machine alone, as changed days are few.
            should_stop: Asked after every day.

        Raises:
            MonitorError: As the steps raise, or Dask is not installed.
        """
        if engine is not None and engine.engine == DASK:
            with self._cluster(engine) as cluster:
                counts: Mapping[str, int] = cluster.aggregate(
                    self, topic, rebuild=rebuild, should_stop=should_stop
                )
                return counts
        step: AggregateStep = _load("monitor.pipeline.aggregate", "AggregateStep")(
            self.store, self.queries
        )
        return self.settle(topic, step.aggregate(topic, rebuild=rebuild, should_stop=should_stop))

    def _is_pending(self, topic: Topic) -> bool:
        champion = self.champion(topic)
        questions = self._answered(topic, champion)
        return self.queries.is_pending(
            topic.name, champion.id, questions, languages=topic.languages
        )

    def _cluster(self, where: DistributionSettings) -> AbstractContextManager[Any]:
        """The workers of a Dask cluster.

        Raises:
            ConfigurationError: Dask is not installed.
            ClusterError: No scheduler answers.
        """
        workers = where.workers or os.cpu_count() or 1
        made: AbstractContextManager[Any] = self.cluster_module().connected(
            where.scheduler, workers
        )
        return made

    def cluster_module(self) -> ModuleType:
        """What speaks with a Dask cluster; brings Dask.

        Raises:
            ConfigurationError: Dask is not installed.
        """
        if importlib.util.find_spec("distributed") is None:
            raise ConfigurationError(
                "engine 'dask' needs Dask, which is not installed",
                hint="pip install 'employee-sentiment-monitor[dask]', or --engine local",
            )
        return importlib.import_module("monitor.cluster")

    def settle(self, topic: Topic, days: int) -> Mapping[str, int]:
        """What follows when days were rebuilt; returns how many, for the record of the run."""
        if days:
            ids = self.post_ids(topic.name)
            unlearn = _load("monitor.pipeline.forget", "UnlearnStep")
            unlearn(self.queries, self.registry, ids).unlearn(topic)
        champion = self.champion(topic)
        SwitchStep(self.store, self.queries).switch_when_complete(
            topic, champion.id, self._answered(topic, champion)
        )
        return {"days": days}

    def _answered(self, topic: Topic, version: ModelVersion) -> list[Question]:
        asked: list[Question] = _load("monitor.pipeline.classify", "answered_questions")(
            topic, version
        )
        return asked

    def answered(self, topic: Topic, version: str) -> list[Question]:
        """What a version answers of a topic's questions; all of them where its files are gone."""
        try:
            return self._answered(topic, self.registry.get(version))
        except UnknownVersionError:
            asked: list[Question] = _load("monitor.pipeline.classify", "questions_of")(topic)
            return asked

    def pending(self, topic: Topic) -> int:
        """Counts the posts that the champion has still to score."""
        champion = self.champion(topic)
        questions = self._answered(topic, champion)
        return self.queries.pending_count(
            topic.name, champion.id, questions, languages=topic.languages
        )

    def shadow(
        self, topic: Topic, version: str, *, progress: Callable[[int], None] = lambda _: None
    ) -> list[Beside]:
        """Scores the newest posts with another version, beside the champion.

        Raises:
            ClassifierError: It is not on disk, or another topic's.
        """
        self.registry.owned(topic.name, version)
        step: ShadowStep = _load("monitor.pipeline.shadow", "ShadowStep")(self.store, self.queries)
        return step.compare(
            topic,
            self.champion(topic).id,
            self.scorers.lazy(version),
            posts=self.settings.retraining.shadow_posts,
            progress=progress,
        )

    def retrain_step(self) -> RetrainStep:
        """What trains a candidate version; brings the model's libraries."""
        trial = _load("monitor.pipeline.trial", "Trial")(
            self.scorers.loaded,
            _load("classifiers.verdict", "Tolerances")(**self.settings.gate.model_dump()),
            self.settings.retraining.general_sets,
        )
        load = _load("monitor.pipeline.retrain", "RetrainStep")
        step: RetrainStep = load(
            self.store,
            self.queries,
            self.registry,
            self.post_ids,
            self.clock,
            trial,
            self.settings.home / "cache",
            self.settings.classify.threads or None,
        )
        return step

    def label_review(self, topic: Topic) -> LabelReview:
        """What is known against the topic's labels.

        Where no version that has learnt them is the champion, the newest candidate judges, refused
        or not: it may have been refused for its labels.
        """
        step: LabelReviewStep = _load("monitor.pipeline.label_review", "LabelReviewStep")(
            self.queries
        )
        versions = [self.champion(topic), *reversed(self.registry.list(topic.name))]
        return step.review(topic, [one.id for one in versions if one.base])

    def drift(self, topic: Topic, *, embed: bool = True) -> DriftReport:
        """What has changed since the topic's champion was made, and whether to train again.

        Args:
            topic: The topic.
            embed: Whether the newest posts are read by the encoder too; loads the model.
        """
        return self._drift_step().report(topic, embed=embed)

    @cached_property
    def advice(self) -> Advice:
        """Why to train a topic's model again, as cheaply as a page needs it."""
        found: Advice = _load("monitor.pipeline.drift", "Advice")(self._drift_step, self.stamps.of)
        return found

    def keep_reference(self, topic: Topic) -> None:
        """Keeps what later posts are compared with, if the champion has none yet."""
        step = self._drift_step()
        if not step.has_reference(topic):
            step.report(topic)

    def _drift_step(self) -> DriftStep:
        step: DriftStep = _load("monitor.pipeline.drift", "DriftStep")(
            self.queries,
            self.registry,
            self._scorer,
            self.settings.home / "references",
            self.settings.retraining.new_labels,
        )
        return step

    def _scorer(self, version: str) -> Scorer:
        """A version's fast path; loads the model where no other call has."""
        return self.scorers.loaded(version)

    def choose_posts(
        self,
        topic: Topic,
        *,
        progress: Callable[[str, float], None] = lambda _stage, _part: None,
    ) -> int:
        """Chooses posts to label anew; returns how many. Loads the model if there are some."""
        settings = self.settings.labelling
        step: ChooseStep = _load("monitor.pipeline.choose", "ChooseStep")(
            self.store, self.queries, self.registry, self._scorer, self.clock, settings.pool
        )
        return step.choose(topic, settings.chosen, progress=progress)

    def purge(self, topic: Topic) -> Mapping[str, int]:
        """Deletes texts and pseudonyms past their time, and removed answers that have company.

        Days are counted first: a purged post's author can no longer be.
        """
        self.aggregate(topic)
        counts = self.purge_stored(topic.name)
        self.store.let_go_removed_answers(topic.name, topic.minimum_authors)
        return counts

    def purge_stored(self, topic: str) -> Mapping[str, int]:
        """Deletes texts and pseudonyms past their time; a topic without a file has them too."""
        settings = self.settings.retention
        step = RetentionStep(
            self.store,
            settings.text_days,
            self.clock,
            keep_labelled=bool(settings.labelled_copies),
            access_days=settings.access_days,
        )
        posts = step.purge(topic)
        keys = destroy_keys(
            self._keys(topic), self.queries, self.clock(), text_days=settings.text_days
        )
        return {"posts": posts, "keys": keys}

    def forget(self, topic: Topic, deletion: Deletion) -> int:
        """Erases a post or an author from a topic; returns how many posts went."""
        removed = self._forget_step(topic.name).forget(deletion)
        self.aggregate(topic)
        if removed:
            self.store.reclaim()
        return removed

    def forget_stored(self, topic: str, deletion: Deletion) -> int:
        """Erases a post or an author from a topic without a file; its days are not rebuilt.

        Raises:
            ConfigurationError: The topic's key is not here: another installation has it.
        """
        removed = self._forget_step(topic).forget(deletion)
        if removed:
            self.store.reclaim()
        return removed

    def _forget_step(self, topic: str) -> ForgetStep:
        made: ForgetStep = _load("monitor.pipeline.forget", "ForgetStep")(
            self.store, self._keys(topic), self.post_ids(topic), self.clock
        )
        return made

    def backup_step(self) -> BackupStep:
        """What copies everything away.

        Raises:
            ConfigurationError: MONITOR_BACKUP_KEY is no key.
        """
        made: BackupStep = _load("monitor.pipeline.backup", "BackupStep")(
            self.settings, self._seal(), self.clock
        )
        return made

    def restore_step(self) -> RestoreStep:
        """What puts it back.

        Raises:
            ConfigurationError: MONITOR_BACKUP_KEY is no key.
        """
        made: RestoreStep = _load("monitor.pipeline.restore", "RestoreStep")(
            self.settings, self._seal()
        )
        return made

    def check_database_file(self) -> None:
        """Reads SQLite's file once from end to end; a server looks after its own.

        Raises:
            StoreError: It is damaged.
        """
        if self._engine.dialect.name == "sqlite":
            importlib.import_module("monitor.store.backup").quick_check(
                Path(str(self._engine.url.database))
            )

    def _seal(self) -> Seal | None:
        key = self.settings.secret("backup_key")
        made: Seal | None = _load("monitor.sealing", "Seal")(key) if key else None
        return made

    def jobs(self) -> list[Job]:
        """Every enabled job, in pipeline order."""
        return jobs_of(self)

    def job_runner(self) -> JobRunner:
        """What runs and records jobs."""
        return JobRunner(self.store, self.clock)


def _load(module: str, name: str) -> Any:
    """Gives a class of a module that is imported now: most commands need few of them."""
    return getattr(importlib.import_module(module), name)


def open_application(environ: Mapping[str, str], *, clock: Clock = utc_now) -> Application:
    """Reads the settings; nothing else is touched before it is needed.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    return Application(load_settings(environ), clock)
