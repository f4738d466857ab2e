"""Targets that name the opposite of something: ``ending the strike``.

Who is for ending the strike is against the strike. The model exchanges the sides three times of
four where it was taught the words and has seen the target, one time of four where it knows neither
(``benchmarks/opposites.py``). So what such a target is the opposite of is asked instead, and the
answers are exchanged.
"""

import re

from classifiers.normalise import beginning

_OPPOSING = re.compile(
    r"""(?:
        (?:the\s+)? (?:opposition|resistance) \s+ to
      | (?:being\s+|people\s+|those\s+|everybody\s+|everyone\s+)? against
      | (?:the\s+|an?\s+)? (?:fight|protests?|campaign|movement|struggle) \s+ against
      | (?:the\s+|an?\s+)? bans? \s+ on
      | (?:the\s+)? (?:abolition|repeal|rejection) \s+ of
      | (?:an\s+|the\s+)? end \s+ to (?!\s+end\b)
      | the \s+ end \s+ of (?=\s+(?:the|this|that|these|those|all|our)\s)
        (?!\s+\w+\s+(?:\w+\s+)?(?:day|week|month|quarter|season|term|year)\b
           (?!\s+(?:care|contracts?|limits?|week)\b))
      | opposing (?!\s+(?:counsels?|part(?:y|ies)|sides?|teams?|views?|viewpoints?)\b)
      | stopping (?!\s+distance)
      | ending | banning | abolishing | repealing | rejecting
      | no \s+ to
    ) (?=\s+\w)""",
    re.IGNORECASE | re.VERBOSE,
)

_AT_ONCE = re.compile(r" (?:at once|right now|now|immediately|for good|altogether)$", re.IGNORECASE)
_AT_ONCE_LENGTH = len(" immediately")

_SEVERAL = re.compile(
    r"[,;]|\b(?:but|yes)\b|\b(?:and|or)\s+(?:for|pro|in\s+favou?r|\w+ing)\b", re.IGNORECASE
)
"""What may lead to a second thing, which the words of opposition are not about."""


def without_opposition(target: str) -> tuple[str, bool]:
    """Return what a target is about, and whether it names the opposite of that.

    ``ending the strike now`` gives ``the strike`` and True, ``opposition to a ban on strikes``
    gives ``strikes`` and False, ``the strike`` itself and False. So does a target that may name
    two things: ``no to layoffs, yes to the walkout``. English words only. Takes time in proportion
    to the words: each is looked at once, as what leads to no second thing does not in part either.
    """
    about, opposed = " ".join(beginning(target).split()), False
    start, end = 0, len(about)
    while match := _OPPOSING.match(about, start, end):
        late = _AT_ONCE.search(about, max(match.end(), end - _AT_ONCE_LENGTH), end)
        stop = late.start() if late else end
        if stop <= match.end() or (not start and _SEVERAL.search(about, match.end(), stop)):
            break
        start, end, opposed = match.end() + 1, stop, not opposed
    return about[start:end], opposed
