"""What is asked for: a board by its name, or by what it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ..errors import UsageFault
from .inventory import BoardEntry, Lab
from .words import unknown

_KEYS = ("board", "model", "tag")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One board, any that meets all of this. Empty: any board of the lab."""

    boards: tuple[str, ...] = ()
    """One of these."""
    model: str | None = None
    tags: tuple[str, ...] = ()
    """It has all of them."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``atom-01``, ``model=jetson-tx2,tag=wifi`` or ``board=atom-01,board=atom-02``.

        Raises:
            UsageFault: it is written otherwise.
        """
        found: dict[str, list[str]] = {key: [] for key in _KEYS}
        for word in text.split(","):
            key, equals, value = (part.strip() for part in word.rpartition("="))
            key = key if equals else "board"
            if key not in found or not value:
                raise UsageFault(
                    f"{text!r}: {word.strip()!r} is no wish; write a board's name, or e.g. model=jetson-tx2,tag=wifi"
                )
            found[key].append(value)
        if len(found["model"]) > 1:
            raise UsageFault(f"{text!r}: a board has one model")
        return cls(tuple(found["board"]), next(iter(found["model"]), None), tuple(found["tag"]))

    def __str__(self) -> str:
        """As it is written."""
        if len(self.boards) == 1 and self.model is None and not self.tags:
            return self.boards[0]
        words = [f"board={name}" for name in self.boards]
        words += [f"model={self.model}"] * (self.model is not None)
        return ",".join([*words, *(f"tag={tag}" for tag in self.tags)]) or "any board"

    def among(self, lab: Lab) -> list[str]:
        """Return the boards of a lab that would do, in the inventory's order.

        Raises:
            UsageFault: none ever could.
        """
        lab.require(self.boards)
        found = [name for name, entry in lab.boards.items() if self._fits(name, entry)]
        if not found:
            raise UsageFault(f"{lab.path}: no board is {self}; {self._why_none(lab)}")
        return found

    def _fits(self, name: str, entry: BoardEntry) -> bool:
        return (
            (not self.boards or name in self.boards)
            and self.model in (None, entry.model)
            and set(self.tags) <= set(entry.tags)
        )

    def _why_none(self, lab: Lab) -> str:
        entries = lab.boards.values()
        models = {entry.model for entry in entries}
        if self.model is not None and self.model not in models:
            return f"model {_remedy(self.model, models)}"
        tags = {tag for entry in entries for tag in entry.tags}
        strange = [tag for tag in self.tags if tag not in tags]
        if strange:
            return f"tag {_remedy(strange[0], tags)}"
        return "each of these holds for some board, all together for none"


def _remedy(word: str, known: Iterable[str]) -> str:
    return f"'{word}': {unknown(word, known)}"
