"""What these pages can change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from classifiers.version import ModelVersion
from monitor.dashboard.visitor import Note
from monitor.pipeline.label_review import LabelReview
from monitor.store.accounts import Accounts
from monitor.store.alert_rules import AlertRules
from monitor.store.desk import LabelDesk
from monitor.store.incidents import Incidents
from monitor.store.tasks import Tasks
from monitor.topic import Topic


@dataclass(frozen=True)
class Changes:
    """The writers that routes are handed; a dashboard without them can only be read.

    Attributes:
        note: Writes a line into the access log.
        versions: Gives a topic's model versions as they lie on disk, oldest first.
        ruling: Gives the id of a topic's champion, on disk or not.
        review: Tells what is known against a topic's labels.
        advice: Tells why to train a topic's model again, if anything asks for it.
    """

    accounts: Accounts
    desk: LabelDesk
    note: Note
    tasks: Tasks
    incidents: Incidents
    versions: Callable[[str], Sequence[ModelVersion]]
    ruling: Callable[[str], str]
    rules: AlertRules
    review: Callable[[Topic], LabelReview]
    advice: Callable[[Topic], Sequence[str]] = lambda _: ()
