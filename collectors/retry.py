"""Calls that may fail for a while: tried again with growing pauses, then given up loudly."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from collectors.errors import CollectorError, StoppedError

T = TypeVar("T")

LONGEST_WAIT = 3600.0
"""Seconds: whoever asks us to wait longer is left alone until the next run."""


def calling(
    call: Callable[[], T],
    *,
    translate: Callable[[Exception], CollectorError | None],
    sleep: Callable[[float], None],
    attempts: int = 5,
    first: float = 1.0,
    most: float = 300.0,
    patience: float = LONGEST_WAIT,
) -> T:
    """Returns what a call returns, after as many attempts as it takes.

    Pauses double from `first` to `most` seconds, each shortened at random by up to a half; where
    the platform says how long to wait (`retry_after`), that long.

    Args:
        call: May raise anything.
        translate: Turns a vendor's exception into ours, None for one that is not the platform's
            doing (it is raised as it is). Ours need no translation.
        sleep: As `Surroundings.sleep`.
        attempts: How often to call at most.
        first: Seconds of the first pause, at most.
        most: Seconds of the longest pause, at most.
        patience: Seconds that the platform may ask us to wait; if more, the next run tries again.

    Raises:
        CollectorError: It cannot help to try again, or was tried often enough.
    """
    retrying = Retrying(
        sleep=sleep,
        stop=stop_after_attempt(attempts),
        wait=lambda state: _pause(state, first, most),
        retry=retry_if_exception(lambda exc: _worth_retrying(exc, patience)),
        reraise=True,
    )
    result: T = retrying(_translating, call, translate)
    return result


def _translating(
    call: Callable[[], T], translate: Callable[[Exception], CollectorError | None]
) -> T:
    try:
        return call()
    except CollectorError:
        raise
    except Exception as exc:
        ours = translate(exc)
        if ours is None:
            raise
        raise ours from exc


def _worth_retrying(exc: BaseException, patience: float) -> bool:
    if not isinstance(exc, CollectorError) or isinstance(exc, StoppedError):
        return False
    return exc.retryable and _asked_to_wait(exc) <= patience


def _asked_to_wait(exc: BaseException | None) -> float:
    return max(0.0, float(getattr(exc, "retry_after", 0.0)))


def _pause(state: RetryCallState, first: float, most: float) -> float:
    asked = _asked_to_wait(state.outcome.exception() if state.outcome else None)
    if asked:
        return asked + random.uniform(0, min(1.0, asked / 10))  # noqa: S311
    longest = min(most, first * 2.0 ** (state.attempt_number - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311
