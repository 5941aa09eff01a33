"""TFLite on the Edge TPU: the interpreter of ``tflite_runtime`` or LiteRT, with libedgetpu as its delegate.

Follows Coral's documented use (``load_delegate`` with the option ``device``; ``edgetpu_c.h`` for what is attached) of
tflite_runtime 2.5 and libedgetpu 13 to 16. Tried on stand-ins of both, and with LiteRT's real interpreter on a stand-in
of libedgetpu, whose delegate takes the compiled operator through TFLite's own interface.
"""

import ctypes
import re

from faults import Fault
from on_tflite import LITERT, TFLITE_RUNTIME, TFLite

_LIBRARY = "libedgetpu.so.1"
_OPERATOR = "edgetpu-custom-op"
"""What its compiler leaves in a model. No interpreter has it: it runs on the delegate, or not at all."""
_DELEGATED = "DELEGATE"
"""What every delegate's node is called. The processor's own delegate, XNNPACK, takes no custom operator."""
_KINDS = ("pci", "usb")
"""By their numbers in ``edgetpu_c.h``."""


class EdgeTpu(TFLite):
    """A model that went through the Edge TPU's compiler."""

    modules = (TFLITE_RUNTIME, LITERT)
    """The older first: where a board has both, libedgetpu was built beside it."""
    takes_device = True
    """As Coral names them: ``usb``, ``pci``, or one of several by its number, ``usb:1``."""

    def __init__(self, path, manifest):
        """Load the model on the accelerator; Fault where that is not there, or does not take it."""
        super().__init__(path, manifest)
        attached, version = _library()
        self.version += ", Edge TPU runtime {}".format(version or "of unknown version")
        asked = manifest.get("device")
        self.device = "Edge TPU{}{}".format(
            " " + asked if asked else "", " of {}".format(", ".join(attached)) if attached else ""
        )
        self._require_delegated()

    def delegates(self, interpreter, path, manifest):
        """Return the Edge TPU's delegate."""
        with open(path, "rb") as file:
            if _OPERATOR.encode() not in file.read():
                raise Fault("model", "{}: the Edge TPU's compiler has not been over it".format(path))
        device = manifest.get("device")
        try:
            return [interpreter.load_delegate(_LIBRARY, {"device": device} if device else {})]
        except OSError as error:
            raise Fault("runtime", "{} is not installed: {}".format(_LIBRARY, error)) from error
        except ValueError as error:  # what its library says of a missing accelerator, which is often nothing
            attached = ", ".join(_library()[0]) or "none"
            text = "no Edge TPU answers{}; attached: {}; is it plugged in, and does nobody else use it? ({})"
            said = " ".join(str(error).split())
            raise Fault("runtime", text.format(" as " + device if device else "", attached, said)) from error

    def _require_delegated(self):
        """Raise Fault unless the delegate has taken the compiled part; an older interpreter cannot be asked."""
        details = getattr(self.model, "_get_ops_details", None)
        if details is None:
            return  # without its delegate it could not have allocated the tensors of an operator that it has not
        nodes = details()
        compiled, delegated = (
            {tensor for node in nodes if node["op_name"] == name for tensor in node["outputs"]}
            for name in (_OPERATOR, _DELEGATED)
        )
        if not compiled & delegated:
            text = "the Edge TPU's delegate has taken nothing of the model; its operators are {}"
            raise Fault("runtime", text.format(", ".join(node["op_name"] for node in nodes)))


class _Device(ctypes.Structure):
    """``struct edgetpu_device``."""

    _fields_ = [("kind", ctypes.c_int), ("path", ctypes.c_char_p)]


def _library():
    """Return the Edge TPUs that are attached, as ``usb:0 /sys/…``, and the runtime's version; both may be unknown."""
    try:
        library = ctypes.CDLL(_LIBRARY)
        listed, version = library.edgetpu_list_devices, library.edgetpu_version
        release = library.edgetpu_free_devices
    except (OSError, AttributeError):
        return [], None
    listed.restype, listed.argtypes = ctypes.POINTER(_Device), [ctypes.POINTER(ctypes.c_size_t)]
    release.restype, release.argtypes = None, [ctypes.POINTER(_Device)]
    version.restype = ctypes.c_char_p
    count = ctypes.c_size_t(0)
    devices = listed(ctypes.byref(count))
    found = [
        "{}:{} {}".format(_KINDS[one.kind], at, one.path.decode()) for at, one in enumerate(devices[: count.value])
    ]
    if devices:
        release(devices)
    match = re.search(r"RuntimeVersion\((\d+)\)", version().decode())
    return found, match.group(1) if match else None
