"""Backfill: Bluesky's search, day by day from the oldest on, newest first within a day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from atproto import models
from atproto_client.client.raw import ClientRaw
from atproto_client.exceptions import (
    BadRequestError,
    NetworkError,
    RateLimitExceededError,
    RequestErrorBase,
    UnauthorizedError,
)
from atproto_client.request import Request
from atproto_core.exceptions import AtProtocolError

from collectors.bluesky_harvest import selectable_text
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.formats.fields import Outcome, Record, mapping
from collectors.formats.jetstream import PLATFORM, POST, read
from collectors.http import HttpClient
from collectors.lines import Flaw
from collectors.pace import retry_after
from collectors.post import Checkpoint, Coverage, CoverageStatus, Page, Post, Rejection, Window
from collectors.retry import calling
from collectors.source import Surroundings
from collectors.terms import matches

PAGE_POSTS = 100
"""The most that a page of the search holds."""

_SEARCH = "xrpc/app.bsky.feed.searchPosts"
_SLICE = timedelta(days=1)
