"""What can go wrong in the application; every error says what to do next."""

from __future__ import annotations


class MonitorError(Exception):
    """An error that a person can act on.

    Attributes:
        hint: What to do next.
        retryable: Whether trying again later can help.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.retryable = retryable


class ConfigurationError(MonitorError):
    """A setting or a topic file is wrong; nothing was started."""

    exit_code = 2


class UsageError(MonitorError):
    """A command was called in a way that makes no sense."""

    exit_code = 2


class StoreError(MonitorError):
    """The database cannot be used."""


class OutdatedError(StoreError):
    """The database waits for changes that the next command would make."""


class ClusterError(MonitorError):
    """A distributed job could not be (wholly) done."""


class StandbyError(MonitorError):
    """Another daemon holds the lease, or this one has lost it."""


class DaemonDeadError(MonitorError):
    """The scheduler has stopped while the process lives on."""


class LabelError(MonitorError):
    """A label file cannot be used as it is."""
