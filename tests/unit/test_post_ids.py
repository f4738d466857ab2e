"""Sealed post ids: equal ids stay equal, opaque ones stay readable, seals tell nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import ConfigurationError
from monitor.post_ids import PREFIX, PostIds, key_path, load_post_ids

URI = "at://did:plc:abc/app.bsky.feed.post/3k"
IDS = PostIds(b"k" * 32)


@pytest.mark.parametrize("opaque", ["1268236342112", "t3_gv4xyz", "sample-reddit-00001", "a" * 64])
def test_an_opaque_id_stays_as_it_is(opaque: str) -> None:
    assert IDS.seal(opaque) == opaque


@pytest.mark.parametrize(
    "address",
    [
        URI,
        "https://a.test/users/ada/statuses/1",
        "tag:a.test,2020:ada",
        "@ada",
        "ada.test",
        "b" * 65,
    ],
)
def test_an_address_is_sealed_under_the_topics_key(address: str) -> None:
    sealed = IDS.seal(address)
    assert sealed.startswith(PREFIX)
    assert address not in sealed
    assert PostIds(b"l" * 32).seal(address) != sealed
    assert PostIds(b"k" * 32).seal(address) == sealed


@given(st.text(min_size=1, max_size=200))
def test_a_seal_opens_to_its_id_and_is_not_sealed_again(native_id: str) -> None:
    sealed = IDS.seal(native_id)
    assert IDS.open(sealed) == native_id
    assert IDS.seal(sealed) == sealed


def test_what_only_looks_like_a_seal_is_an_id_like_any_other() -> None:
    sealed = IDS.seal(URI)
    forged = [PREFIX, f"{PREFIX}x", f"{PREFIX}é", f"{sealed}$", f"{sealed}=", sealed[:-2] + "xx"]
    assert len({IDS.seal(each) for each in (*forged, sealed)}) == len(forged) + 1
    assert all(IDS.open(IDS.seal(each)) == each for each in forged)


def test_the_longest_ids_stay_apart_and_fit_an_index() -> None:
    first, second = ("https://a.test/" + "🪧" * 600 + end for end in "xy")
    assert IDS.seal(first) != IDS.seal(second)
    assert len(IDS.seal(first)) < 1600
    assert IDS.seal(IDS.seal(first)) == IDS.seal(first)


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert IDS.seal("\ud800").startswith(PREFIX)


def test_addresses_in_a_checkpoint_are_sealed_and_come_back() -> None:
    state = {
        "asked": "a1b2",
        "feeds": {"c3": {"url": "https://a.test/@ada/feed", "known": ["t3_1", URI], "n": 3}},
        "at": "2020-06-01T10:00:00+00:00",
        "none": None,
    }
    sealed = IDS.seal_state(state)
    assert "ada" not in str(sealed)
    assert "did:" not in str(sealed)
    assert (sealed["asked"], sealed["at"]) == (state["asked"], state["at"])
    assert IDS.open_state(sealed) == state


def test_a_place_is_named_under_the_topics_key() -> None:
    assert IDS.name_place("f:1") == PostIds(b"k" * 32).name_place("f:1")
    names = {IDS.name_place("f:1"), IDS.name_place("f:2"), PostIds(b"l" * 32).name_place("f:1")}
    assert len(names) == 3
    assert IDS.name_place("\ud800\0").isalnum()


def test_a_key_is_made_once_and_a_damaged_one_refused(tmp_path) -> None:
    made = load_post_ids(tmp_path, "strike")
    assert load_post_ids(tmp_path, "strike").seal(URI) == made.seal(URI)
    assert key_path(tmp_path, "strike").stat().st_mode & 0o077 == 0
    key_path(tmp_path, "strike").write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="5 bytes"):
        load_post_ids(tmp_path, "strike")
