"""What can go wrong between a platform and a `Post`."""

from __future__ import annotations

from typing import ClassVar


class CollectorError(Exception):
    """A source could not be read.

    Attributes:
        hint: What to do next.
        retryable: Whether trying again later can help.
    """

    _retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", retryable: bool | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.retryable = self._retryable if retryable is None else retryable


class UnknownFormatError(CollectorError):
    """A file is in none of the formats that can be read."""


class UnreadableFileError(CollectorError):
    """A file cannot be opened, or nothing in it could be read."""


class AuthenticationError(CollectorError):
    """The platform does not let us in (401, 403): the hint names the setting or secret."""


class PolicyError(CollectorError):
    """A platform's terms ask for something that the configuration does not say."""


class BudgetExhaustedError(CollectorError):
    """The month's budget of billed posts is used up."""


class NotFoundError(CollectorError):
    """What was asked for is not there (404, 410).

    Attributes:
        is_gone: Whether it is said to have been there (410).
        is_redirected: Whether another address than the one asked says so.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        is_gone: bool = False,
        is_redirected: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.is_gone = is_gone
        self.is_redirected = is_redirected


class RefusedRequestError(CollectorError):
    """The platform calls the request itself wrong (400 and its like): asking again is no use.

    Attributes:
        status: What it answered, 0 where it was not even asked.
    """

    def __init__(
        self, message: str, *, hint: str = "", retryable: bool | None = None, status: int = 0
    ) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.status = status


class PastError(CollectorError):
    """All of the time asked for lies before what the platform still gives."""


class _WaitError(CollectorError):
    """Later it may go well.

    Attributes:
        retry_after: Seconds that the platform asks to wait, 0 where it does not say.
    """

    _retryable = True

    def __init__(self, message: str, *, retry_after: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class RateLimitedError(_WaitError):
    """Too many requests (429)."""


class UnavailableError(_WaitError):
    """The platform does not answer, or not now (5xx, time-outs, refused, reset)."""


class MalformedAnswerError(CollectorError):
    """An answer came that makes no sense: bad JSON, wrong type, too large, an endless redirect."""

    _retryable = True


class StoppedError(CollectorError):
    """The program was asked to stop while a collector was waiting; nothing is wrong."""

    _retryable = True
