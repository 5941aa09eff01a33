"""Gathers lines and arrays of a reference, under names that fit into a line, and makes a file of them."""

import io
import re
import zipfile
from collections.abc import Iterable

import numpy as np

from ..model.net import Values
from ..model.npz import GRAPH, NOTHING, Line

Attribute = str | int | float | Iterable[int]

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_.]+")
_LONGEST = 60
"""So that a line, and with it every line, stays short: all are stored as long as the longest."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip archive can say: the same model gives the same bytes."""


class Writer:
    """What has been written so far."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lines: list[Line] = []
        self._arrays: dict[str, Values] = {}
        self._names: dict[str, str] = {}
        self._taken = {GRAPH, NOTHING}

    def name(self, tensor: str) -> str:
        """Return what a tensor of the model is called here; always the same, and no other's."""
        if tensor not in self._names:
            self._names[tensor] = self._free(tensor)
        return self._names[tensor]

    def call(self, tensor: str, name: str) -> None:
        """Let a tensor be another that has a name already."""
        self._names[tensor] = name

    def new(self, tensor: str, what: str) -> str:
        """Return a name of something that the model has not, beside a tensor that it has."""
        return self._free(f"{tensor}.{what}")

    def _free(self, wanted: str) -> str:
        plain = _NOT_A_NAME.sub("_", wanted)[-_LONGEST:] or "_"
        name, n = plain, 1
        while name in self._taken:
            n += 1
            name = f"{plain}.{n}"
        self._taken.add(name)
        return name

    def gives(self, name: str) -> bool:
        """Return whether an array has this name, or a line gives it."""
        return name in self._arrays or any(line.output == name for line in self._lines)

    def array(self, name: str, values: Values) -> str:
        """Add an array under a name that is free; return it."""
        self._arrays[name] = np.ascontiguousarray(values)
        return name

    def line(self, operator: str, output: str, *inputs: str, **attributes: Attribute) -> str:
        """Add a line; return the name of what it gives."""
        texts = {name: _text(value) for name, value in attributes.items()}
        self._lines.append(Line(operator, output, inputs, texts))
        return output

    def file(self) -> bytes:
        """Return the whole, without what nothing uses."""
        lines = self._needed()
        used = {name for line in lines for name in line.inputs}
        arrays = {GRAPH: np.array([str(line).encode("ascii") for line in lines])}
        arrays |= {name: values for name, values in self._arrays.items() if name in used}
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for name, values in arrays.items():
                content = io.BytesIO()
                np.lib.format.write_array(content, values, version=(1, 0), allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy", _TIME), content.getvalue())
        return buffer.getvalue()

    def _needed(self) -> list[Line]:
        kept: list[Line] = []
        used: set[str] = set()
        for line in reversed(self._lines):
            if line.operator in ("input", "output") or line.output in used:
                kept.append(line)
                used.update((line.output, *line.inputs) if line.operator == "output" else line.inputs)
        return kept[::-1]


def _text(value: Attribute) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.9g}"  # enough to tell any two float32 apart
    return ",".join(map(str, value))
