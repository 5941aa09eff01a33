"""OpenVINO: a graph (``.xml`` and ``.bin``), or a blob that was compiled for one device.

Follows two Python interfaces. ``openvino.Core`` (``openvino.runtime.Core`` in 2022), run with 2022.3, 2023.0, 2023.3
and 2026.4 on a processor. Before it ``openvino.inference_engine.IECore``, run with 2021.4 on a processor: the last to
drive a Neural Compute Stick, device ``MYRIAD``, which was tried on a stand-in only.
"""

import os

from faults import Fault
from installed import require

_CHOOSERS = ("AUTO", "MULTI", "BATCH")
"""Devices that are none: they choose one, and nobody knows which."""
_PRECISIONS = {"float32": "FP32", "float16": "FP16", "uint8": "U8", "int8": "I8"}
_ON_PROCESSOR = {
    "INFERENCE_NUM_THREADS": "1",
    "NUM_STREAMS": "1",
    "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the processor has that: other classes than were counted
}
_FORMER_ON_PROCESSOR = {"CPU_THREADS_NUM": "1", "CPU_THROUGHPUT_STREAMS": "1", "ENFORCE_BF16": "NO"}


def OpenVino(path, manifest):  # noqa: N802 (it stands in the table of classes)
    """Return the model, loaded by whichever interface the board has."""
    device = manifest.get("device") or "CPU"
    if device.split(":")[0] in _CHOOSERS:
        raise Fault("model", "device {}: name the one that is to run it, such as CPU or MYRIAD".format(device))
    for module, kind in (("openvino", Current), ("openvino.runtime", Current), ("openvino.inference_engine", Former)):
        try:
            found = require(module)
        except Fault as fault:
            last = fault
            continue
        if hasattr(found, kind.entry):
            return kind(found, path, manifest, device)
        last = Fault("runtime", "openvino is not installed as a whole: {} has no {}".format(module, kind.entry))
    raise last


OpenVino.takes_device = True


class Current:
    """``openvino.Core``."""

    entry = "Core"

    def __init__(self, openvino, path, manifest, device):
        """Load a graph, or a blob."""
        core = openvino.Core()
        _require_device(device, core.available_devices)
        config = _ON_PROCESSOR if device == "CPU" else {}
        if os.path.splitext(path)[1] == ".xml":
            compiled = core.compile_model(core.read_model(path), device, config)
        else:
            with open(path, "rb") as file:
                compiled = core.import_model(file.read(), device, config)
        self.version = _version(getattr(openvino, "__version__", None) or openvino.get_version())
        self.device = _told(device, compiled, core)
        self._request = compiled.create_infer_request()
        self._output = _output(compiled.outputs, manifest)
        given = self._request.get_input_tensor()
        wanted = manifest["input"]
        _require_input(tuple(given.shape), given.data.dtype.name, wanted)

    def feed(self, tensor):
        """Copy the tensor to where the net reads it."""
        self._request.get_input_tensor().data[...] = tensor

    def infer(self, fed):
        """Return the class scores."""
        del fed
        self._request.infer()
        return self._request.get_output_tensor(self._output).data


class Former:
    """``openvino.inference_engine.IECore``."""

    entry = "IECore"

    def __init__(self, engine, path, manifest, device):
        """Load a graph, or a blob."""
        core = engine.IECore()
        _require_device(device, core.available_devices)
        config = _FORMER_ON_PROCESSOR if device == "CPU" else {}
        wanted = manifest["input"]
        self._input, self._output = wanted["name"], manifest["output"]["name"]
        stem, suffix = os.path.splitext(path)
        if suffix == ".xml":
            net = core.read_network(model=path, weights=stem + ".bin")
            if self._input not in net.input_info or self._output not in net.outputs:
                names = ", ".join(list(net.input_info) + list(net.outputs))
                text = "the graph has {}; the manifest names {} and {}"
                raise Fault("model", text.format(names, self._input, self._output))
            net.input_info[self._input].precision = _PRECISIONS[wanted["dtype"]]
            loaded = core.load_network(network=net, device_name=device, config=config, num_requests=1)
        else:
            loaded = core.import_network(model_file=path, device_name=device, config=config, num_requests=1)
        self.version = _version(core.get_versions(device)[device].build_number)
        self.device = "{} ({})".format(device, core.get_metric(device, "FULL_DEVICE_NAME"))
        self._loaded, self._core = loaded, core  # the request does not keep them, and is nothing without them
        self._request = loaded.requests[0]
        place = self._request.input_blobs[self._input].buffer
        _require_input(place.shape, place.dtype.name, wanted)

    def feed(self, tensor):
        """Copy the tensor to where the net reads it."""
        self._request.input_blobs[self._input].buffer[...] = tensor

    def infer(self, fed):
        """Return the class scores."""
        del fed
        self._request.infer()
        return self._request.output_blobs[self._output].buffer


def _require_device(device, available):
    """Raise Fault where a device is not there; ``HETERO:GPU,CPU`` names all that it may use."""
    for name in device.replace("HETERO:", "").split(","):
        # a stick is told with its address: MYRIAD.1.2-ma2480
        if not any(one == name or one.startswith(name + ".") for one in available):
            text = "OpenVINO has no device {} here, but {}; is it plugged in, and its plug-in installed?"
            raise Fault("runtime", text.format(name, ", ".join(available) or "none"))


def _output(outputs, manifest):
    """Return the number of the only one, whatever it is called, or of the one of several that the manifest names."""
    if len(outputs) == 1:
        return 0
    wanted = manifest["output"]["name"]
    names = [{one.get_node().get_friendly_name()} | set(one.get_names()) for one in outputs]
    for number, its in enumerate(names):
        if wanted in its:
            return number
    told = ", ".join("/".join(sorted(its)) for its in names)
    raise Fault("model", "the graph has the outputs {}; the manifest names {}".format(told, wanted))


def _require_input(shape, dtype, wanted):
    if tuple(shape) != tuple(wanted["shape"]) or dtype != wanted["dtype"]:
        text = "the graph takes {} {}, the manifest says {} {}"
        raise Fault("model", text.format(dtype, tuple(shape), wanted["dtype"], tuple(wanted["shape"])))


def _version(told):
    """Return release and build without the branch, as ``2024.4.0-16579``."""
    return "OpenVINO " + "-".join(told.split("-")[:2])


def _told(device, compiled, core):
    """Return what runs the net, as the plug-in itself says; Fault where that is something else."""
    try:
        used = list(compiled.get_property("EXECUTION_DEVICES"))
    except RuntimeError:  # a plug-in of before 2022.3 cannot be asked; it is the one that was named
        used = [device]
    for name in used:
        if name.split(".")[0] not in device:
            raise Fault("runtime", "OpenVINO runs it on {}, not on {}".format(", ".join(used), device))
    return ", ".join("{} ({})".format(name, core.get_property(name, "FULL_DEVICE_NAME")) for name in used)
