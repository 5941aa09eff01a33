"""What templates and commands of a playbook may name: facts of the board, its inventory entry, own values, secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import TYPE_CHECKING

from devices.board import Board

from ..errors import LabFault, UsageFault

if TYPE_CHECKING:
    from ..lab.bench import Bench

FROM_INVENTORY = {
    "board": "name of the board",
    "model": "its model",
    "lab": "name of the lab",
    "host": "where its SSH server is",
    "user": "who logs in there",
    "tags": "its tags, with blanks between them",
}
FROM_BOARD = {
    "root": "where its file system begins: nothing on a real board, a folder on a twin",
    "workdir": "the farm's folder on it",
    "serial_number": "as the board tells it",
    "kernel": "release of the kernel that runs",
    "os": "name of the system, from /etc/os-release",
    "python": "version of its python3",
}
MASK = "********"
_SHORTEST_MASKED = 4
"""A shorter secret is part of ordinary words: masking it would garble every message and tell where it stands."""


@dataclass(frozen=True, slots=True)
class Values:
    """Names and texts. Printed, it shows no secret."""

    known: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    def fill(self, template: str, board: Board) -> str:
        """Put values in the place of ``${name}``; the board is asked once, and only for what it alone knows.

        Raises:
            LabFault: it does not tell what is named.
            UsageFault: a name that nothing here has.
        """
        values = {**self.known, **self.secrets}
        wanted = [name for name in names_in(template) if name not in values]
        if wanted:
            identity = board.identity()
            values |= {name: found for name in FROM_BOARD if (found := getattr(identity, name, None)) is not None}
        for name in wanted:
            if name not in values and name in FROM_BOARD:
                raise LabFault(board.name, f"does not tell its {name}, which the playbook wants as ${{{name}}}")
            if name not in values:
                raise UsageFault(f"{board.name}: nothing is known as ${{{name}}} here")
        return Template(template).substitute(values)

    def masked(self, text: str) -> str:
        """Return the text with every secret taken out."""
        for secret in sorted(self.secrets.values(), key=len, reverse=True):
            if len(secret) >= _SHORTEST_MASKED:
                text = text.replace(secret, MASK)
        return text

    def mask(self, error: BaseException) -> None:
        """Take every secret out of what an exception and those behind it say."""
        link: BaseException | None = error
        while link is not None and self.secrets:
            link.args = tuple(self.masked(part) if isinstance(part, str) else part for part in link.args)
            for name in ("stderr", "hint"):
                if isinstance(said := getattr(link, name, None), str):
                    setattr(link, name, self.masked(said))
            link = link.__cause__ or link.__context__


def names_in(template: str) -> list[str]:
    """Return the names that a template uses."""
    return Template(template).get_identifiers()


def unknown_in(template: str, names: frozenset[str]) -> tuple[list[str], str]:
    """Return the names that a template uses and nothing has, and what is wrong with its form."""
    if not Template(template).is_valid():
        return [], "a $ begins no name there; write $$ for the sign itself"
    return [name for name in names_in(template) if name not in names], ""


def inventory_values(bench: "Bench") -> dict[str, str]:
    """Return what the inventory says of a bench's board, by the names of :data:`FROM_INVENTORY`."""
    entry = bench.entry
    by_ssh = {} if entry.ssh is None else {"host": entry.ssh.host, "user": entry.ssh.user}
    return {"board": bench.name, "model": entry.model, "lab": bench.lab, "tags": " ".join(entry.tags), **by_ssh}
