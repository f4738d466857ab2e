"""Stance: whether the post's author favours a target (SemEval-2016 task 6A)."""

from classifiers.evaluation import f1_favor_against
from classifiers.label_head import LabelHead

HEAD = LabelHead(
    name="stance",
    labels=("favor", "against", "none"),
    takes_target=True,
    metric=f1_favor_against,
    question="Where does the author stand on {target}?",
    meanings={
        "favor": "The author is for it, praises those who do it, or attacks its opponents for "
        "that.",
        "against": "The author is against it, mocks it or those who do it, or praises its "
        "opponents.",
        "none": "No side is taken: news, questions, jokes without a side, or about something else.",
    },
    rules=(
        "Judge what the author shows in this post, not what you know or guess about them.",
        "Irony counts as what it means, not as what it says.",
        "Stance is not mood: an angry post may be for it.",
        "Quoting somebody is no stance, unless the author sides with the quote.",
    ),
    off_topic="none",
    opposites=("against", "favor", "none"),
)
