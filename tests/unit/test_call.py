"""How a command answers."""

from __future__ import annotations

import json

import pytest

from monitor.commands.call import Call

HALF = "a cut \ud83d"


def test_half_a_character_is_printed_as_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    Call().answer({}, HALF)
    Call().say(HALF)
    assert capsys.readouterr().out == "a cut \\ud83d\n" * 2


def test_a_machine_gets_half_a_character_back(capsys: pytest.CaptureFixture[str]) -> None:
    Call(as_json=True).answer({HALF: "é"}, "")
    assert json.loads(capsys.readouterr().out) == {HALF: "é"}


@pytest.mark.parametrize("as_json", [False, True], ids=["person", "machine"])
def test_a_warning_stands_beside_the_answer(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    Call(as_json=as_json).warn(HALF)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "a cut \\ud83d\n")
