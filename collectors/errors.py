"""What can go wrong between a platform and a `Post`."""

from __future__ import annotations


class CollectorError(Exception):
    """A source could not be read.

    Attributes:
        hint: What to do next.
        retryable: Whether trying again later can help.
    """

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.retryable = retryable


class UnknownFormatError(CollectorError):
    """A file is in none of the formats that can be read."""


class UnreadableFileError(CollectorError):
    """A file cannot be opened, or nothing in it could be read."""
