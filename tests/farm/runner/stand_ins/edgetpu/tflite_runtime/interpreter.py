"""Refuses what tflite_runtime 2.5's interpreter refuses, in its words."""

import ctypes
from pathlib import Path

import numpy as np
from net import says, scores

attached = ["usb", "usb"]
"""What a test plugs in."""
takes = True
"""Whether the delegate takes the compiled operator."""


class Delegate:
    def __init__(self, library, options=None):
        ctypes.CDLL(library)  # OSError, as there
        for key, value in (options or {}).items():
            if not isinstance(key, str) or key != "device":
                raise ValueError(f"unknown option {key!r}")
            kind, _, number = str(value).partition(":")
            if kind not in ("", "usb", "pci") or [one for one in attached if one == kind][int(number or 0) :] == []:
                raise ValueError("")
        if not attached:
            raise ValueError("")


def load_delegate(library, options=None):
    try:
        return Delegate(library, options)
    except ValueError as error:
        raise ValueError(f"Failed to load delegate from {library}\n{error}") from error


class Interpreter:
    def __init__(self, model_path=None, model_content=None, experimental_delegates=None, num_threads=None):
        assert model_content is None
        if num_threads is not None and num_threads < 1:
            raise ValueError("num_threads should >= 1")
        self._net = says(Path(model_path).read_bytes().partition(b"edgetpu-custom-op")[0])
        assert all(isinstance(one, Delegate) for one in experimental_delegates or [])
        self._delegated = bool(experimental_delegates)
        self._fed = self._given = None

    def allocate_tensors(self):
        if not self._delegated:
            said = "Encountered unresolved custom op: edgetpu-custom-op."
            raise RuntimeError(said + "Node number 0 (edgetpu-custom-op) failed to prepare.")
        if self._net.get("wants", 0) > 13:
            raise RuntimeError(
                "Failed precondition: Package requires runtime version (14), which is newer than this runtime version "
                "(13).Node number 1 (EdgeTpuDelegateForCustomOp) failed to prepare."
            )
        self._fed = np.zeros(self._net["shape"], np.uint8)

    def _get_ops_details(self):
        # the processor's own delegate has taken what follows the compiled operator
        nodes = [("edgetpu-custom-op", [3], [5]), ("SOFTMAX", [5], [7]), ("DELEGATE", [5], [7])]
        nodes += [("DELEGATE", [3], [5])] if takes else []
        return [{"index": at, "op_name": n, "inputs": i, "outputs": o} for at, (n, i, o) in enumerate(nodes)]

    def get_input_details(self):
        return [{"index": 3, "name": "x", "shape": np.array(self._net["shape"]), "dtype": np.uint8}]

    def get_output_details(self):
        return [{"index": 7, "name": "scores", "shape": np.array([1, 10]), "dtype": np.uint8}]

    def set_tensor(self, index, value):
        assert index == 3
        if self._fed is None:
            raise ValueError("Cannot set tensor: Tensor is unallocated. Try calling allocate_tensors() first")
        if value.dtype != np.uint8:
            raise ValueError(
                "Cannot set tensor: Got value of type FLOAT32 but expected type UINT8 for input 3, name: x "
            )
        if value.shape != self._fed.shape:
            raise ValueError("Cannot set tensor: Dimension mismatch. Got other sides but expected them for input 3.")
        self._fed[...] = value

    def invoke(self):
        if self._fed is None:
            raise RuntimeError("Invoke called on model that is not ready.")
        self._given = scores(self._fed).astype(np.uint8)

    def get_tensor(self, index):
        assert index == 7
        return self._given.copy()
