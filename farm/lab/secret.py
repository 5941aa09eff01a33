"""Secrets and keys: an inventory says where they are; this reads them when they are used, and not before."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

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


def secret_fields(model: type[BaseModel]) -> set[str]:
    """Return the options of a driver that hold a secret: those of the type :class:`pydantic.SecretStr`."""
    fields = {name: field.annotation for name, field in model.model_fields.items()}
    return {name for name, kind in fields.items() if SecretStr in (kind, *get_args(kind))}


def revealed(model: type[BaseModel], options: Mapping[str, Any], what: str, inventory: Path) -> dict[str, Any]:
    """Return a driver's options with the secrets that they name in place; raises as :func:`reveal`."""
    secrets = secret_fields(model) & options.keys()
    return dict(options) | {name: reveal(options[name], f"{what}.{name}", inventory) for name in secrets}


def key_path(reference: str, inventory: Path) -> Path:
    """Return the file that ``file:PATH`` names."""
    return inventory.parent / Path(reference.removeprefix("file:")).expanduser()
