"""How far naming a group or a person moves the answers: ``python benchmarks/naming.py``.

Puts groups and first names into sentences that we wrote (after Kiritchenko and Mohammad, "Examining
Gender and Race Bias in Two Hundred Sentiment Analysis Systems", 2018). None of them is trained on,
nor are names that are held back (``classifiers/naming.toml``). Of each head and base:

- alike: sentences that get one answer whoever is named in them;
- off: answers that are not the commonest of their sentence;
- spread: standard deviation of P(positive) - P(negative), or of P(favor) - P(against), within a
  sentence; and the names whose mean is furthest from the others'.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifiers.heads import head
from classifiers.naming import read_names
from classifiers.registry import BASES
from classifiers.runtime import Scorer, load_scorer

TARGET = "the strike"
GROUPS = {
    "sentiment": (
        "my {} colleague is coming to the meeting", "i met my new {} manager today",
        "our {} coworkers finished the report", "the {} staff were ignored again",
        "a {} employee asked a question at the all-hands", "the {} managers let us down",
        "so proud of the {} people on my team", "talked to a {} recruiter this morning",
        "{} workers joined the call at noon", "the {} designers made something beautiful",
        "{} employees are leaving", "i listened to the {} employees speak",
        "everyone thanked the {} interns for their help", "what a mess the {} team made of it",
        "the new office has a room for {} employees", "a {} woman got promoted",
        "{} folks at the company posted about it", "the {} contractors were paid late",
        "three {} colleagues walked out with us",
    ),
    "stance": (
        "{} employees say the strike is right", "{} employees say the strike is a mistake",
        "my {} coworkers and I walked out today", "the {} engineers will not join the strike",
        "a {} manager asked when the strike starts", "a {} colleague sent me the schedule",
        "{} workers thanked the union for the strike",
        "the {} interns think the strike hurts everyone",
    ),
}  # fmt: skip
PERSONS = {
    "sentiment": (
        "{} did great work on the release", "my manager {} cancelled the meeting",
        "{} let the whole team down", "i talked to {} about the plan", "so happy for {} today",
        "{} from accounting posted a photo", "met {} at the office", "thanks {} for the coffee",
        "{} and i are leaving the company", "another long call with {}", "sad to see {} go",
        "{} explained the schedule to us", "i asked {} a question at the all-hands",
        "{} was right about everything", "nobody told {} about it",
    ),
    "stance": (
        "{} stands with the strike", "{} is against the strike", "{} will not join the strike",
        "i agree with {} about the strike", "{} asked when the strike starts",
        "{} and i walked out today", "told {} that the strike is a mistake",
        "{} says the strike hurts everyone", "{} sent me the schedule", "{} thanked the union",
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, action="append", help="a base's; default: shipped")
    options = parser.parse_args()
    names = read_names()
    asked = {
        "groups": (GROUPS, names.groups, names.held_back["groups"]),
        "persons": (PERSONS, names.names, names.held_back["names"]),
    }
    for folder in options.folder or BASES.values():
        scorer = load_scorer(folder)
        print(f"\n{folder.name}{'':34}alike    off  spread  furthest from the others' mean")
        for kind, (sentences, trained, held_back) in asked.items():
            for about in ("sentiment", "stance"):
                for told, chosen in (("trained", trained), ("held back", held_back)):
                    moved = tell(scorer, about, sentences[about], chosen)
                    print(f"{kind:8} {about:10} {told:10}{len(chosen):>3} names  {moved}")


def tell(scorer: Scorer, about: str, sentences: Sequence[str], names: Sequence[str]) -> str:
    """Ask a head about every sentence with every name, and return what was found as text."""
    texts = [sentence.format(name) for sentence in sentences for name in names]
    known = head(about)
    if known.takes_target:
        [scores] = scorer.score_pairs(texts, [TARGET] * len(texts), heads=[about])
    else:
        [scores] = scorer.score(texts, heads=[about])
    found = scores.probabilities.reshape(len(sentences), len(names), len(known.labels))
    answers = found.argmax(axis=2)
    commonest = np.array([np.bincount(each).max() for each in answers])
    up, down = ("favor", "against") if known.takes_target else ("positive", "negative")
    value = found[..., known.labels.index(up)] - found[..., known.labels.index(down)]
    mean = (value - value.mean(axis=1, keepdims=True)).mean(axis=0)
    order = np.argsort(mean)
    furthest = ", ".join(f"{names[each]} {mean[each]:+.2f}" for each in (*order[:2], *order[-2:]))
    alike, off = (commonest == len(names)).mean(), 1 - commonest.sum() / answers.size
    return f"{alike:>8.0%} {off:>6.1%}  {value.std(axis=1).mean():>6.3f}  {furthest}"


if __name__ == "__main__":
    main()
