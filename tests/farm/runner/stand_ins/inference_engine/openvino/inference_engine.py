"""IECore of 2021.4, with a Neural Compute Stick: what it names, what it refuses."""

import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from net import says, scores

available = ["CPU", "MYRIAD.1.2-ma2480"]
loaded = []
"""Devices that were loaded, by name."""
_TYPES = {"FP32": np.float32, "FP16": np.float16, "U8": np.uint8, "I8": np.int8}


class InputInfo:
    def __init__(self, shape):
        self.shape, self._precision = tuple(shape), "FP32"

    @property
    def precision(self):
        return self._precision

    @precision.setter
    def precision(self, value):
        if value not in _TYPES:
            raise ValueError(f"Unsupported precision {value}! List of supported precisions: {list(_TYPES)}")
        self._precision = value


class Loaded:
    """A network on a device, which lives as long as somebody keeps it."""

    def __init__(self, shape, precision):
        self.requests = [Request(weakref.ref(self), shape, precision)]


class Request:
    def __init__(self, network, shape, precision):
        self._network = network
        self._input_blobs = {"x": SimpleNamespace(buffer=np.zeros(shape, _TYPES[precision]))}
        self._output_blobs = {"scores": SimpleNamespace(buffer=np.zeros((1, 10), np.float32))}

    @property
    def input_blobs(self):
        self._require_network()
        return self._input_blobs

    @property
    def output_blobs(self):
        self._require_network()
        return self._output_blobs

    def _require_network(self):
        if self._network() is None:
            raise RuntimeError("Internal error: network outputs is not set")

    def infer(self, inputs=None):
        assert inputs is None
        self._require_network()
        self.output_blobs["scores"].buffer[...] = scores(self.input_blobs["x"].buffer)


class IECore:
    available_devices = available

    def read_network(self, model, weights):
        if not Path(weights).is_file():
            raise ValueError(f"Path to the weights {weights} doesn't exist or it's a directory")
        return SimpleNamespace(
            input_info={"x": InputInfo(says(Path(model).read_bytes())["shape"])}, outputs={"scores": object()}
        )

    def load_network(self, network, device_name, config=None, num_requests=1):
        return self._on(device_name, network.input_info["x"].shape, network.input_info["x"].precision, config)

    def import_network(self, model_file, device_name, config=None, num_requests=1):
        return self._on(device_name, says(Path(model_file).read_bytes())["shape"], "FP16", config)

    def _on(self, device, shape, precision, config):
        if any(not isinstance(value, str) for value in (config or {}).values()):
            raise TypeError("config values must be str")
        loaded.append(device)
        return Loaded(shape, precision)

    def get_versions(self, device_name):
        build = "2021.4.2-3976-0943ed67223-refs/pull/539/head"
        return {device_name: SimpleNamespace(major=2, minor=1, build_number=build)}

    def get_metric(self, device_name, metric_name):
        assert metric_name == "FULL_DEVICE_NAME"
        return "Intel Movidius Myriad X VPU" if device_name == "MYRIAD" else "Intel Atom"
