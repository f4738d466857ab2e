"""Damages bytes as disks, cut transfers and strangers do: the input of the fuzz tests."""

from __future__ import annotations

import random

_INTERESTING = (b"\0", b"\xff", b"{", b"}", b'"', b"-1", b"9" * 30, b"../", b"\0\0\0\0\0\0\0\x7f")


def mutated(content: bytes, seed: int) -> bytes:
    """Returns the content with one to eight changes; the same ones for the same seed."""
    chance = random.Random(seed)
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and place < len(changed):
            changed[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[place : place + chance.randint(1, 64)]
        elif kind == 2:
            changed[place:place] = chance.choice(_INTERESTING)
        elif kind == 3:
            del changed[place:]
        else:
            piece = changed[place : place + chance.randint(1, 200)]
            other = chance.randrange(len(changed) + 1)
            changed[other : other + len(piece)] = piece
    return bytes(changed)
