"""A seat's records, sorted: which count, which are void, which make a pair."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..store.record import Record, ScenarioFacts
from .seats import CANDIDATE, QUAD, Seat, role_of


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials of the board that ran last, in the order in which they ran."""

    board: str
    valid: tuple[Record, ...]
    void: tuple[Record, ...]
    candidates: tuple[Record, ...]
    """Valid ones."""
    baselines: tuple[Record, ...]
    """Likewise."""
    pairs: tuple[tuple[Record, Record], ...]
    """Candidate and baseline, of whole quads only."""
    mixed: tuple[str, ...]
    """Why they cannot be compared: another board, meter, data set, scenario or order among them."""

    @classmethod
    def of(cls, seat: Seat, records: Sequence[Record]) -> "Trials":
        """Sort the records of a seat; a board that it has left counts no more."""
        if not records:
            return cls(seat.boards[0], (), (), (), (), (), ())
        board = records[-1].board.name
        here = [record for record in records if record.board.name == board]
        valid = tuple(record for record in here if not record.voids)
        candidates = tuple(record for record in valid if record.role == CANDIDATE)
        baselines = tuple(record for record in valid if record.role != CANDIDATE)
        found = cls(board, valid, tuple(r for r in here if r.voids), candidates, baselines, (), _mixed(seat, valid))
        if not seat.compares or found.mixed:
            return found
        whole = len(valid) - len(valid) % QUAD
        pairs = tuple(_pair(valid[nth], valid[nth + 1]) for nth in range(0, whole, 2))
        return replace(found, pairs=pairs)

    @property
    def void_candidates(self) -> tuple[Record, ...]:
        """Void ones of the candidate."""
        return tuple(record for record in self.void if record.role == CANDIDATE)

    @property
    def artifact(self) -> str:
        """The candidate's name; empty before its first trial."""
        ran = (*self.candidates, *self.void_candidates)
        return ran[0].artifact.name if ran else ""


def _pair(one: Record, other: Record) -> tuple[Record, Record]:
    return (one, other) if one.role == CANDIDATE else (other, one)


def _mixed(seat: Seat, valid: Sequence[Record]) -> tuple[str, ...]:
    """Say what keeps trials from being compared. Without a comparison each stands for itself."""
    if not seat.compares or not valid:
        return ()
    found = [f"trials on more than one {what} are not compared: {both}" for what, both in _changes(valid)]
    if valid[0].board.serial_number is None:
        found.append("the board tells no serial number: nobody can say that it is the same one throughout")
    for nth, record in enumerate(valid):
        if record.role != role_of(nth):
            found.append(f"trial {nth + 1} ran the {record.role or 'release'}, it was the {role_of(nth)}'s turn")
            break
    return tuple(found)


def _changes(valid: Sequence[Record]) -> list[tuple[str, str]]:
    first = _same(valid[0])
    other = next((same for record in valid[1:] if (same := _same(record)) != first), first)
    changed = [
        (what, f"{_words(was)}, then {_words(now)}")
        for what, was, now in zip(_SAME, first, other, strict=True)
        if was != now
    ]
    return changed + _release(valid)


_SAME = ("board", "system", "meter", "data set", "scenario")


def _same(record: Record) -> tuple[tuple[object, ...], ...]:
    """Return what must be the same in all trials of a comparison, in the order of :data:`_SAME`."""
    board, scenario, supply = record.board, record.scenario, record.supply
    return (
        (board.serial_number,),
        (board.os, board.kernel),
        (supply.meter, supply.driver, supply.serial_number, supply.rail, supply.kind) if supply else (),
        (record.dataset.id,),
        (scenario.name, scenario.rate_hz, *_asked(scenario), scenario.warmup_frames),
    )


def _asked(scenario: ScenarioFacts) -> tuple[object, ...]:
    """Return what was to be done: of a closed loop at least, so that trials of it differ in their frames."""
    if scenario.rate_hz is None:
        return scenario.min_duration_s, scenario.min_queries, scenario.samples_per_query
    return scenario.frames, scenario.late or "queue", scenario.seed


def _words(values: tuple[object, ...]) -> str:
    return " ".join(str(value) for value in values if value is not None) or "none"


def _release(valid: Sequence[Record]) -> list[tuple[str, str]]:
    """Each role must be one release throughout."""
    found: list[tuple[str, str]] = []
    for role in dict.fromkeys(record.role for record in valid):
        ids = dict.fromkeys(record.artifact.id[:12] for record in valid if record.role == role)
        if len(ids) > 1:
            found.append((f"{role} release", ", ".join(ids)))
    return found
