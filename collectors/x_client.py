"""X's API through tweepy: searches, lookups, stream rules and compliance jobs as plain answers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import requests
import tweepy

from collectors.errors import AuthenticationError, CollectorError, MalformedAnswerError
from collectors.formats.fields import Record, mapping, sequence
from collectors.retry import calling
from collectors.source import Surroundings
from collectors.x_transport import (
    RefusedParametersError,
    Transport,
    is_capped,
    path_of,
    refusal,
    unreachable,
)

T = TypeVar("T")
Parameters = Mapping[str, str | int]

RECENT = "/2/tweets/search/recent"
ALL = "/2/tweets/search/all"
LOOKUP = "/2/tweets"
RULES = "/2/tweets/search/stream/rules"
JOBS = "/2/compliance/jobs"
MOST_IDS = 100

GENERATIONS: Mapping[str, Mapping[str, str]] = {
    "tweet": {
        "tweet.fields": "author_id,created_at,edit_controls,lang,note_tweet,referenced_tweets,"
        "withheld",
        "user.fields": "description",
        "expansions": "author_id,referenced_tweets.id",
    },
    "post": {
        "post.fields": "author_id,created_at,edit_controls,lang,note_post,referenced_posts,"
        "withheld",
        "user.fields": "description",
        "expansions": "author_id,referenced_posts.id",
    },
}
"""X is renaming its fields; which names a server takes is found out by asking."""

_RENAMED = frozenset({"tweet.fields", "post.fields", "expansions"})
_JSON = frozenset({"application/json", "application/problem+json"})

# tweepy writes the bearer token and whole answers to its log when that is at DEBUG, and bodies
# of failed streams at ERROR: nothing of it may reach a log of ours.
logging.getLogger("tweepy").setLevel(logging.CRITICAL)
# urllib3 writes queries there.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class FieldNames:
    """Which generation of field names the server takes.

    Args:
        chosen: `tweet`, `post`, or `auto` to begin with the older and find out.
    """

    def __init__(self, chosen: str) -> None:
        if chosen not in ("auto", *GENERATIONS):
            raise CollectorError(
                f"sources.x.field_names is {chosen!r}", hint="Use auto, tweet or post."
            )
        self._fixed = chosen != "auto"
        self._tried: set[str] = set()
        self._current = chosen if self._fixed else "tweet"

    @property
    def parameters(self) -> Mapping[str, str]:
        """What to ask with."""
        return GENERATIONS[self._current]

    def are_ignored(self, answer: Record) -> bool:
        """Whether posts came without what was asked for, as from a server of other names."""
        posts = [mapping(item) for item in sequence(answer.get("data"))]
        asked = {"author_id", "created_at"}
        return bool(posts) and all(asked.isdisjoint(post) for post in posts)

    def give_way(self, refused: frozenset[str] = _RENAMED) -> bool:
        """Turns to the other generation if that may help; tells whether it did.

        Args:
            refused: The parameters that X calls wrong.
        """
        if self._fixed or self._tried or _RENAMED.isdisjoint(refused):
            return False
        self._tried.add(self._current)
        self._current = "post" if self._current == "tweet" else "tweet"
        return True


class XClient:
    """Asks X, again where that may help; answers come as JSON objects that make sense.

    Args:
        surroundings: Settings, secret, clock and sleep.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self.fields = FieldNames(surroundings.settings["field_names"])
        self._tweepy = tweepy.Client(bearer_token(surroundings))
        self._tweepy.user_agent = surroundings.user_agent
        self._transport(surroundings.settings["timeout"]).open(self._tweepy.session)

    def _transport(self, timeout: float) -> Transport:
        here = self._surroundings
        return Transport(here.settings["base_url"], timeout, here.now, here.sleep)

    def close(self) -> None:
        """Closes the connections."""
        self._tweepy.session.close()

    def search(self, route: str, parameters: Parameters) -> Record:
        """Returns a page of `RECENT` or `ALL`: an object with `meta`, and `data` if any."""
        return self._with_fields(route, parameters, _check_page)

    def lookup(self, ids: Sequence[str]) -> Record:
        """Returns posts by id, at most `MOST_IDS`: `data`, and `errors` with what is gone."""
        return self._with_fields(LOOKUP, {"ids": ",".join(ids)}, _check_lookup)

    def rules(self) -> list[Record]:
        """Lists the stream's rules: objects with `id`, `value` and perhaps `tag`."""
        answer = self._api("GET", RULES, check=_check_rules)
        return [mapping(rule) for rule in sequence(answer.get("data"))]

    def change_rules(self, change: Mapping[str, Any]) -> Record:
        """Adds or deletes rules of the stream."""
        return self._api("POST", RULES, json=change, check=_check_rules)

    def jobs(self) -> list[Record]:
        """Lists the app's compliance jobs for posts."""
        answer = self._api("GET", JOBS, {"type": "tweets"}, check=_check_jobs)
        return [mapping(job) for job in sequence(answer.get("data"))]

    def create_job(self, name: str) -> Record:
        """Creates a compliance job for posts."""
        body = {"type": "tweets", "name": name}
        return mapping(self._api("POST", JOBS, json=body, check=_check_job)["data"])

    def job(self, number: str) -> Record:
        """Tells how a compliance job is doing."""
        return mapping(self._api("GET", f"{JOBS}/{number}", check=_check_job)["data"])

    def upload(self, url: str, ids: Sequence[str]) -> None:
        """Sends a job its ids, to the address that it names."""
        body = "".join(f"{one}\n" for one in ids).encode()
        self._calling(lambda: self._outside("PUT", url, body))

    def download(self, url: str) -> bytes:
        """Returns a finished job's result, from the address that it names."""
        content: bytes = self._calling(lambda: self._outside("GET", url).content)
        return content

    def _outside(self, method: str, url: str, body: bytes | None = None) -> requests.Response:
        """Asks a server that X names; the token is none of its business."""
        headers = {"User-Agent": self._surroundings.user_agent}
        if body is not None:
            headers["Content-Type"] = "text/plain"
        with self._transport(self._surroundings.settings["timeout"]).open(
            requests.Session()
        ) as session:
            return session.request(method, url, data=body, headers=headers)

    def _with_fields(
        self, route: str, parameters: Parameters, check: Callable[[Record, str], None]
    ) -> Record:
        asked = {**parameters, **self.fields.parameters}
        try:
            answer = self._api("GET", route, asked, check=check)
        except RefusedParametersError as error:
            if not self.fields.give_way(error.parameters):
                raise
            return self._with_fields(route, parameters, check)
        if self.fields.are_ignored(answer) and self.fields.give_way():
            return self._with_fields(route, parameters, check)
        return answer

    def _api(
        self,
        method: str,
        route: str,
        parameters: Parameters | None = None,
        *,
        json: Mapping[str, Any] | None = None,
        check: Callable[[Record, str], None],
    ) -> Record:
        def call() -> Record:
            response = self._tweepy.request(method, route, params=parameters, json=json)
            answer = _json_object(response)
            check(answer, path_of(route))
            return answer

        return self._calling(call)

    def _calling(self, call: Callable[[], T]) -> T:
        return calling(call, translate=unreachable, sleep=self._surroundings.sleep)


