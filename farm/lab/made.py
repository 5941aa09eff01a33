"""What a thing of the inventory is made of: told in every record, table and report."""

from ..store.record import Made

_TWINS: dict[str, Made] = {"process": "process twin", "qemu": "qemu twin"}


def made(twin: str | None) -> Made:
    """Return it in words, by the entry's ``twin:``."""
    return "board" if twin is None else _TWINS[twin]
