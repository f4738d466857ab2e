"""Copying everything away, and putting it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.bootstrap.loading import load

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.pipeline.backup import BackupStep
    from monitor.pipeline.restore import RestoreStep
    from monitor.sealing import Seal


def backup_step(app: Application) -> BackupStep:
    """What copies everything away.

    Raises:
        ConfigurationError: MONITOR_BACKUP_KEY is no key.
    """
    made: BackupStep = load("monitor.pipeline.backup", "BackupStep")(
        app.settings, _seal(app), app.clock
    )
    return made


def restore_step(app: Application) -> RestoreStep:
    """What puts it back.

    Raises:
        ConfigurationError: MONITOR_BACKUP_KEY is no key.
    """
    made: RestoreStep = load("monitor.pipeline.restore", "RestoreStep")(app.settings, _seal(app))
    return made


def _seal(app: Application) -> Seal | None:
    key = app.settings.secret("backup_key")
    made: Seal | None = load("monitor.sealing", "Seal")(key) if key else None
    return made
