"""What an answer of X's holds."""

from __future__ import annotations

from typing import Any

from collectors.x_records import place, read_answer

POST = {
    "id": "1700000000000000001",
    "text": "we walk",
    "created_at": "2023-09-07T20:27:37.000Z",
    "author_id": "7",
}


def page(*data: Any, **more: Any) -> dict[str, Any]:
    return {"data": list(data), "meta": {}, **more}


def test_a_page_gives_posts_ends_and_cursor() -> None:
    later = POST | {"id": "1700000000000000009"}
    found = read_answer(page(later, POST, meta={"next_token": "n"}))
    assert [post.native_id for post in found.posts] == [later["id"], POST["id"]]
    assert found.newest and found.oldest
    assert (found.newest.id, found.oldest.id) == (later["id"], POST["id"])
    assert (found.cursor, found.reads) == ("n", 2)


def test_an_empty_page_has_no_ends() -> None:
    found = read_answer({"meta": {"result_count": 0}})
    assert (found.posts, found.newest, found.oldest, found.cursor) == ((), None, None, None)


def test_records_that_are_no_posts_are_rejected_and_billed() -> None:
    found = read_answer(page(POST, {"id": "5"}, "nonsense", None))
    assert len(found.posts) == 1
    assert len(found.rejections) == 3
    assert found.reads == 4


def test_a_rejection_has_the_same_place_at_every_delivery() -> None:
    first = read_answer(page({"id": "5"}, "nonsense")).rejections
    again = read_answer(page("nonsense", POST, {"id": "5"})).rejections
    assert {one.place for one in first} == {one.place for one in again}
    assert "nonsense" not in place("nonsense")


def test_errors_about_what_posts_refer_to_are_no_rejections() -> None:
    error = {"parameter": "referenced_tweets.id", "resource_id": "3", "value": "3"}
    assert read_answer(page(POST, errors=[error])).rejections == ()


def test_the_same_records_make_the_same_fingerprint() -> None:
    other = POST | {"id": "1700000000000000009"}
    assert read_answer(page(POST)).fingerprint == read_answer(page(POST)).fingerprint
    assert read_answer(page(POST)).fingerprint != read_answer(page(other)).fingerprint
