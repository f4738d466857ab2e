"""Sentiment: how the post feels, whatever it is about (SemEval-2017 task 4A)."""

from classifiers.evaluation import macro_recall
from classifiers.label_head import LabelHead

HEAD = LabelHead(
    name="sentiment",
    labels=("negative", "neutral", "positive"),
    takes_target=False,
    metric=macro_recall,
)
