"""The primary language subtags that a topic may name (ISO 639-1, and what platforms add)."""

from __future__ import annotations

from collections.abc import Iterable

UNDETERMINED = "und"
"""The language of a post whose language nobody told."""

_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de
dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia
id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo
lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl
ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk
tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ckb fil haw hmn kab yue
"""
LANGUAGES = frozenset(_CODES.split())


def scored_languages(languages: Iterable[str]) -> frozenset[str]:
    """Adds to a topic's languages the undetermined one: of posts in any other no answer counts.

    There are such posts where platforms give them, or the topic had more languages once.
    """
    return frozenset((*languages, UNDETERMINED))
