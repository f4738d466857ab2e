"""Asks which stored Bluesky posts are gone: for deletions that nobody heard."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from collectors.bluesky_repositories import Repositories
from collectors.bluesky_view import is_for_members_only
from collectors.errors import MalformedAnswerError, RefusedRequestError
from collectors.formats.fields import Record, mapping
from collectors.formats.jetstream import PLATFORM, POST
from collectors.http import HttpClient, Limits
from collectors.post import Checkpoint, Deletion, Page
from collectors.source import Surroundings

_GET_POSTS = "xrpc/app.bsky.feed.getPosts"


class BlueskyChecker:
    """Asks the app server, without an account, and after what it does not show each author's own.

    The app server reads the network at its own pace, now and then days behind, so what it does not
    show may be too new to it. An account that its own server has closed has no posts. Reposts
    cannot be asked after in this way; they go with the post that they repeat.

    Args:
        surroundings: Clock, sleep, settings `check_url`, `directory_url` and `timeout`.
    """

    at_once = 25
    """As many as the server takes."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings

    def check(self, native_ids: Sequence[str]) -> Iterator[Page]:
        """Yields deletions of those that are gone, or no longer to be shown to everybody.

        Raises:
            CollectorError: As `HttpClient.get`.
        """
        settings = self._surroundings.settings
        limits = Limits(timeout=float(settings["timeout"]))
        asked = [one for one in native_ids if f"/{POST}/" in one]
        with (
            HttpClient(str(settings["check_url"]), self._surroundings, limits=limits) as client,
            closing(Repositories(self._surroundings)) as repositories,
        ):
            for start in range(0, len(asked), self.at_once):
                yield _checked(client, repositories, asked[start : start + self.at_once])


def _checked(client: HttpClient, repositories: Repositories, uris: Sequence[str]) -> Page:
    shown = _shown(client, uris)
    hidden = [uri for uri, view in shown.items() if view and is_for_members_only(view)]
    missing = [uri for uri in uris if uri not in shown]
    gone = [Deletion(PLATFORM, native_id=uri) for uri in missing if repositories.lack(uri)]
    opted_out = (Deletion(PLATFORM, native_id=uri, reason="author_opted_out") for uri in hidden)
    return Page(Checkpoint({}), deletions=(*gone, *opted_out))


def _shown(client: HttpClient, uris: Sequence[str]) -> dict[str, Record]:
    """The views of posts by their addresses; an empty one where nothing can be told.

    One address that the server calls wrong (a file may hold any) makes it refuse the others too,
    so they are asked for one by one then.
    """
    try:
        answer, _ = client.get_json(_GET_POSTS, {"uris": uris})
    except RefusedRequestError:
        if len(uris) == 1:
            return {uris[0]: {}}
        return {uri: view for one in uris for uri, view in _shown(client, [one]).items()}
    views = mapping(answer).get("posts")
    if not isinstance(views, list):
        raise MalformedAnswerError(
            "the question after posts was answered without any",
            hint="Check sources.bluesky.check_url.",
        )
    found = {str(view.get("uri")): view for view in map(mapping, views)}
    return {uri: found[uri] for uri in uris if uri in found}
