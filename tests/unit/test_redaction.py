from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import redaction
from monitor.redaction import redact, text_digest


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("thanks @ann_b, well said", "thanks @user, well said", id="handle"),
        pytest.param("@a @b", "@user @user", id="two handles"),
        pytest.param(".@ann!", ".@user!", id="punctuation stays"),
        pytest.param("@ann@example.social agrees", "@user agrees", id="mastodon"),
        pytest.param("by @ann.bsky.social.", "by @user.", id="bluesky"),
        pytest.param("ann.bsky.social is right", "@user is right", id="bluesky, without a sign"),
        pytest.param("私はann-b.bsky.socialです", "私は@userです", id="bluesky in japanese"),
        pytest.param("on bsky.social.", "on bsky.social.", id="bluesky's own server"),
        pytest.param("(did:plc:ab2: hi)", "(@user: hi)", id="did"),
        pytest.param("I did: it", "I did: it", id="no did"),
        pytest.param("that is @/ann_b again", "that is @user again", id="slash against search"),
        pytest.param("＠ann", "@user", id="full-width sign"),
        pytest.param("今日は@ann_bさんと", "今日は@userさんと", id="japanese around a handle"),
        pytest.param("안녕@ann_b Привет@ann_b", "안녕@user Привет@user", id="other letters before"),
        pytest.param("RT@ann_b: hi, rt@ann_b", "RT@user: hi, rt@user", id="repost by hand"),
        pytest.param("w/@ann_b and @a_b/@ann_b", "w/@user and @user/@user", id="slash before"),
        pytest.param("@Jürgen_K, @田中さん!", "@user, @user!", id="names in other letters"),
        pytest.param("@a@b.example@c", "@user", id="one after another"),
        pytest.param("hello@ann", "hello@ann", id="no mention within a word"),
        pytest.param("ask u/ann_b or /u/bob-c", "ask u/user or u/user", id="reddit"),
        pytest.param("mail ann.b+x@example.org now", "mail [email] now", id="mail"),
        pytest.param("see https://x.com/ann/status/1?s=2 now", "see https://x.com now", id="link"),
        pytest.param("on linkedin.com/in/ann-b today", "on linkedin.com today", id="bare link"),
        pytest.param("(www.x.com/ann)", "(www.x.com", id="bare link with www"),
        pytest.param("and/or 1.5/2 Jan./Feb.", "and/or 1.5/2 Jan./Feb.", id="slashes in a text"),
        pytest.param("http://ann:pw@example.org/a", "http://example.org", id="link with a login"),
        pytest.param("tg://resolve?domain=ann", "tg://resolve", id="link into an app"),
        pytest.param("at://did:plc:ab2/app.x/3k", "at://@user", id="bluesky address"),
        pytest.param("https://ann.bsky.social", "https://@user", id="host that is a handle"),
        pytest.param("https://ann-b.tumblr.com/post/1", "https://tumblr.com", id="a user's host"),
        pytest.param("read ann.substack.com. Now", "read substack.com. Now", id="such a host bare"),
        pytest.param("(Ann.B.GitHub.io)", "(GitHub.io)", id="such a host with two names"),
        pytest.param("ann.blogspot.co.uk/2020", "blogspot.co.uk", id="such a host by country"),
        pytest.param("私はann-b.tumblr.comです", "私はtumblr.comです", id="within japanese"),
        pytest.param("x.medium.company", "x.medium.company", id="another host"),
        pytest.param("https://x.com\\ann", "https://x.com", id="backslash in a link"),
        pytest.param("call +1 650-253-0000 now", "call [phone] now", id="phone with country code"),
        pytest.param("call (650) 253-0000!", "call [phone]!", id="phone without"),
        pytest.param("ring 020 7031 3000", "ring [phone]", id="british phone"),
        pytest.param("Tel. 030 303986300, danke", "Tel. [phone], danke", id="german phone"),
        pytest.param("+49 30 303986300 +33 1 42 68 53 00", "[phone] [phone]", id="two phones"),
        pytest.param("on 2020-06-01 at 10:30", "on 2020-06-01 at 10:30", id="a date is no phone"),
        pytest.param("since 01.06.2020", "since 01.06.2020", id="a date with points"),
        pytest.param("1,250,000 of 48,000,000", "1,250,000 of 48,000,000", id="large numbers"),
        pytest.param("I'm Zelda Fitz, an engineer", "I'm [name], an engineer", id="I'm"),
        pytest.param("Hi, I’m Zelda.", "Hi, I’m [name].", id="curly apostrophe"),
        pytest.param("my name is zelda and", "my name is [name] and", id="my name is, small"),
        pytest.param("My name is Zelda B. Fitz", "My name is [name]", id="with an initial"),
        pytest.param("me llamo Zelda", "me llamo [name]", id="spanish"),
        pytest.param("Ich heiße Zelda Fitz.", "Ich heiße [name].", id="german"),
        pytest.param("I am Zelda O'Fitz-Hugh", "I am [name]", id="apostrophe and dash"),
        pytest.param("I'm with them", "I'm with them", id="no name"),
        pytest.param("I'm Proud of you", "I'm Proud of you", id="a capital is no name"),
        pytest.param("I'M SO ANGRY", "I'M SO ANGRY", id="shouting"),
        pytest.param("I'm a Facebook engineer", "I'm a Facebook engineer", id="a role"),
        pytest.param("5 @ 3 dollars", "5 @ 3 dollars", id="a lone sign"),
        pytest.param("#walkout and/or u/", "#walkout and/or u/", id="nothing to take out"),
    ],
)
def test_people_are_taken_out_of_a_text(text: str, kept: str) -> None:
    assert redact(text) == kept


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{5,14}", fullmatch=True).filter(lambda h: h != "user"))
def test_no_mentioned_handle_survives(handle: str) -> None:
    assert handle not in redact(f"well @{handle} said, (@{handle}) and @{handle}!").replace(
        "@user", ""
    )


