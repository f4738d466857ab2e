from __future__ import annotations

import pytest

from monitor.pattern import runs_away


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", "(a*)*b", r"(\w+\s?)+ at facebook", "(?:(?:a+))+b", r"x(?:\s*\w+\s*)*y"),
        *("(?:a|b+)+c", r"work (?:[a-z]+?,? ?)+here", "((a+)+b)?c", "(?=(a+)+b)c"),
    ],
)
def test_a_repeat_of_nothing_but_a_repeat_runs_away(pattern: str) -> None:
    assert runs_away(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("a+b*", r"(?:\w+\s)+at", r"(\w+\b)+x", "(?:ab|cd)+", "(?:a{1,3})+b", "(a+)?b"),
        *(r"\bwork(?:s|ing)? (?:at|for) (?:the )?facebook\b", "(?:a++)+b", "(?i:engineer)", "a.*b"),
        "(?>a+)+b",
    ],
)
def test_other_patterns_do_not(pattern: str) -> None:
    assert not runs_away(pattern)
