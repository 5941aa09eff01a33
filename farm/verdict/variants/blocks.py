"""What may be compared with what: the trials of a pair of rounds on one board, all of them there and none void."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...store.record import Record
from .order import Order


@dataclass(frozen=True, slots=True)
class PairOfRounds:
    """Two rounds of a board, the second one's order the first one's backwards."""

    board: str
    order: Order
    """Of the first round."""
    there: tuple[Record, ...]
    """By variant."""
    back: tuple[Record, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        """All of them."""
        return (*self.there, *self.back)


def counting(records: Sequence[Record]) -> list[Record]:
    """Return the trials that say something of their variant: none that ran for nothing, none that is void."""
    return [record for record in records if record.turn is not None and record.turn.round >= 0 and not record.voids]


def pairs_of_rounds(records: Sequence[Record], ids: Sequence[str]) -> tuple[list[PairOfRounds], list[str]]:
    """Return the pairs of rounds that are whole, and why others that are whole are not compared.

    Args:
        records: of one comparison, in any order.
        ids: the artifacts of its variants.
    """
    found: dict[tuple[str, int, int], dict[tuple[int, int], Record]] = {}
    for record in counting(records):
        if (turn := record.turn) is not None:
            key = (record.board.name, turn.attempt, turn.round // 2)
            found.setdefault(key, {})[turn.round % 2, turn.place] = record
    whole: list[PairOfRounds] = []
    refused: list[str] = []
    for (board, _, nth), by_place in found.items():
        if len(by_place) < 2 * len(ids):
            continue
        there, back = ([by_place[half, place] for place in range(len(ids))] for half in (0, 1))
        if why := _unlike([*there, *back]):
            refused.append(f"{board}: rounds {2 * nth + 1} and {2 * nth + 2} are not compared: {why}")
            continue
        order = tuple(ids.index(record.artifact.id) for record in there)
        whole.append(PairOfRounds(board, order, _by_variant(there, ids), _by_variant(back, ids)))
    return whole, refused


def _by_variant(round_: Sequence[Record], ids: Sequence[str]) -> tuple[Record, ...]:
    by_id = {record.artifact.id: record for record in round_}
    return tuple(by_id[id_] for id_ in ids)


_SAME = ("board", "system", "meter")


def _unlike(trials: Sequence[Record]) -> str:
    """Say what was not the same throughout: then a ratio is not the variants' alone."""
    for one, other in pairwise(map(_place, trials)):
        for what, was, now in zip(_SAME, one, other, strict=True):
            if was != now:
                return f"another {what} midway: {_words(was)}, then {_words(now)}"
    return ""


def _place(record: Record) -> tuple[tuple[str | None, ...], ...]:
    board, supply = record.board, record.supply
    return (
        (board.serial_number,),
        (board.os, board.kernel),
        (supply.meter, supply.driver, supply.serial_number, supply.rail, supply.kind) if supply else (),
    )


def _words(values: Sequence[str | None]) -> str:
    return " ".join(value for value in values if value is not None) or "none"