def test_equal_texts_have_equal_digests_and_others_do_not() -> None:
    assert text_digest("a") == text_digest("a")
    assert text_digest("a") != text_digest("b")


@given(
    st.sampled_from(["I'm ", "I’m ", "I am ", "My name is ", "my name is "]),
    st.from_regex(r"Q[a-z]{3,9}( Z[a-z]{3,9})?", fullmatch=True),
)
def test_no_name_survives_an_introduction(opening: str, name: str) -> None:
    kept = redact(f"Hello. {opening}{name}, and I stay.")
    assert not set(name.split()) & set(re.findall(r"\w+", kept))


@given(st.from_regex(r"650-253-[0-9]{4}|\+49 30 3039[0-9]{5}", fullmatch=True))
def test_no_telephone_number_survives(number: str) -> None:
    assert number not in redact(f"ring me: {number} tonight")


_PIECES = st.sampled_from(
    [
        *("my name is", "MY NAME IS", "my name ıs", "mein name iſt", "ich heiße", "Ich hei\u1e9ee"),
        *("me llamo", "mi nombre es", "je m’appelle", "mon nom est", "meu nome é", "me chamo"),
        *("they call me", "call me", "I'm", "i’m", "I’M", "I am", "ich bin", "Je suis", "Yo soy"),
        *("Eu sou", "Ann Lee", "ann", "İda", "so sorry", "@ann", "＠ann", "u/ann_b", "/u/bob-c"),
        *(
            "https://x.com/a",
            "x.com/ann",
            "HTTP://x.com/a",
            "ann.bsky.social",
            "ann.tumblr.com",
            "did:plc:ab2",
            "a@b.example",
            "+1 650-253-0000",
            "the walkout",
        ),
    ]
)


@given(st.lists(_PIECES, max_size=8), st.sampled_from([" ", "", ".", "  ", "\t"]))
def test_looking_first_whether_a_pattern_can_match_at_all_changes_nothing(
    pieces: list[str], between: str
) -> None:
    text = between.join(pieces)
    thorough = redaction._LINK.sub(r"\1\2", text)
    thorough = redaction._BARE_LINK.sub(r"\1", thorough)
    thorough = redaction._EMAIL.sub("[email]", thorough)
    thorough = redaction._MENTION.sub("@user", thorough)
    thorough = redaction._BLUESKY_USER.sub("@user", thorough)
    thorough = redaction._OWN_HOST.sub("", thorough)
    thorough = redaction._REDDIT_USER.sub("u/user", thorough)
    thorough = redaction._without_phones(thorough)
    thorough = redaction._without_named(thorough, redaction._INTRODUCTION, is_sure=True)
    thorough = redaction._without_named(thorough, redaction._I_AM, is_sure=False)
    assert redact(text) == thorough


@given(st.text(alphabet="aZ1é.@＠/:u- \n\u2003ſK", max_size=30))
def test_cheap_looks_never_miss_what_a_pattern_would_find(text: str) -> None:
    if redaction._EMAIL.search(text):
        assert redaction._has_at_after_word(text)
    if redaction._BARE_LINK.search(text):
        assert redaction._SLASH_AFTER_WORD.search(text)
