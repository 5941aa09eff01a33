"""Answers questions about this machine's NVIDIA GPUs, a line each: what is sent to a board whose GPU is measured.

It needs the standard library of Python 3.5, and the ``libnvidia-ml.so.1`` that comes with NVIDIA's driver; prototypes
and numbers as in nvml.h. ``7 energy 0`` is answered ``7 0 1234567``: the question's number, 0, and millijoules. A fault
has NVML's own number and words: ``7 3 Not Supported``.
"""

import ctypes
import sys
from typing import Any

_LIBRARY = "libnvidia-ml.so.1"
_INVALID_ARGUMENT, _LIBRARY_NOT_FOUND, _FUNCTION_NOT_FOUND = 2, 12, 13
_TEXT_BYTES = 96
"""As long as the longest: NVML_DEVICE_NAME_V2_BUFFER_SIZE, NVML_DEVICE_UUID_V2_BUFFER_SIZE."""
_TEXTS = {
    "driver": "nvmlSystemGetDriverVersion",
    "name": "nvmlDeviceGetName",
    "uuid": "nvmlDeviceGetUUID",
    "serial": "nvmlDeviceGetSerial",
}
_NUMBERS = {
    "count": ("nvmlDeviceGetCount_v2", ctypes.c_uint),
    "energy": ("nvmlDeviceGetTotalEnergyConsumption", ctypes.c_ulonglong),
    "power": ("nvmlDeviceGetPowerUsage", ctypes.c_uint),
}


class Fault(Exception):
    """A number of NVML, and its words."""

    def __init__(self, number: int, words: str) -> None:
        """Keep them."""
        super().__init__(number, words)
        self.number, self.words = number, words


def loaded() -> Any:  # noqa: ANN401 -- a library of functions
    """Return NVML, ready to be asked; Fault where there is no driver."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise Fault(_LIBRARY_NOT_FOUND, str(error)) from error
    library.nvmlErrorString.restype = ctypes.c_char_p
    call(library, "nvmlInit_v2")
    return library


def call(library: Any, function: str, *arguments: Any) -> None:  # noqa: ANN401 -- what C takes
    """Call a function; Fault where it does not return 0, or a driver is older than the function."""
    try:
        number = getattr(library, function)(*arguments)
    except AttributeError:
        raise Fault(_FUNCTION_NOT_FOUND, function + ": Function Not Found") from None
    if number:
        raise Fault(number, library.nvmlErrorString(number).decode("utf-8", "replace"))


def answer(library: Any, question: str) -> str:  # noqa: ANN401 -- a library of functions
    """Return the answer to a question, such as ``driver`` or ``energy 0``; raises Fault."""
    what, _, index = question.partition(" ")
    of = []
    if index:
        handle = ctypes.c_void_p()
        call(library, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(int(index)), ctypes.byref(handle))
        of = [handle]
    if what in _TEXTS:
        text = ctypes.create_string_buffer(_TEXT_BYTES)
        call(library, _TEXTS[what], *of, text, ctypes.c_uint(_TEXT_BYTES))
        return text.value.decode("utf-8", "replace")
    if what in _NUMBERS:
        function, kind = _NUMBERS[what]
        number = kind()
        call(library, function, *of, ctypes.byref(number))
        return str(number.value)
    raise Fault(_INVALID_ARGUMENT, what + ": no such question")


def main() -> None:
    """Answer until there are no more questions."""
    library = None
    for line in iter(sys.stdin.readline, ""):
        nth, _, question = line.strip().partition(" ")
        try:
            library = library or loaded()
            said = "0 " + answer(library, question)
        except Fault as fault:
            said = str(fault.number) + " " + fault.words
        sys.stdout.write(nth + " " + said + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
