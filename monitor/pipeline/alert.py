"""Judges a topic's alert rules, and tells what began and what ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from monitor.alarms.evidence import Evidence, Finding, Rule, Spending
from monitor.alarms.judge import judge
from monitor.alert_rule import judged_by
from monitor.figures import Figures
from monitor.observability import get_logger
from monitor.pipeline.hours import last_hours
from monitor.store.alert_rules import StoredRule
from monitor.store.incidents import LONGEST_WAIT, Basis, Incident, Incidents
from monitor.store.queries import Queries
from monitor.store.values import JobRun
from monitor.topic import Topic

_BROKEN_OFF = 10
"""Runs without an end that may lie among a job's last: they are no failures, nor successes."""
_ABOUT_SHARES = ("share", "change")
_FIRST_WAIT = timedelta(minutes=1)


class Tells(Protocol):
    """Delivers messages."""

    def tell(self, title: str, text: str, *, message: str) -> bool:
        """Delivers a message, of that name when it is tried again; says whether it arrived."""
        ...


def rules_in_force(topic: Topic, stored: Sequence[StoredRule]) -> list[Rule]:
    """Gives a topic file's rules, then those from pages; the file's is meant by a shared name."""
    written = {rule["name"] for rule in topic.alerts}
    made = [one.rule for one in stored if one.enabled and one.name not in written]
    return [*topic.alerts, *made]


