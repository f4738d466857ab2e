"""The parts of the program, picked from settings: what every use case is made of."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from classifiers.errors import UnknownVersionError
from classifiers.registry import BASES, ModelVersion, Registry
from monitor.bootstrap.loading import load
from monitor.errors import ConfigurationError, OutdatedError, UsageError
from monitor.live import Live
from monitor.pipeline.classify import answered_questions, questions_of
from monitor.pipeline.seal import SealStep
from monitor.post_ids import PostIds
from monitor.pseudonym import KeyRing
from monitor.scorers import Scorers
from monitor.settings import Settings, load_settings
from monitor.store.accounts import Accounts
from monitor.store.alert_rules import AlertRules
from monitor.store.desk import LabelDesk
from monitor.store.engine import Engine, known_revisions, migrate, older_revision, open_engine
from monitor.store.incidents import Incidents
from monitor.store.queries import Queries
from monitor.store.stamp import Stamps
from monitor.store.store import Store
from monitor.store.tasks import Tasks
from monitor.topic import Topic, load_topics

if TYPE_CHECKING:  # Each is imported where it is first made, so that commands start at once.
    from classifiers.runtime import Scorer
    from monitor.dashboard.board import Dashboard
    from monitor.figures import Figures
    from monitor.notify import Teller  # brings Apprise
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
            unnamed = "; name one with --topic or MONITOR_DEFAULT_TOPIC" if name is None else ""
            raise UsageError(
                f"there is no topic {wanted!r}",
                hint=f"topics in {self.settings.config / 'topics'}: {known}{unnamed}",
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
    def _opened(self) -> Engine:
        """The database as it is."""
        self.make_home()
        return open_engine(self.settings.database_url)

    @cached_property
    def _engine(self) -> Engine:
        migrate(self._opened)
        return self._opened

    @cached_property
    def _database(self) -> tuple[Store, Queries]:
        store = Store(self._engine, clock=self.clock)
        for topic in store.unsealed_topics():
            self._seal_step(store).ids(topic)
        return store, Queries(self._engine)

    def _seal_step(self, store: Store) -> SealStep:
        return SealStep(store, self.key_folder)

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

    @cached_property
    def tasks(self) -> Tasks:
        """What people asked for on the pages."""
        return Tasks(self._engine)

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
        made: Figures = load("monitor.figures", "Figures")(
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
        made: Dashboard = load("monitor.dashboard.app", "make_board")(
            self.topics,
            self.figures,
            self.queries,
            settings=self.settings,
            clock=self.clock,
            champion=lambda name: self.champion_of(name).id,
        )
        return made

    def teller(self) -> Teller:
        """What delivers messages; brings Apprise."""
        addresses = (self.settings.secret("alerts_urls") or "").split()
        made: Teller = load("monitor.notify", "teller_of")(tuple(addresses))
        return made

    @cached_property
    def scorers(self) -> Scorers:
        """The fast path of each model version in use."""
        return Scorers(self.registry, self.settings)

    @property
    def key_folder(self) -> Path:
        """Where the keys of pseudonyms and post ids lie."""
        return self.settings.home / "keys"

    def keys(self, topic: str) -> KeyRing:
        """What a topic's authors are named with."""
        return KeyRing(self.key_folder, topic, self.settings.pseudonyms.rotate_days)

    def champion(self, topic: Topic) -> ModelVersion:
        """The version that the topic's posts are scored with."""
        return self.registry.champion(topic.name)

    def champion_of(self, name: str | None) -> ModelVersion:
        """The named topic's champion, else the default topic's, else the shipped version.

        Raises:
            UsageError: There is no topic of that name.
        """
        named = self.name_of(name)
        return self.champion(self.topics[named]) if named else self.registry.shipped()

    def name_of(self, name: str | None) -> str:
        """The named topic's name, else the default topic's, else none.

        Raises:
            UsageError: There is no topic of that name.
        """
        try:
            return self.topic(name).name
        except UsageError:
            if name is not None:
                raise
            return ""

    @cached_property
    def live(self) -> Live:
        """The platforms that are switched on."""
        return Live(
            self.settings, self.clock, lambda source: self.queries.reads(source, self.clock())
        )

    def answered_by(self, topic: Topic, version: ModelVersion) -> list[Question]:
        """What a version answers of a topic's questions."""
        return answered_questions(topic, version)

    def answered(self, topic: Topic, version: str) -> list[Question]:
        """What a version answers of a topic's questions; all of them where its files are gone."""
        try:
            return self.answered_by(topic, self.registry.get(version))
        except UnknownVersionError:
            return questions_of(topic)

    def scorer(self, version: str) -> Scorer:
        """A version's fast path; loads the model where no other call has."""
        return self.scorers.loaded(version)

    def check_up_to_date(self) -> None:
        """Tells, of a database that is there already, what its first use here would change.

        Raises:
            OutdatedError: It would be migrated, or post ids would be sealed.
        """
        revision = older_revision(self._opened)
        if revision is not None:
            raise OutdatedError(
                f"the database is at revision {revision}, "
                f"this program wants {max(known_revisions())}",
                hint="left as it is; any other command migrates it: stop older daemons before",
            )
        topics = Store(self._engine, clock=self.clock).unsealed_topics()
        if topics:
            raise OutdatedError(
                f"post ids of {', '.join(topics)} are not sealed yet",
                hint="left as they are; any other command seals them under the keys in "
                f"{self.key_folder}, made where there are none",
            )

    def check_database_file(self) -> None:
        """Reads SQLite's file once from end to end; a server looks after its own.

        Raises:
            StoreError: It is damaged.
        """
        if self._opened.dialect.name == "sqlite":
            importlib.import_module("monitor.store.backup").quick_check(
                Path(str(self._opened.url.database))
            )


def open_application(environ: Mapping[str, str], *, clock: Clock = utc_now) -> Application:
    """Reads the settings; nothing else is touched before it is needed.

    Raises:
        ConfigurationError: A setting is wrong.
    """
    return Application(load_settings(environ), clock)
