"""Secrets and keys: an inventory says where they are; this reads them when they are used, and not before."""

import os
from pathlib import Path

from ..errors import UsageFault


def reveal(reference: str, what: str, inventory: Path) -> str:
    """Return the secret behind ``env:NAME`` or ``file:PATH``; paths are relative to the inventory's folder.

    Raises:
        UsageFault: there is nothing behind it. Names ``what`` wants it, never the secret.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        if not os.environ.get(name):
            raise UsageFault(f"{inventory}: {what}: the environment variable {name} is not set; set it")
        return os.environ[name]
    path = key_path(reference, inventory)
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageFault(f"{inventory}: {what}: {path}: {reason}; write the secret into that file") from None
    if not secret:
        raise UsageFault(f"{inventory}: {what}: {path}: is empty; write the secret into it")
    return secret


def key_path(reference: str, inventory: Path) -> Path:
    """Return the file that ``file:PATH`` names."""
    return inventory.parent / Path(reference.removeprefix("file:")).expanduser()
