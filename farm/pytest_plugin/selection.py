"""Which boards a test runs on: the ``board`` marker and ``--farm-board`` against the inventory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from farm.lab.inventory import BoardEntry

_KEYWORDS = {"model", "any", "tags"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What one test asks for."""

    id: str
    """The test id: a board's name, or the request, ``any-MODEL+TAG``."""
    candidates: tuple[str, ...]
    """Boards that would do; empty: the lab has none."""
    asks: str
    """The request in words, for people."""

    @property
    def open(self) -> bool:
        """Whether any of several boards will do: the test id names none then."""
        return self.id.startswith("any-")


class BadMarker(Exception):
    """A ``board`` marker that no inventory could satisfy."""


def wishes(
    marker: Mapping[str, object],
    boards: Mapping[str, BoardEntry],
    known_models: Collection[str],
    *,
    given: Sequence[object] = (),
    only: Sequence[str] = (),
) -> list[Wish]:
    """Return what to run on: one entry a test, and one without candidates where the lab has no such board.

    Args:
        marker: Keyword arguments of ``board(...)``; empty for every board.
        boards: The lab's boards by name.
        known_models: Every model there is a driver for: a typing error is told from an absent board.
        given: Positional arguments of ``board(...)``: there are none to give.
        only: Names from ``--farm-board``; empty for no restriction.

    Raises:
        BadMarker: a positional argument, an unknown keyword or model, tags that are no list of texts.
    """
    if given:
        raise BadMarker(f"board({', '.join(map(repr, given))}): wants model= or any=, and tags=")
    if strange := set(marker) - _KEYWORDS:
        raise BadMarker(f"board({', '.join(sorted(strange))}=…): wants model= or any=, and tags=")
    if {"model", "any"} <= set(marker):
        raise BadMarker("board(model=…, any=…): wants one of the two")
    tags = _tags(marker.get("tags", ()))
    how = next((word for word in ("model", "any") if word in marker), None)
    model = None if how is None else _model(how, marker[how], known_models)
    matching = tuple(
        name
        for name, entry in boards.items()
        if (not only or name in only) and model in (None, entry.model) and tags <= set(entry.tags)
    )
    words = "+".join([model or "board", *sorted(tags)])
    asks = " tagged ".join([model or "board", *([", ".join(sorted(tags))] if tags else [])])
    if how == "any":
        return [Wish(f"any-{words}", matching, asks)]
    return [Wish(name, (name,), name) for name in matching] or [Wish(f"no-{words}", (), asks)]


def _model(how: str, model: object, known: Collection[str]) -> str:
    if not isinstance(model, str) or model not in known:
        near = get_close_matches(str(model), known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
        raise BadMarker(f"board({how}={model!r}): no such board model; {hint}")
    return model


def _tags(given: object) -> set[str]:
    tags: list[object] = list(given) if isinstance(given, list | tuple | set) else [None]  # pyright: ignore[reportUnknownArgumentType]
    texts = {tag for tag in tags if isinstance(tag, str)}
    if len(texts) != len(tags):
        raise BadMarker(f'board(tags={given!r}): wants a list of texts, as in tags=["lab2"]')
    return texts


def absent(wish: Wish, lab: str, only: Iterable[str]) -> str:
    """Say why a wish without candidates is skipped."""
    named = ", ".join(only)
    return f"lab {lab!r} has no {wish.asks}" + f" among --farm-board {named}" * bool(named)
