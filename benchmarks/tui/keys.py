"""The keys of a measurement, and where each leaves the cursor: what the screen must say to have answered."""

import random
from collections.abc import Iterator

from .lab import BOARDS

_BYTES = {"down": b"\x1b[B", "up": b"\x1b[A", "pagedown": b"\x1b[6~", "home": b"\x1b[H", "end": b"\x1b[F"}


def presses(count: int, page: int, seed: int = 1) -> Iterator[tuple[str, bytes, int]]:
    """Yield key, its bytes and the line (from 1) that the cursor is on then; every key moves it."""
    dice = random.Random(seed)
    row = 0
    for _ in range(count):
        moves = {
            "down": min(row + 1, BOARDS - 1),
            "up": max(row - 1, 0),
            "pagedown": min(row + page, BOARDS - 1),
            "home": 0,
            "end": BOARDS - 1,
        }
        weights = {"down": 10, "up": 4, "pagedown": 4, "home": 1, "end": 1}
        able = [key for key, to in moves.items() if to != row]
        key = dice.choices(able, [weights[able_key] for able_key in able])[0]
        row = moves[key]
        yield key, _BYTES[key], row + 1


def pause_s(dice: random.Random) -> float:
    """Between two keys: so that they meet updates at any moment."""
    return dice.uniform(0.02, 0.12)
