"""Whether the board at the end of the wires is the one in the inventory."""

from devices.board import BoardIdentity
from devices.errors import WrongBoard

from .inventory import BoardEntry


def identity_fault(entry: BoardEntry, board: str, found: BoardIdentity) -> WrongBoard | None:
    """Return what is wrong with what a board says of itself; None for the right one, or where nothing is wanted.

    A board that does not tell what the inventory asks for is not taken for the right one.
    """
    asked = (
        ("serial number", "serial_number", entry.serial_number, found.serial_number),
        ("machine id", "machine_id", entry.machine_id, found.machine_id),
    )
    for what, field, wanted, told in asked:
        if wanted is not None and told != wanted:
            says = f"does not tell its {what}" if told is None else f"says its {what} is {told}"
            hint = f"look at the wiring, or correct `{field}:` in the inventory"
            return WrongBoard(board, f"{says}; the inventory says {wanted}", hint=hint)
    return None
