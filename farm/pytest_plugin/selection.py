"""Which boards a test runs on: the ``board`` marker and ``--farm-board`` against the inventory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one test asks for."""

    id: str
    """The test id: a board's name, or ``any-MODEL``."""
    candidates: tuple[str, ...]
    """Boards that would do; the first free one is taken."""


class BadMarker(Exception):
    """A ``board`` marker that no inventory could satisfy."""


def wanted(
    marker: Mapping[str, str],
    boards: Mapping[str, str],
    known_models: Sequence[str],
    *,
    given: Sequence[object] = (),
    only: Sequence[str] = (),
) -> list[Wanted]:
    """Return what to run on: one entry a test.

    Args:
        marker: Keyword arguments of ``board(...)``; empty for every board.
        boards: The lab's boards, name to model.
        known_models: Every model there is a driver for: a typing error is told from an absent board.
        given: Positional arguments of ``board(...)``: there are none to give.
        only: Names from ``--farm-board``; empty for no restriction.

    Raises:
        BadMarker: a positional argument, an unknown keyword or an unknown model.
    """
    if given:
        raise BadMarker(f"board({', '.join(map(repr, given))}): wants model= or any=")
    if strange := set(marker) - {"model", "any"}:
        raise BadMarker(f"board({', '.join(sorted(strange))}=…): wants model= or any=")
    if len(marker) > 1:
        raise BadMarker("board(model=…, any=…): wants one of the two")
    usable = {name: model for name, model in boards.items() if not only or name in only}
    if not marker:
        return [Wanted(name, (name,)) for name in usable]
    ((how, model),) = marker.items()
    if model not in known_models:
        near = get_close_matches(model, known_models, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known_models))}"
        raise BadMarker(f"board({how}={model!r}): no such board model; {hint}")
    matching = tuple(name for name, its in usable.items() if its == model)
    if how == "any":
        return [Wanted(f"any-{model}", matching)] if matching else []
    return [Wanted(name, (name,)) for name in matching]
