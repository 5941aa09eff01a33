"""What kind of model a file is, by its own bytes: a manifest may not say otherwise."""

from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageFault
from .manifest import Manifest, Runtime
from .model.malformed import Malformed
from .model.npz import is_reference
from .model.tflite import EDGETPU_OPERATOR, IDENTIFIER, operators

_TFLITE: tuple[Runtime, ...] = ("tflite", "edgetpu")
_ZIP = b"PK\x03\x04"


def kind_of(data: bytes) -> Runtime | None:
    """Return what must load a file where its bytes leave no doubt; None where they tell nothing.

    A TFLite file that went through the Edge TPU's compiler is one with its custom operator; a reference is a ``.npz``
    that holds a graph.

    Raises:
        Malformed: it begins as a TFLite file does, and is none.
    """
    if data[4:8] != IDENTIFIER:
        return "numpy" if is_reference(data) else None
    return "edgetpu" if EDGETPU_OPERATOR in operators(data) else "tflite"


def require_kind(manifest: Manifest, path: Path, where: str) -> None:
    """Check the file of an unpacked model; raises as :func:`require_kind_of`."""
    with path.open("rb") as file:
        head = file.read(8)
        if head[4:8] == IDENTIFIER or head[:4] == _ZIP or manifest.runtime in (*_TFLITE, "numpy"):
            require_kind_of(manifest, head + file.read(), where)


def require_kind_of(manifest: Manifest, data: bytes, where: str) -> None:
    """Check that a model file is what its manifest says.

    Raises:
        UsageFault: it is another kind; begins with ``where``.
    """
    try:
        found = kind_of(data)
    except Malformed as error:
        raise UsageFault(f"{where}: {manifest.entry}: begins as a TFLite file but is none: {error}") from error
    if found is None and manifest.runtime == "numpy":
        made = "`farm artifact pack MODEL.onnx --runtime numpy` makes one"
        raise UsageFault(f"{where}: runtime: numpy, but {manifest.entry} is no reference; {made}")
    if found is None and manifest.runtime in _TFLITE:
        raise UsageFault(f"{where}: runtime: {manifest.runtime}, but {manifest.entry} is no TFLite file")
    if found is None or manifest.runtime in (found, "command"):  # a program of the user's may read any file
        return
    raise UsageFault(f"{where}: runtime: {manifest.runtime}, but {manifest.entry} is {_WHAT[found]}: want {found}")


_WHAT: Mapping[Runtime, str] = {
    "edgetpu": "TFLite compiled for the Edge TPU",
    "tflite": "TFLite with no Edge TPU operator in it",
    "numpy": "a NumPy reference",
}
