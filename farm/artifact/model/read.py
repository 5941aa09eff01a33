"""Any model file as a net, where its format says what is inside."""

from collections.abc import Callable
from pathlib import PurePosixPath

from .malformed import Malformed
from .net import Net
from .npz import is_reference, read_npz
from .onnx import read_onnx
from .openvino import read_openvino
from .tflite import IDENTIFIER, read_tflite

Beside = Callable[[str], bytes | None]
"""Returns a file of the same artifact by its name, None where there is none."""


def read_net(name: str, data: bytes, beside: Beside = lambda _: None, *, runtime: str | None = None) -> Net | None:
    """Return the net in a file; None for a format that does not tell: TensorRT engines and other compiled graphs.

    Args:
        name: The file's, seen from its artifact.
        data: What it holds.
        beside: For formats that keep the numbers in another file.
        runtime: What loads it, where that is known: a name need not end as is usual.

    Raises:
        Malformed: it is damaged, or lacks a file that it needs.
    """
    if data[4:8] == IDENTIFIER:
        return read_tflite(data)
    if is_reference(data):
        return read_npz(data)
    path = PurePosixPath(name)
    if path.suffix == ".onnx" or runtime == "onnx":
        return read_onnx(data, lambda other: beside(str(path.with_name(other))) if other else None)
    if path.suffix == ".xml":
        if (numbers := beside(str(path.with_suffix(".bin")))) is None:
            raise Malformed(f"{path.with_suffix('.bin')} is not beside it")
        return read_openvino(data, numbers)
    return None
