"""Stance: whether the post's author favours a target (SemEval-2016 task 6A)."""

from classifiers.evaluation import f1_favor_against
from classifiers.label_head import LabelHead

HEAD = LabelHead(
    name="stance",
    labels=("favor", "against", "none"),
    takes_target=True,
    metric=f1_favor_against,
)
