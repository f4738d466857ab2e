"""A language has one code, and posts from before it had are found still."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collectors.languages import canonical, canonicals, stored_codes

CODES = st.lists(st.sampled_from(["de", "id", "in", "no", "nb", "nn", "tl", "fil", "he", "iw"]))


@given(CODES)
def test_every_code_is_kept_under_one_that_stays(codes: list[str]) -> None:
    found = canonicals(codes)

    assert canonicals(found) == found
    assert len(set(found)) == len(found)


@given(CODES)
def test_codes_of_stored_posts_mean_the_same_languages(codes: list[str]) -> None:
    assert canonicals(stored_codes(codes)) == canonicals(codes)
    assert stored_codes(stored_codes(codes)) == stored_codes(codes)


@given(CODES)
def test_a_post_is_welcome_under_the_new_code_and_under_the_former(codes: list[str]) -> None:
    former = {code for code in codes if code in ("nb", "nn", "fil")}

    assert {*map(canonical, codes), *former} <= set(stored_codes(codes))
