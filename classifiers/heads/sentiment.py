"""Sentiment: how the post feels, whatever it is about (SemEval-2017 task 4A)."""

from classifiers.evaluation import macro_recall
from classifiers.label_head import LabelHead

HEAD = LabelHead(
    name="sentiment",
    labels=("negative", "neutral", "positive"),
    takes_target=False,
    metric=macro_recall,
    question="What is the mood of the post?",
    meanings={
        "positive": "The post is glad, hopeful, grateful or admiring, whatever about.",
        "negative": "The post is angry, sad, afraid, bitter or mocking, whatever about.",
        "neutral": "No feeling shows, or as much of one as of the other.",
    },
    rules=(
        "Judge the tone of the post, not the event that it is about.",
        "Irony counts as what it means, not as what it says.",
        "Where both show, take the one that the post ends on or dwells on.",
    ),
)
