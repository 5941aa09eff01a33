"""The inference runtimes. One thread each: the figures are those of one core, and no pool hides a wait.

A backend is a class of ``(path, manifest)`` with ``version``, what it is and of which version, and ``infer(tensor)``,
which returns the class scores. It may have ``device``, on what it runs (else ``cpu``), ``feed(tensor)``, which copies
to where the net reads (else nothing is copied, and ``infer`` is given the tensor itself), and ``takes_device = True``
where the manifest may name one of several. None of them ever turns to another device than the one that it tells.
"""

import importlib

from faults import Fault

_BACKENDS = {
    "onnx": "on_onnx:Onnx",
    "tflite": "on_tflite:TFLite",
    "edgetpu": "on_edgetpu:EdgeTpu",
    "tensorrt": "on_tensorrt:TensorRt",
    "openvino": "on_openvino:OpenVino",
    "aiy": "on_aiy:Bonnet",
    "numpy": "reference:Reference",
}
"""Runtime of the manifest → module and class. Names: what they import is read where it is asked for."""


def load(path, manifest, tensor, device=None):
    """Return the backend that the manifest asks for, with the model loaded and one tensor inferred.

    ``device``: one of the runtime's, in place of the manifest's. Raises Fault: ``runtime`` when it is not installed
    here, or its device is not there; ``model`` when it refuses the model, or knows no such device.
    """
    name = manifest["runtime"]
    if name not in _BACKENDS:
        raise Fault("runtime", "unknown runtime {!r}: this runner is too old".format(name))
    module, backend = _BACKENDS[name].split(":")
    wanted = device or manifest.get("device")
    try:
        kind = getattr(importlib.import_module(module), backend)
        if wanted and not getattr(kind, "takes_device", False):
            raise Fault("model", "{} runs on one device alone; {!r} cannot be asked for".format(name, wanted))
        loaded = kind(path, dict(manifest, device=wanted))
        loaded.device = getattr(loaded, "device", "cpu")
        loaded.feed = getattr(loaded, "feed", _as_it_is)
        loaded.infer(loaded.feed(tensor))
    except Fault:
        raise
    except Exception as error:  # each runtime raises classes of its own
        raise Fault("model", "{}: {}: {}".format(path, type(error).__name__, error)) from error
    return loaded


def _as_it_is(tensor):
    return tensor
