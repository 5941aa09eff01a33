"""NVML of a board at the other end of a shell: its own library, asked by a few lines of Python that run there."""

import inspect

from ..port import Port
from . import nvml_helper
from .reach import Reach

_ANSWER_S = 5.0
"""Assumed: a driver that has not told a number by then hangs. The first answer also loads the library."""
_NOT_SUPPORTED = 3
"""NVML_ERROR_NOT_SUPPORTED, nvml.h."""


class NvmlFault(Exception):
    """NVML's words for what is wrong, or those of the way to it."""


class NotSupported(NvmlFault):
    """This GPU has no such thing."""


class BoardNvml:
    """What of ``pynvml`` is used, of another machine: :class:`power.onboard.nvml.Nvml`. A handle is a GPU's index.

    Nothing is installed there: it needs ``python3``, 3.5 or later, and NVIDIA's driver.
    """

    NVMLError = NvmlFault
    NVMLError_NotSupported = NotSupported

    def __init__(self, reach: Reach) -> None:
        """Take the way to the machine."""
        self._reach = reach
        self._port: Port | None = None
        self._asked = 0

    def nvmlInit(self) -> None:  # noqa: N802 -- as NVIDIA calls it
        """Start what answers there."""
        try:
            self._port = self._reach.program(["python3", "-u", "-c", inspect.getsource(nvml_helper)])
        except OSError as error:
            raise NvmlFault(_words(error)) from error
        try:
            self._ask("count")
        except BaseException:
            self.nvmlShutdown()
            raise

    def nvmlShutdown(self) -> None:  # noqa: N802
        """End it. May be called twice."""
        if self._port is not None:
            self._port.close()
            self._port = None

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        """Return the driver's version."""
        return self._ask("driver")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """Return how many GPUs there are."""
        return self._number("count")

    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> int:  # noqa: N802
        """Return the index."""
        return index

    def nvmlDeviceGetName(self, handle: int, /) -> str:  # noqa: N802
        """Return what a GPU is called."""
        return self._ask(f"name {handle}")

    def nvmlDeviceGetUUID(self, handle: int, /) -> str:  # noqa: N802
        """Return what no other GPU is called."""
        return self._ask(f"uuid {handle}")

    def nvmlDeviceGetSerial(self, handle: int, /) -> str:  # noqa: N802
        """Return the number on its board."""
        return self._ask(f"serial {handle}")

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int, /) -> int:  # noqa: N802
        """Return mJ since the driver was loaded."""
        return self._number(f"energy {handle}")

    def nvmlDeviceGetPowerUsage(self, handle: int, /) -> int:  # noqa: N802
        """Return mW."""
        return self._number(f"power {handle}")

    def _number(self, question: str) -> int:
        said = self._ask(question)
        if not said.isdecimal():
            raise NvmlFault(f"{question!r} is answered {said[:80]!r}")
        return int(said)

    def _ask(self, question: str) -> str:
        """Return the answer to a question; those to earlier ones, which were given up, are left out."""
        if self._port is None:
            raise NvmlFault("Uninitialized")
        self._asked += 1
        try:
            self._port.write(f"{self._asked} {question}\n".encode())
            while True:
                line = self._port.read_line(b"\n", _ANSWER_S).decode("utf-8", "replace")
                number, _, answer = line.strip().partition(" ")
                if not line.endswith("\n") or number == str(self._asked):
                    break
        except OSError as error:
            raise NvmlFault(_words(error)) from error
        status, _, said = answer.partition(" ")
        if not line.endswith("\n") or not status.isdecimal():
            raise NvmlFault(f"no answer within {_ANSWER_S:g} s" if not line else f"half an answer: {line[:80]!r}")
        if status != "0":
            raise (NotSupported if int(status) == _NOT_SUPPORTED else NvmlFault)(said)
        return said


def _words(error: OSError) -> str:
    return error.strerror or str(error)
