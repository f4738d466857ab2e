"""Whether a candidate may take over: every check, its tolerance, and what was found, in words.

All checks compare answers about the same labels by models that had not seen them. Intervals
are percentile bootstraps over groups of posts (one author, one text), both versions on the
same draws.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.correction import Asked
from classifiers.evaluation import Labels, expected_calibration_error, log_loss, log_losses
from classifiers.examples import Example, Key
from classifiers.heads import head
from classifiers.label_errors import label_errors
from classifiers.split import groups_of, is_frozen, parts_of

Floats = NDArray[np.float64]
DRAWS = 1000
MIXES = 20
EM_STEPS = 50
FEWEST = 25
"""Fewer audit labels of a head, or of a question, judge nothing."""


@dataclass(frozen=True)
class Tolerances:
    """What a candidate must show; ``[gate]`` in ``config/default.toml`` explains each."""

    confidence: float = 0.95
    slice_rows: int = 25
    slice_loss: float = 0.1
    calibration_error: float = 0.1
    prevalence_error: float = 0.02
    regression: float = 0.01
    behaviour: float = 0.1
    label_noise: float = 0.1
    agreement: float = 0.4
    batch_loss: float = 0.25


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        told: What was found, with its tolerance, in a sentence.
        figures: The same as numbers.
    """

    name: str
    passed: bool
    told: str
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """All checks; the candidate may take over if every one passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the candidate may take over."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """The failed checks in words, or what was better."""
        failed = [check for check in self.checks if not check.passed]
        told = failed or [check for check in self.checks if check.name.startswith("better")]
        return "; ".join(check.told for check in told)

    @classmethod
    def of(cls, recorded: Sequence[Mapping[str, Any]]) -> "Verdict":
        """Return the verdict that was kept as ``recorded`` gives it."""
        return cls(tuple(Check(**one) for one in recorded))

    @property
    def recorded(self) -> list[dict[str, Any]]:
        """The checks as they are kept with a version."""
        return [asdict(check) | {"figures": dict(check.figures)} for check in self.checks]


@dataclass(frozen=True)
class HeldOut:
    """One head's audit labels with what both versions say of them.

    Attributes:
        truth: (rows,) label indices.
        candidate: (rows, labels) probabilities.
        champion: The same of the champion.
        groups: (rows,) numbers of the posts' groups.
        new: (rows,) whether the label came after the champion was made.
        untold: (rows,) whether the champion has no answer, and the mix of the labels stands in
            ``champion`` in its place.
        slices: Each row's slices by name.
    """

    head: str
    truth: Labels
    candidate: Floats
    champion: Floats
    groups: Labels
    new: NDArray[np.bool_]
    slices: tuple[Mapping[str, str], ...]
    untold: NDArray[np.bool_]


def judged_questions(examples: Sequence[Example]) -> frozenset[Asked]:
    """Return the questions with enough audit labels to judge; all of them where none has.

    What is learnt of others could take over unseen, so nothing is. Where none could be judged the
    candidate learns from all, is judged by nothing, and takes over by force alone.
    """
    audit = Counter((one.head, one.target) for one in examples if one.audit)
    enough = frozenset(asked for asked, count in audit.items() if count >= FEWEST)
    return enough or frozenset((one.head, one.target) for one in examples)


def unjudged(examples: Sequence[Example], changed: Collection[Asked]) -> list[Check]:
    """Return a check for each question that cannot be judged: its answers must stay as they are.

    Args:
        examples: All labels of the topic.
        changed: The questions that candidate or champion answer otherwise than the base.
    """
    audit = Counter({(one.head, one.target): 0 for one in examples})
    audit.update((one.head, one.target) for one in examples if one.audit)
    checks = []
    for (name, target), count in sorted(audit.items()):
        if count >= FEWEST:
            continue
        passed = (name, target) not in changed
        question = f"{name} towards {target!r}" if target else name
        told = (
            f"{question}: {count} audit labels (posts drawn at random) of the {FEWEST} that it "
            "takes to judge it; "
            + ("nothing was learnt of it" if passed else "its answers would change unjudged")
        )
        figures = {"rows": float(count)}
        checks.append(Check(f"unjudged {name} {target}".strip(), passed, told, figures))
    return checks


def held_out_rows(
    examples: Sequence[Example],
    candidate: Mapping[Key, Sequence[float]],
    champion: Mapping[Key, Sequence[float]],
    *,
    new: frozenset[Key] = frozenset(),
    untold: frozenset[Key] = frozenset(),
) -> list[HeldOut]:
    """Return each head's audit labels: of the frozen test, or all where it has too few of them.

    Examples that the candidate says nothing of are left out, and questions that cannot be judged.
    """
    examples = [example for example in examples if example.key in candidate]
    groups, parts = groups_of(examples), parts_of(examples)
    judged = judged_questions(examples)
    audit = [one for one in examples if one.audit and (one.head, one.target) in judged]
    frozen = [example for example in audit if is_frozen(parts, example)]
    found = []
    for name in sorted({example.head for example in audit}):
        of_head = [one for one in frozen if one.head == name]
        if len(of_head) < FEWEST:
            of_head = [one for one in audit if one.head == name]
        found.append(
            HeldOut(
                head=name,
                truth=np.array([one.label_index for one in of_head], dtype=np.int64),
                candidate=np.array([candidate[one.key] for one in of_head], dtype=np.float64),
                champion=np.array([champion[one.key] for one in of_head], dtype=np.float64),
                groups=np.array([groups[one.text] for one in of_head], dtype=np.int64),
                new=np.array([one.key in new for one in of_head], dtype=bool),
                slices=tuple(_slices_of(one) for one in of_head),
                untold=np.array([one.key in untold for one in of_head], dtype=bool),
            )
        )
    return found


def _slices_of(example: Example) -> dict[str, str]:
    """Return an example's slices, its target among them: one's gain hides no other's loss."""
    about = {"target": example.target} if example.target else {}
    return {**example.slices, **about, "length": length_of(example.text)}


