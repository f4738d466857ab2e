import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.model_config import TOKENIZER_FILE
from classifiers.normalise import MAXIMUM_CHARACTERS, normalise
from classifiers.registry import BASES
from classifiers.tokenisation import POST_TOKENS, TARGET_TOKENS, Tokeniser


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://example.org/a?b=c now", "see http now"),
        ("thanks @some_one!", "thanks @user!"),
        ("write to me@example.org", "write to me@example.org"),
        ("#WeWalkOut2020 today", "#We Walk Out 2020 today"),
        ("#BLM", "#BLM"),
        ("tom &amp; jerry", "tom & jerry"),
        ("so   \n good", "so good"),
        ("sooooooo good", "sooo good"),
        ("\U0001f621 at this", "enraged face at this"),
        ("nul\x00 and \ud800 gone", "nul and gone"),
        ("\uff28\uff49", "Hi"),
    ],
    ids=lambda value: None,
)
def test_what_varies_without_meaning_is_written_one_way(text: str, expected: str) -> None:
    assert normalise(text) == expected


@given(st.text(st.characters(), max_size=200))
def test_any_string_is_accepted_and_comes_out_as_valid_text(text: str) -> None:
    cleaned = normalise(text)
    assert cleaned == cleaned.strip()
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned


def test_only_the_first_characters_are_read() -> None:
    start = "word " * (MAXIMUM_CHARACTERS // 5)
    assert normalise(start + "tail") == normalise(start + "another tail")


@pytest.mark.parametrize(
    "blanks",
    ["\n" * 2500, "\u200b" * 2000, " \u200b\x00\t\ufeff\u202e" * 2000, "\ud800" * 19_000],
    ids=["lines", "invisible", "mixed", "surrogates"],
)
def test_what_stands_behind_blanks_is_read(blanks: str) -> None:
    assert normalise(blanks + "I love the walkout" + blanks[:500] + "!") == "I love the walkout !"


def formerly(text: str) -> str:
    return normalise(text[:MAXIMUM_CHARACTERS])


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PIECES = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(["\u200b" * 31, " " * 31, FAMILY, "\U0001f600" * 40, "word " * 300, "." * 700]),
    st.sampled_from(["x" * 900, "#WeWalkOut ", "&amp;", "\ud800", "see https://a.b/c "]),
)


@given(st.lists(PIECES, max_size=12))
def test_without_long_blanks_only_the_first_characters_count(pieces: list[str]) -> None:
    text = "|".join(pieces)
    assert normalise(text) == formerly(text)


def test_long_texts_keep_their_first_tokens_and_the_closing_mark(tokeniser: Tokeniser) -> None:
    (post,) = tokeniser.posts(["one two three " * 200])
    (target,) = tokeniser.targets(["one two three " * 200])
    assert (len(post), len(target)) == (POST_TOKENS, TARGET_TOKENS)
    assert post[-1] == target[-1] == tokeniser.posts([""])[0][-1]


SPELLINGS = "<s> </s> <pad> &lt;pad&gt; <unk> <UNK> <ünk> <mask> [PAD] [UNK] [CLS] [SEP] [MASK]"


@pytest.mark.parametrize("base", sorted(BASES))
@pytest.mark.parametrize("spelling", SPELLINGS.split())
def test_what_is_spelt_like_a_mark_is_read_as_text(spelling: str, base: str) -> None:
    tokeniser = Tokeniser(BASES[base] / TOKENIZER_FILE)
    (blank,) = tokeniser.posts([""])
    for (ids,) in (tokeniser.posts([f"all {spelling} out"]), tokeniser.targets([spelling])):
        assert [id_ for id_ in ids if id_ in tokeniser.marks] == blank
        assert [ids[0], ids[-1]] == blank