def bearer_token(surroundings: Surroundings) -> str:
    """Returns the token.

    Raises:
        AuthenticationError: There is none, or it cannot be one.
    """
    token = (surroundings.secret("bearer_token") or "").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise AuthenticationError(
            "X needs a bearer token" if not token else "X's bearer token holds odd characters",
            hint="Set MONITOR_X_BEARER_TOKEN to the token of an app of X's developer console.",
        )
    return token


def _json_object(response: requests.Response) -> Record:
    where = path_of(response.url)
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and kind not in _JSON:
        raise MalformedAnswerError(
            f"X answered {where} with {kind[:80]!r}", hint="Is sources.x.base_url X's API?"
        )
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError) as exc:
        raise MalformedAnswerError(
            f"X answered {where} with {len(response.content)} bytes that are no JSON"
        ) from exc
    if not isinstance(answer, dict):
        raise MalformedAnswerError(f"X answered {where} with no JSON object")
    return answer


def _check_page(answer: Record, where: str) -> None:
    """A page without records still has its `meta`; anything else is an error under 200."""
    data = answer.get("data", [])
    if not isinstance(data, list) or not (data or isinstance(answer.get("meta"), dict)):
        raise _error_under_200(answer, where)


def _check_lookup(answer: Record, where: str) -> None:
    data, errors = answer.get("data", []), answer.get("errors", [])
    good = isinstance(data, list) and isinstance(errors, list) and bool(data or errors)
    if not good or (not data and not all(mapping(one).get("resource_type") for one in errors)):
        raise _error_under_200(answer, where)


def _check_rules(answer: Record, where: str) -> None:
    if not isinstance(answer.get("data", []), list) or not isinstance(answer.get("meta"), dict):
        raise _error_under_200(answer, where)


def _check_jobs(answer: Record, where: str) -> None:
    """A list of jobs may come without `meta`, and without `data` where there are none."""
    if not isinstance(answer.get("data", []), list) or not {"data", "meta"} & answer.keys():
        raise _error_under_200(answer, where)


def _check_job(answer: Record, where: str) -> None:
    if not isinstance(mapping(answer.get("data")).get("id"), str):
        raise _error_under_200(answer, where)


def _error_under_200(answer: Record, where: str) -> CollectorError:
    if is_capped(answer):
        return refusal(429, answer, where)
    return MalformedAnswerError(f"X answered {where} with an error under 200")
