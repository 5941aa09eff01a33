"""Who runs when: on each board every variant once a round, in an order that favours none.

Rounds come in pairs: the second runs the first one's order backwards. Over a pair every variant has the same mean
time, so that whatever drifts in a line (a board or a room that warms up) cancels.

The first orders of the pairs are rows of a Williams square (Williams 1949), whose other rows are the same backwards.
Where a pair turns round a variant follows itself; and before a pair the variant that begins it runs once for nothing,
unless it ran last. So over a cycle of the rows each variant follows each equally often, itself too, and what one
leaves to its successor, heat for one, cancels as well. The boards begin at different rows: together they balance
sooner.

Which variant is which letter of the square, and in which order its rows come, is drawn anew for every two cycles. Of
these one runs all pairs the other way round, so that a drift that bends cancels too.
"""

from collections.abc import Iterator
from itertools import count

import numpy as np

Order = tuple[int, ...]
"""Variants by their number, each once."""


def pairs(variants: int, seed: int, board: int) -> Iterator[Order]:
    """Yield the order of the first round of each pair on a board, without end.

    Args:
        variants: how many there are, 2 or more.
        seed: drawn once a comparison, and recorded.
        board: its number among those of the comparison, from 0.
    """
    rows = _rows(variants)
    for cycle in count():
        draw = np.random.default_rng([seed, cycle // 2])
        letters, order = draw.permutation(variants), draw.permutation(len(rows))
        turned = ((cycle + 1) // 2 + board // len(rows)) % 2 == 1
        for nth in range(len(rows)):
            row = rows[int(order[(nth + board) % len(rows)])]
            there = tuple(int(letters[letter]) for letter in row)
            yield there[::-1] if turned else there


def _rows(variants: int) -> list[Order]:
    """Return one row of each pair: all of a Williams square's rows are these and the same backwards."""
    zigzag = [(n + 1) // 2 if n % 2 else -(n // 2) for n in range(variants)]
    shifts = range(variants // 2 if variants % 2 == 0 else variants)
    return [tuple((step + shift) % variants for step in zigzag) for shift in shifts]