@dataclass(frozen=True, slots=True)
class AlertStep:
    """Judges rules on released figures alone.

    Attributes:
        rules: Gives a topic's rules in force, wherever they were made.
        spending: Tells what the sources of a topic that are billed have cost.
        counts_run: Whether a run is of a job that there still is.
        asked: The sources that the program asks by itself.
    """

    figures: Figures
    queries: Queries
    incidents: Incidents
    teller: Tells
    clock: Callable[[], datetime]
    rules: Callable[[Topic], Sequence[Rule]] = lambda topic: topic.alerts
    spending: Callable[[Topic], Sequence[Spending]] = lambda _: ()
    counts_run: Callable[[JobRun], bool] = lambda _: True
    asked: Sequence[str] = ()

    def alert(self, topic: Topic) -> dict[str, int]:
        """Judges every rule of a topic, then sends the messages that are due."""
        rules = self.rules(topic)
        begun, ended = 0, self._end_ruleless(topic, rules)
        for rule in rules:
            ended += self._end_changed(topic, rule)
            change = self._follow(topic, rule, judge(rule, self._evidence(topic, rule)))
            begun += change == 1
            ended += change == -1
        return {"begun": begun, "ended": ended, "told": self.deliver([topic])}

    def deliver(self, topics: Sequence[Topic]) -> int:
        """Sends what is due: one message as an incident begins, one as it ends."""
        titles = {topic.name: topic.title for topic in topics}
        told = 0
        for incident in self.incidents.due(self.clock()):
            if incident.topic in titles:
                told += self._tell(incident, titles[incident.topic])
        return told

    def _evidence(self, topic: Topic, rule: Rule) -> Evidence:
        """Reads what a rule of this kind is about, and nothing else."""
        kind, now = rule["kind"], self.clock()
        by = ("cohort",) if rule["cohort"] != "all" else ()
        return Evidence(
            figures=self.figures.released(topic, by=by) if kind in _ABOUT_SHARES else (),
            volumes=self.figures.volumes(topic) if kind == "volume" else (),
            sources=self.queries.sources(topic.name, until=now) if kind == "silence" else (),
            runs=self._runs(rule) if kind == "jobs" else (),
            today=topic.day_of(now),
            now=now,
            timezone=topic.timezone,
            is_over=now >= topic.window.end,
            asked=self.asked,
            collected=self._collected(topic) if kind == "silence" else {},
            budgets=self.spending(topic) if kind == "budget" else (),
            drift=self.figures.drift(topic) if kind == "drift" else (),
            hours=lambda one: last_hours(one, topic, self.queries, now),
        )

    def _collected(self, topic: Topic) -> dict[str, datetime]:
        """When the last pass over each source came to its end."""
        found = {}
        for source in self.asked:
            run = self.queries.last_finished(f"collect:{source}:{topic.name}")
            if run is not None and run.finished_at is not None:
                found[source] = run.finished_at
        return found

    def _runs(self, rule: Rule) -> list[JobRun]:
        """As many of each job's last runs as a rule is about, and some more."""
        runs = self.queries.last_runs(rule["failures"] + _BROKEN_OFF)
        return [run for run in runs if self.counts_run(run)]

    def _end_ruleless(self, topic: Topic, rules: Sequence[Rule]) -> int:
        """Ends what still lasts of rules that are gone or switched off."""
        names = {rule["name"] for rule in rules}
        gone = [one for one in self.incidents.lasting(topic.name) if one.rule not in names]
        for incident in gone:
            self.incidents.keep(topic.name, incident.rule, Basis(rule=""), at=self.clock())
            self.incidents.end(
                incident.id, "The rule was taken away or switched off.", at=self.clock()
            )
        return len(gone)

    def _end_changed(self, topic: Topic, rule: Rule) -> int:
        """Ends what lasts of a rule that said something else as it began; returns how many."""
        name, now = rule["name"], self.clock()
        last = self.incidents.last(topic.name, name)
        if last is None or last.ended_at is not None:
            return 0
        basis, present = self.incidents.basis(topic.name, name), Basis(judged_by(rule))
        if basis is None:
            self.incidents.keep(topic.name, name, present, at=now)
        elif basis.rule != present.rule:
            self.incidents.end(last.id, "The rule was changed.", at=now)
            return 1
        return 0

    def _follow(self, topic: Topic, rule: Rule, found: Finding) -> int:
        """Begins or ends an incident; returns 1, -1 or 0 for neither."""
        now, last = self.clock(), self.incidents.last(topic.name, rule["name"])
        if last is None or last.ended_at is not None:
            if found.state != "firing" or self._is_cooling(topic, rule, last):
                return 0
            self.incidents.open(
                topic.name,
                rule["name"],
                rule["kind"],
                found.message,
                basis=Basis(judged_by(rule), about=dict.fromkeys(found.about)),
                at=now,
            )
            return 1
        if found.state == "quiet":
            self.incidents.end(last.id, found.message, at=now)
            return -1
        if found.state == "firing":
            self._tell_more(topic, rule, last, found)
        return self._bear_with(topic, rule, last, is_unknown=found.state == "unknown")

    def _tell_more(self, topic: Topic, rule: Rule, lasting: Incident, found: Finding) -> None:
        """Has an incident told once more where it holds for a job or source besides.

        One for which it held no more within the rule's cool-down was told of already.
        """
        now, rest = self.clock(), timedelta(hours=rule["cool_down_hours"])
        basis = self.incidents.basis(topic.name, rule["name"]) or Basis(judged_by(rule))
        known = {name: gone for name, gone in basis.about.items() if not gone or now < gone + rest}
        left = {name: gone or now for name, gone in known.items() if name not in found.about}
        present = replace(basis, about=left | dict.fromkeys(found.about))
        if added := sorted(set(found.about) - set(known)):
            more = f"Since {now:%Y-%m-%d %H:%M} UTC also {', '.join(added)}. {found.message}"
            self.incidents.extend(lasting, more, basis=present, at=now)
        elif present != basis:
            self.incidents.keep(topic.name, rule["name"], present, at=now)

    def _bear_with(self, topic: Topic, rule: Rule, lasting: Incident, *, is_unknown: bool) -> int:
        """Ends an incident of which nothing is known for the rule's grace; returns -1, or 0."""
        name, now = rule["name"], self.clock()
        basis = self.incidents.basis(topic.name, name) or Basis(judged_by(rule))
        since = basis.unknown_since
        if (since is not None) != is_unknown or (since is not None and since > now):
            kept = replace(basis, unknown_since=now if is_unknown else None)
            self.incidents.keep(topic.name, name, kept, at=now)
        elif since is not None and now >= since + timedelta(hours=rule["grace_hours"]):
            told = f"No figure to judge by since {since:%Y-%m-%d %H:%M} UTC"
            self.incidents.end(lasting.id, f"{told}: closed without knowing more.", at=now)
            return -1
        return 0

    def _is_cooling(self, topic: Topic, rule: Rule, last: Incident | None) -> bool:
        """Whether the last incident ended so shortly ago that a new one would be the same again."""
        if last is None or last.ended_at is None:
            return False
        basis = self.incidents.basis(topic.name, rule["name"])
        if basis is not None and basis.rule != judged_by(rule):
            return False
        # An end as far ahead was recorded by a clock that has been put right since.
        return abs(self.clock() - last.ended_at) < timedelta(hours=rule["cool_down_hours"])

    def _tell(self, incident: Incident, title: str) -> bool:
        end = incident.told_start
        text = incident.end_message if end else incident.message
        moment = incident.ended_at if end and incident.ended_at else incident.started_at
        # It may arrive days later.
        text += f" ({'Ended' if end else 'Began'} {moment:%Y-%m-%d %H:%M} UTC.)"
        heading = f"{'Over' if end else 'Alert'}: {incident.rule} ({title})"
        message = f"{incident.id} {'ends' if end else 'begins'}: {text}"
        if self.teller.tell(heading, text, message=message):
            self.incidents.told(incident.id, end=end)
            return True
        get_logger().warning(
            "alert_untold",
            rule=incident.rule,
            topic=incident.topic,
            attempts=incident.attempts + 1,
        )
        wait = min(_FIRST_WAIT * 2**incident.attempts, LONGEST_WAIT)
        self.incidents.failed(incident.id, incident.attempts + 1, again_at=self.clock() + wait)
        return False
