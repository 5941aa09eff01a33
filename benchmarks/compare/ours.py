"""The farm's way: its orders, its contrasts and its front, on simulated trials."""

from collections.abc import Iterator
from itertools import combinations, count, islice

import numpy as np

from farm.verdict.variants.contrast import OPPOSITE, Contrast, State, Sure, contrast
from farm.verdict.variants.front import Place, places
from farm.verdict.variants.order import Order, pairs

from .lab import Truth, Turn, draw
from .said import ALPHA, MOST_ROUNDS, RESOLUTION, Said

Pairs = dict[tuple[int, int], list[Contrast]]


def compare(truth: Truth, seed: int) -> Said:
    """Run one comparison as the farm would, looking after each pair of rounds of any board, until all is decided.

    What runs for nothing before a pair counts in its rounds.
    """
    rng = np.random.default_rng(seed)
    firsts = [list(islice(pairs(truth.variants, seed, board), MOST_ROUNDS // 2)) for board in range(truth.boards)]
    laid = [_laid(orders) for orders in firsts]
    figures = draw(truth, [iter(turns) for turns, _ in laid], max(len(turns) for turns, _ in laid), rng)
    numbers = list(combinations(range(truth.variants), 2))
    sure = Sure(ALPHA / (len(numbers) * len(truth.gains)), truth.boards * MOST_ROUNDS // 2, RESOLUTION)
    seen: dict[tuple[int, int], list[list[float]]] = {pair: [[] for _ in truth.gains] for pair in numbers}
    said = Said(truth)
    for nth in range(MOST_ROUNDS // 2):
        for board, (_, begins) in enumerate(laid):
            order, begin = firsts[board][nth], begins[nth]
            for a, b in numbers:
                at_a, at_b = order.index(a), order.index(b)
                for figure, got in enumerate(figures[board]):
                    seen[a, b][figure].append(_ratio(got, begin, 2 * truth.variants - 1, at_a, at_b))
            told = {pair: [contrast(one, sure, at_most=False) for one in seen[pair]] for pair in numbers}
            ran = [begins[nth - (other > board)] for other, (_, begins) in enumerate(laid) if nth or other <= board]
            rounds = (sum(ran) + 2 * truth.variants * len(ran)) / truth.variants / truth.boards
            if said.look(rounds, told, _places(truth, told)):
                return said
    return said


def _laid(orders: list[Order]) -> tuple[list[Turn], list[int]]:
    """Return a board's trials in their order, those that run for nothing too, and where each pair of rounds begins."""
    laid: list[Turn] = []
    begins: list[int] = []
    for nth, order in enumerate(orders):
        if not laid or laid[-1][0] != order[0]:
            laid.append((order[0], nth))
        begins.append(len(laid))
        laid += [(variant, nth) for variant in (*order, *order[::-1])]
    return laid, begins


def _ratio(got: "np.ndarray[tuple[int], np.dtype[np.float64]]", begin: int, last: int, at_a: int, at_b: int) -> float:
    there = got[begin + at_b] - got[begin + at_a]
    back = got[begin + last - at_b] - got[begin + last - at_a]
    return float(there + back) / 2


def _places(truth: Truth, told: Pairs) -> list[Place]:
    def beside(b: int, a: int) -> list[State]:
        scattering = [one.state for one in told[min(a, b), max(a, b)]]
        states = scattering if a < b else [OPPOSITE[state] for state in scattering]
        exact: list[State] = [
            "better" if row[b] > row[a] else "worse" if row[b] < row[a] else "equal" for row in truth.exact
        ]
        return [*states, *exact]

    return places(truth.variants, beside)


def endless(order: list[int]) -> Iterator[Turn]:
    """Yield an order again and again."""
    for nth in count():
        yield order[nth % len(order)], nth // len(order) // 2
