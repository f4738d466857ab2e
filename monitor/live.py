"""The platforms that are switched on: whether they may be asked, and what asks them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from collectors import platforms
from collectors.errors import AuthenticationError, PolicyError, StoppedError
from collectors.languages import canonicals
from collectors.policy import unmet
from collectors.post import Collector
from collectors.source import Checker, Query, Source, Surroundings
from monitor.job import ShouldStop
from monitor.settings import Settings
from monitor.topic import Topic

_HOUR = 3600
_POLL = 0.2
_WHERE = "write it into config/local.toml as `key = value` (the environment goes too)"


@dataclass(frozen=True, slots=True)
class Live:
    """Builds the collectors of the platforms.

    Attributes:
        reads: Tells a source's billed posts of this month.
    """

    settings: Settings
    clock: Callable[[], datetime]
    reads: Callable[[str], int]

    def names(self) -> list[str]:
        """The platforms that are switched on, sorted."""
        known = platforms.names()
        return [name for name in self.settings.sources.enabled() if name in known]

    def unmet(self, name: str) -> list[str]:
        """The lines of configuration without which a platform's terms forbid to ask it."""
        source = platforms.load(name)
        conditions = unmet(source.policy, self.settings.sources[name].options)
        return [*conditions, *self._kept_too_long(source), *self._checked_too_late(source)]

    def _kept_too_long(self, source: Source) -> list[str]:
        days = source.policy.retention_days
        if days is None or self.settings.retention.text_days <= days:
            return []
        return [f"retention.text_days = {days}  # its terms allow no longer"]

    def _checked_too_late(self, source: Source) -> list[str]:
        """Where deletions must be asked for, that has to happen well within their deadline."""
        hours, check = source.policy.deletion_hours, self.settings.jobs.compliance
        if hours is None or source.checker is None:
            return []
        in_time = check.every is not None and check.every <= hours * _HOUR
        if check.enabled and in_time:
            return []
        key, value = ("every", hours * _HOUR // 3) if check.enabled else ("enabled", "true")
        return [f"jobs.compliance.{key} = {value}  # deletions must be followed in {hours} h"]

    def missing(self, name: str) -> list[str]:
        """The variables of the secrets without which a platform cannot be asked."""
        return [
            secret.variable(name)
            for secret in platforms.load(name).secrets
            if secret.required and not self._secret(name, secret.name)
        ]

    def collector(self, topic: Topic, name: str, should_stop: ShouldStop) -> Collector:
        """What asks a platform for a topic's posts; contacts nobody yet.

        Raises:
            PolicyError: Its terms ask for something that the configuration does not say.
            AuthenticationError: A secret is missing.
        """
        source = self._allowed(name)
        query = topic.query_for(name)
        end = topic.window.end
        languages = canonicals(topic.languages)
        asked = Query(topic.name, topic.title, query.terms, query.options, languages, end)
        return source.make(asked, self._surroundings(name, should_stop))

    def checker(self, name: str, should_stop: ShouldStop) -> Checker | None:
        """What asks after stored posts, None where the platform tells by itself.

        Raises:
            CollectorError: As `collector`.
        """
        source = self._allowed(name)
        if source.checker is None:
            return None
        return source.checker(self._surroundings(name, should_stop))

    def has_checker(self, name: str) -> bool:
        """Whether stored posts are to be asked after."""
        return platforms.load(name).checker is not None

    def _allowed(self, name: str) -> Source:
        source = platforms.load(name)
        if lines := self.unmet(name):
            raise PolicyError(
                f"{source.title} is not read: its terms ask for {len(lines)} thing(s) that the "
                f"configuration does not say (read on {source.policy.read_on}, "
                f"{source.policy.url})",
                hint=f"{'; '.join(lines)}: {_WHERE}",
            )
        if variables := self.missing(name):
            raise AuthenticationError(
                f"{source.title} is not read: {', '.join(variables)} is not set",
                hint=f"set {', '.join(variables)}, or let {variables[0]}_FILE name a file",
            )
        return source

    def _surroundings(self, name: str, should_stop: ShouldStop) -> Surroundings:
        return Surroundings(
            settings=self.settings.sources[name].options,
            secret=lambda secret: self._secret(name, secret),
            now=self.clock,
            sleep=lambda seconds: _sleep(seconds, should_stop),
            should_stop=should_stop,
            reads=lambda: self.reads(name),
            contact=self.settings.sources.contact,
        )

    def _secret(self, source: str, name: str) -> str | None:
        return self.settings.secret(f"{source}_{name}")


def _sleep(seconds: float, should_stop: ShouldStop) -> None:
    """Waits, looking now and then whether to stop."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if should_stop():
            raise StoppedError("asked to stop while waiting")
        time.sleep(min(_POLL, left))