def judge(
    rows: Sequence[HeldOut], tolerances: Tolerances, *, others: Sequence[Check] = ()
) -> Verdict:
    """Judge a candidate.

    Args:
        rows: From ``held_out_rows``.
        tolerances: What it must show.
        others: Checks made elsewhere (general sets, behaviour).
    """
    judged = [each for each in rows if len(each.truth) >= FEWEST]
    if not judged:
        most = max((len(each.truth) for each in rows), default=0)
        told = (
            f"there are too few audit labels (posts drawn at random) to judge by: {most} of the "
            f"{FEWEST} that it takes"
        )
        return Verdict((Check("better", False, told, {"rows": float(most)}), *others))
    checks = [_better(judged, tolerances)]
    for each in judged:
        checks += _slices(each, tolerances)
        checks += [
            _calibration(each, tolerances),
            _prevalence(each, tolerances),
            _noise(each, tolerances),
            *_batch(each, tolerances),
        ]
    return Verdict((*checks, *others))


def _better(rows: Sequence[HeldOut], tolerances: Tolerances) -> Check:
    told, wins, losses = [], 0, 0
    figures: dict[str, float] = {}
    for each in rows:
        gain = _losses(each, each.champion) - _losses(each, each.candidate)
        draws = _draws(gain, each.groups)
        low, high = np.quantile(draws, [1 - tolerances.confidence, tolerances.confidence])
        wins += low > 0
        losses += high < 0
        figures |= {
            f"{each.head}_rows": float(len(gain)),
            f"{each.head}_gain": float(gain.mean()),
            f"{each.head}_low": float(low),
            f"{each.head}_high": float(high),
        }
        told.append(
            f"{each.head}: log loss {log_loss(each.truth, each.candidate):.3f} against "
            f"{log_loss(each.truth, each.champion):.3f} of {_rival(each)} (lower by "
            f"{gain.mean():.3f}, {low:.3f} to {high:.3f} at {tolerances.confidence:.0%} each "
            f"side), {_metric(each)} on {len(gain)} audit labels"
        )
    passed = bool(wins and not losses)
    return Check("better", passed, ("" if passed else "not better; ") + "; ".join(told), figures)


def _rival(each: HeldOut) -> str:
    """Return in words what the candidate is compared with."""
    if not each.untold.any():
        return "the champion"
    mix = "the labels' mix alone, as the champion does not answer"
    return mix if each.untold.all() else f"the champion, and {mix} {each.untold.sum()} of them"


def _metric(each: HeldOut) -> str:
    known = head(each.head)
    scores = [
        known.metric(each.truth, answers.argmax(axis=1))
        for answers in (each.candidate, each.champion)
    ]
    return f"{known.metric.__name__} {scores[0]:.3f} against {scores[1]:.3f}"


def _slices(each: HeldOut, tolerances: Tolerances) -> list[Check]:
    """A check for each slice that is large enough."""
    worse = _losses(each, each.candidate) - _losses(each, each.champion)
    values = sorted({(name, value) for one in each.slices for name, value in one.items()})
    checks = []
    for name, value in values:
        held = np.array([one.get(name) == value for one in each.slices])
        if held.all() or held.sum() < tolerances.slice_rows:
            continue
        draws = _draws(worse[held], each.groups[held])
        mean, low = float(worse[held].mean()), float(np.quantile(draws, 0.025))
        failed = mean > tolerances.slice_loss and low > 0
        told = (
            f"{each.head}, {name} {value}: log loss {'higher' if mean > 0 else 'lower'} by "
            f"{abs(mean):.3f} on {held.sum()} audit labels (at most {tolerances.slice_loss} higher)"
        )
        figures = {"rows": float(held.sum()), "worse": mean, "low": low}
        checks.append(Check(f"slice {each.head} {name} {value}", not failed, told, figures))
    return checks


