"""What is written as our own records comes back the same."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from harvesting import harvest, write_as
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.formats.fields import EARLIEST
from collectors.post import KINDS, Post

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)
_IDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30)
_POSTS = st.builds(
    Post,
    platform=st.sampled_from(["file", "x", "a-b_9"]),
    native_id=_IDS,
    created_at=st.integers(0, 660 * 10**12).map(
        lambda microseconds: EARLIEST + timedelta(microseconds=microseconds)
    ),
    text=_TEXT,
    language=st.none() | st.sampled_from(["en", "de", "ckb"]),
    author=st.none() | _IDS,
    self_description=st.none() | _TEXT.filter(bool),
    kind=st.sampled_from(KINDS),
    reference=st.none() | _IDS,
)


@pytest.mark.parametrize("format_name", ["jsonl", "array", "csv", "parquet"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(posts=st.lists(_POSTS, max_size=5))
def test_posts_come_back_as_they_were_written(
    tmp_path: Path, format_name: str, posts: list[Post]
) -> None:
    path = write_as(posts, tmp_path, format_name)

    assert harvest(path).posts == posts
