import numpy as np
import pytest

from classifiers.errors import UnknownHeadError
from classifiers.heads import LabelHead, all_heads, head


def test_every_module_in_the_folder_is_a_head() -> None:
    assert {"sentiment", "stance"} <= {each.name for each in all_heads()}


@pytest.mark.parametrize("known", all_heads(), ids=lambda known: known.name)
def test_a_head_can_be_found_and_judges_perfection_as_one(known: LabelHead) -> None:
    every = np.arange(len(known.labels))
    assert head(known.name) is known
    assert len(set(known.labels)) == len(known.labels) >= 2
    assert known.metric(every, every) == 1.0


def test_an_unknown_head_names_those_there_are() -> None:
    with pytest.raises(UnknownHeadError) as caught:
        head("mood")
    assert all(known.name in caught.value.hint for known in all_heads())
