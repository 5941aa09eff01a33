"""What a run and a record say of a comparison of variants; see :mod:`farm.verdict.variants`."""

from typing import Any

from .part import Made, Part


class TurnFacts(Part):
    """Whose turn a trial was: in each round a board runs every variant once."""

    round: int
    """Of this board, counted from 0. Rounds 2n and 2n+1 are a pair: the second runs the first one's order backwards.
    -1: before a pair, and compared with nothing."""
    place: int
    """In the round, counted from 0."""
    attempt: int = 0
    """How often the pair of rounds was begun anew before: trials of another attempt are not compared with these."""


class VariantFacts(Part):
    """One of the variants."""

    id: str
    """Of the artifact."""
    name: str
    """As it is printed, another for each."""
    size_bytes: int
    dataset: str | None = None
    """Id of the data set that its accuracy is counted on; absent: it states none."""


class LostFacts(Part):
    """A fault of the lab, and what became of the board."""

    board: str
    what: str
    """The fault's first line."""
    hint: str = ""
    again: bool
    """Whether its pair of rounds was begun anew; else the board was left out from there on."""


class ComparisonFacts(Part):
    """What was to be compared, where and how. From this and the records every figure can be had again."""

    model: str
    """The boards'."""
    boards: dict[str, Made]
    """Those that were to run, and what the inventory says they are."""
    variants: list[VariantFacts]
    figures: list[str]
    """By which they are compared."""
    left_out: dict[str, str] = {}
    """Figures that are usual and are not compared here → why."""
    scenario: dict[str, Any]
    """Name and settings."""
    seed: int
    """Of the order."""
    alpha: float
    """Risk that any interval of a difference, at any look, does not hold the truth."""
    resolution: float
    """Relative; a difference that is certainly smaller is none."""
    most_rounds: int
    """Of each board."""
    most_voids: int
    """Of each board: so many trials are run again."""
    time_budget_s: float
    until: str
    """``pairs``: every pair is decided in every figure; ``front``: every variant's place is."""
    ended: str | None = None
    """Why no more trials were run; absent while they are, and where the controller was killed."""
    faults: list[LostFacts] = []
