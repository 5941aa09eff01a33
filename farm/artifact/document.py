"""What manifests are made of: checked parts, plain paths, and the one spelling that is hashed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ..errors import UsageFault

MANIFEST = "manifest.json"
"""Name of the manifest inside a packed artifact: the archive's first member."""

SIGNATURE = "manifest.sig"
"""Name of its signature beside it on a board, where it has one."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Checked = TypeVar("Checked", bound=BaseModel)


def _plain(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path != "/".join(parts) or path.startswith("/") or ".." in parts:
        raise ValueError("not a plain relative path")
    if any(ord(letter) < 0x20 or letter in "\\\x7f" for letter in path):
        raise ValueError("holds a control character or a backslash")
    if parts[0] in (MANIFEST, SIGNATURE):
        raise ValueError("the manifest does not list itself, nor its signature")
    return path


PlainPath = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
"""A relative POSIX path that stays where it is unpacked."""


class Part(BaseModel):
    """Frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileFacts(Part):
    """One file of an artifact or a data set."""

    sha256: Sha256
    size: Count
    """Bytes."""
    executable: Literal[True] | None = None
    """A program that the board runs; absent: it is only read."""


def decode(data: bytes, where: str) -> dict[str, Any]:
    """Read a JSON object; UsageFault when it is none, or names a key twice."""
    try:
        value = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UsageFault(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageFault(f"{where}: want a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType] -- JSON keys are strings


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def check(kind: type[Checked], value: Mapping[str, Any], where: str) -> Checked:
    """Validate; UsageFault with every fault at once."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise UsageFault([f"{where}: {_fault(f)}" for f in error.errors(include_url=False)]) from error


def _fault(fault: Mapping[str, Any]) -> str:
    field = ".".join(str(part) for part in fault["loc"])
    return f"{field}: {fault['msg']}" if field else str(fault["msg"])


def canonical(model: BaseModel) -> bytes:
    """Return the one spelling that is hashed: JSON, keys sorted, no blanks, ASCII, absent fields left out."""
    value = model.model_dump(mode="json", exclude_none=True)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def identity(model: BaseModel) -> str:
    """Return the SHA-256 of the canonical form, hex. It is what ``sha256sum manifest.json`` says of a packed one."""
    return hashlib.sha256(canonical(model)).hexdigest()
