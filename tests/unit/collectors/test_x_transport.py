"""What X's refusals become: whose fault it is, what to change, and nothing that is secret."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from collectors.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.x_client import FieldNames
from collectors.x_transport import RefusedParametersError, path_of, refusal, unreachable

SECRET = "what somebody wrote"


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, RefusedParametersError, False),
        (401, AuthenticationError, False),
        (402, BudgetExhaustedError, False),
        (403, AuthenticationError, False),
        (404, NotFoundError, False),
        (408, UnavailableError, True),
        (409, RefusedRequestError, False),
        (410, NotFoundError, False),
        (422, RefusedRequestError, False),
        (429, RateLimitedError, True),
        (500, UnavailableError, True),
        (503, UnavailableError, True),
        (599, UnavailableError, True),
    ],
)
def test_a_status_says_whether_trying_again_can_help(
    status: int, kind: type[CollectorError], retryable: bool
) -> None:
    error = refusal(status, {"detail": SECRET, "title": SECRET + "!"}, "/2/tweets", 7)
    assert type(error) is kind
    assert error.retryable is retryable
    assert str(status) in str(error)
    assert error.hint
    assert SECRET not in str(error) + error.hint


def test_a_wait_that_x_asks_for_is_passed_on() -> None:
    error = refusal(429, {}, "/2/tweets", 33)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 33


@pytest.mark.parametrize(
    "problem",
    [
        {"title": "UsageCapExceeded"},
        {"type": "https://api.twitter.com/2/problems/usage-capped"},
    ],
)
def test_a_used_up_plan_is_no_rate_limit(problem: dict[str, str]) -> None:
    assert isinstance(refusal(429, problem, "/2/tweets"), BudgetExhaustedError)


@pytest.mark.parametrize(
    ("errors", "named"),
    [
        ([{"parameters": {"since_id": ["5"]}, "message": SECRET}], {"since_id"}),
        ([{"parameter": "query", "message": SECRET}], {"query"}),
        (
            [{"parameters": {SECRET: ["a"]}, "message": "[post.fields] is not one of [x.fields]"}],
            {"post.fields"},
        ),
        (SECRET, set()),
    ],
)
def test_refused_parameters_are_named_and_their_values_are_not(
    errors: Any, named: set[str]
) -> None:
    error = refusal(400, {"errors": errors}, "/2/tweets")
    assert isinstance(error, RefusedParametersError)
    assert error.parameters == named
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (requests.ConnectionError(SECRET), UnavailableError),
        (requests.Timeout(SECRET), UnavailableError),
        (requests.TooManyRedirects(SECRET), MalformedAnswerError),
        (requests.exceptions.InvalidURL(SECRET), RefusedRequestError),
    ],
)
def test_no_answer_is_ours_too(exception: Exception, kind: type[CollectorError]) -> None:
    error = unreachable(exception)
    assert type(error) is kind
    assert SECRET not in str(error)


def test_what_is_not_the_platforms_doing_is_left_alone() -> None:
    assert unreachable(ValueError("a bug")) is None


def test_a_path_is_shown_without_ids_and_query() -> None:
    assert path_of("https://api.x.com/2/tweets/1700000000000000001?ids=5") == "/2/tweets/<id>"


# The two generations of field names


def test_field_names_change_once_and_never_back() -> None:
    names = FieldNames("auto")
    assert "tweet.fields" in names.parameters
    assert names.give_way(frozenset({"tweet.fields"}))
    assert "post.fields" in names.parameters
    assert not names.give_way(frozenset({"post.fields"}))


def test_field_names_stay_where_something_else_is_refused() -> None:
    assert not FieldNames("auto").give_way(frozenset({"query"}))
    assert not FieldNames("post").give_way(frozenset({"post.fields"}))


def test_an_unknown_generation_is_refused() -> None:
    with pytest.raises(CollectorError) as raised:
        FieldNames("xeet")
    assert "auto, tweet or post" in raised.value.hint
