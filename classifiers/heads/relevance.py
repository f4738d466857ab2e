"""Relevance: whether the post speaks about the target at all."""

from classifiers.evaluation import macro_f1
from classifiers.label_head import LabelHead

HEAD = LabelHead(
    name="relevance",
    labels=("relevant", "off_topic"),
    takes_target=True,
    metric=macro_f1,
    reported=False,
)
