"""A policy's YAML file as a checked model that remembers its file: of the gate, of health checks, of collecting."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, PrivateAttr

from ..errors import UsageFault
from .words import kind_of
from .yaml_lines import Document, Fault, Where, read


class PolicyFile(BaseModel):
    """The whole of such a file: frozen, closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _document: Document = PrivateAttr(default_factory=lambda: Document(Path("policy"), what="policy"))

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._document.path

    @property
    def folder(self) -> Path:
        """Where its file lies: paths in it are seen from there."""
        return self.path.parent

    @property
    def sha256(self) -> str:
        """Of that file's bytes, hex."""
        return self._document.sha256

    def fault(self, where: Where, text: str) -> str:
        """Return ``FILE:LINE: field: text``."""
        return self._document.report([Fault(where, text)])[0]

    @classmethod
    def load(
        cls,
        path: Path,
        check: Callable[[dict[str, Any], Path], list[Fault]],
        *,
        wants: str,
        what: str = "policy",
    ) -> Self:
        """Read and check a policy, touching no board.

        Args:
            path: its file.
            check: given what stands in the file, and its path, returns all that is wrong; where nothing is, it fits.
            wants: what must stand at the top, in words.
            what: what the file is, in words.

        Raises:
            UsageFault: one line for every fault: ``FILE:LINE: field: what is wrong; remedy``.
        """
        document = read(path, what)
        value: object = document.value
        if isinstance(value, dict):
            document.faults += [] if document.faults else check(cast("dict[str, Any]", value), path)
        elif not document.faults:
            document.faults.append(Fault((), f"wants {wants} at the top, not {kind_of(value)}"))
        if document.faults:
            raise UsageFault(document.report(document.faults))
        policy = cls.model_validate(value)
        policy._document = document  # noqa: SLF001 -- its own constructor
        return policy