def _calibration(each: HeldOut, tolerances: Tolerances) -> Check:
    """Its calibration error, and what a perfectly calibrated one would show on as many labels."""
    error = expected_calibration_error(each.truth, each.candidate)
    by_chance = [
        expected_calibration_error(drawn, each.candidate)
        for drawn in _drawn_labels(each.candidate, 100)
    ]
    chance = float(np.quantile(by_chance, 0.95))
    limit = max(tolerances.calibration_error, chance)
    told = (
        f"{each.head}: calibration error {error:.3f} (at most {limit:.3f}; chance alone shows up "
        f"to {chance:.3f} on {len(each.truth)} labels)"
    )
    figures = {"error": error, "chance": chance}
    return Check(f"calibration {each.head}", error <= limit, told, figures)


def _prevalence(each: HeldOut, tolerances: Tolerances) -> Check:
    """How far shares are off where the mix of labels is another.

    A model that has learnt the topic's mix is no worse for it: from each model's answers the mix
    that it expects is taken out first, as the program does.
    """
    counts = np.bincount(each.truth, minlength=each.candidate.shape[1])
    known = np.flatnonzero(counts)
    mixes = np.zeros((MIXES, len(counts)))
    mixes[:, known] = np.random.default_rng(0).dirichlet(np.ones(len(known)), MIXES)
    weights = mixes[:, each.truth] / counts[each.truth]
    errors = [
        float(np.mean(np.abs([_shares(answers, each_mix) for each_mix in weights] - mixes)))
        for answers in (each.candidate, each.champion)
    ]
    passed = errors[0] <= errors[1] + tolerances.prevalence_error
    told = (
        f"{each.head}: shares are off by {errors[0]:.3f} over {MIXES} other mixes, those of "
        f"{_rival(each)} by {errors[1]:.3f} (at most {tolerances.prevalence_error} more)"
    )
    figures = {"candidate": errors[0], "champion": errors[1]}
    return Check(f"prevalence {each.head}", passed, told, figures)


def _shares(answers: Floats, weights: Floats) -> Floats:
    """Return the shares of weighted rows by expectation maximisation (Saerens et al., 2002).

    Args:
        answers: A model's probabilities, (rows, labels).
        weights: Of the rows; they sum to 1.
    """
    expected = answers.mean(axis=0)
    shares: Floats = expected
    for _ in range(EM_STEPS):
        joint = answers * (shares / expected)
        shares = weights @ (joint / joint.sum(axis=1, keepdims=True))
    return shares


def _noise(each: HeldOut, tolerances: Tolerances) -> Check:
    """The estimated part of wrong labels beyond what would seem wrong if all were right.

    A model that is often wrong finds many right labels improbable: so many as it does of
    labels drawn from its own probabilities.
    """
    noise = label_errors(each.truth, each.candidate).noise
    drawn = _drawn_labels(each.candidate, 20)
    usual = float(np.mean([label_errors(one, each.candidate).noise for one in drawn]))
    told = (
        f"{each.head}: {noise:.0%} of the labels seem wrong, {usual:.0%} would if all were right "
        f"(at most {tolerances.label_noise:.0%} more; `monitor label review` lists them)"
    )
    passed = noise - usual <= tolerances.label_noise
    return Check(f"labels {each.head}", passed, told, {"noise": noise, "usual": usual})


def _batch(each: HeldOut, tolerances: Tolerances) -> list[Check]:
    """Whether the labels that came since the champion fit as well as those before."""
    if min(each.new.sum(), (~each.new).sum()) < FEWEST:
        return []
    losses = _losses(each, each.candidate)
    worse = float(losses[each.new].mean() - losses[~each.new].mean())
    after, before = (_draws(losses[one], each.groups[one]) for one in (each.new, ~each.new))
    low = float(np.quantile(after - before, 0.025))
    failed = worse > tolerances.batch_loss and low > 0
    told = (
        f"{each.head}: the {each.new.sum()} labels since the champion fit "
        f"{'worse' if worse > 0 else 'better'} than the earlier ones by {abs(worse):.3f} (at most "
        f"{tolerances.batch_loss}): wrong labels, or posts of another kind; `monitor label "
        "review` lists what to look at"
    )
    figures = {"rows": float(each.new.sum()), "worse": worse, "low": low}
    return [Check(f"new labels {each.head}", not failed, told, figures)]


def _losses(each: HeldOut, answers: Floats) -> Floats:
    return log_losses(each.truth, answers)


def _draws(values: Floats, groups: Labels) -> Floats:
    """Means over groups drawn again and again, always the same way."""
    _, number = np.unique(groups, return_inverse=True)
    sums = np.bincount(number, weights=values)
    sizes = np.bincount(number).astype(float)
    random = np.random.default_rng(0)
    times = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=DRAWS)
    return np.asarray((times @ sums) / np.maximum(times @ sizes, 1))


def _drawn_labels(probabilities: Floats, times: int) -> list[Labels]:
    """Labels as they would be if the probabilities were right, always the same ones."""
    random = np.random.default_rng(0)
    cumulated = probabilities.cumsum(axis=1)[:, :-1]
    rows = len(probabilities)
    return [(random.random((rows, 1)) > cumulated).sum(axis=1) for _ in range(times)]


def length_of(text: str) -> str:
    """Return whether a text is short (fewer than 12 words), medium, or long (30 and more)."""
    words = len(text.split())
    return "short" if words < 12 else "medium" if words < 30 else "long"
