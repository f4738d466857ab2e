"""The figures of a candidate beside the champion."""

import json

import numpy as np
import pytest

from classifiers.examples import Example
from classifiers.gate import compare

ANSWERS = [np.array([0.2, 0.3, 0.5], dtype=np.float32), np.array([0.6, 0.3, 0.1], dtype=np.float32)]


@pytest.mark.parametrize(("rows", "with_error"), [(1, False), (2, True)])
def test_a_gain_has_an_error_where_there_are_rows_to_tell_it(rows: int, with_error: bool) -> None:
    made = [
        Example(str(n), f"post number {n}", "sentiment", "", "positive", audit=True)
        for n in range(rows)
    ]
    figures = compare(made, ANSWERS[:rows], ANSWERS[::-1][:rows])
    assert ("gain_error" in figures["audit/sentiment"]) is with_error
    json.dumps(figures, allow_nan=False)  # as databases keep it
