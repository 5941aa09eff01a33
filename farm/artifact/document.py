"""What manifests are made of: checked parts, plain paths, and the one spelling that is hashed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, TypeVar
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ..errors import UsageFault

MANIFEST = "manifest.json"
"""Name of the manifest inside a packed artifact: the archive's first member."""

SIGNATURE = "manifest.sig"
"""Name of its signature beside it on a board, where it has one."""

_MOST_FAULTS = 20
"""A person reads: what is wrong in thousands of places is wrong in one way."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
Name = Annotated[str, Field(pattern=NAME)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(ge=1)]
Checked = TypeVar("Checked", bound=BaseModel)


def _plain(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path != "/".join(parts) or path.startswith("/") or ".." in parts:
        raise ValueError("not a plain relative path")
    if not path.isprintable() or "\\" in path:
        raise ValueError("holds a backslash, or what a terminal does not show as it is")
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
        found = [f"{where}: {_fault(f)}" for f in error.errors(include_url=False)]
        more = [f"{where}: and {len(found) - _MOST_FAULTS:,} more"] if len(found) > _MOST_FAULTS else []
        raise UsageFault(found[:_MOST_FAULTS] + more) from error


def _fault(fault: Mapping[str, Any]) -> str:
    field = shown(".".join(str(part) for part in fault["loc"]))
    said = str(fault["msg"]).removeprefix("Value error, ")
    return f"{field}: {said}" if field else said


def shown(text: str) -> str:
    """Return a stranger's text as a terminal may print it: on one line, and nothing in it is a command."""
    return text if text.isprintable() else ascii(text)


def require_told_apart(paths: Iterable[str]) -> None:
    """Look that every file system can hold paths beside each other.

    Raises:
        ValueError: two differ only in case or in how Unicode spells them, or one is a folder of another.
    """
    found: dict[str, str] = {}
    for path in sorted(paths):
        if (other := found.setdefault(_folded(path), path)) != path:
            raise ValueError(f"{other} and {path} are one file where case or spelling do not count")
    for path in found.values():
        for folder in PurePosixPath(path).parents:
            if (other := found.get(_folded(str(folder)))) is not None:
                raise ValueError(f"{other} is a file, and a folder of {path}")


def _folded(path: str) -> str:
    return normalize("NFC", normalize("NFC", path).casefold())


def canonical(model: BaseModel) -> bytes:
    """Return the one spelling that is hashed: JSON, keys sorted, no blanks, ASCII, absent fields left out."""
    value = model.model_dump(mode="json", exclude_none=True)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def identity(model: BaseModel) -> str:
    """Return the SHA-256 of the canonical form, hex. It is what ``sha256sum manifest.json`` says of a packed one."""
    return hashlib.sha256(canonical(model)).hexdigest()
