"""Two bulk endpoints of a USB device as a :class:`~power.port.Port`."""

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Self

from ..errors import MeterOffline, MissingLibrary
from ..port import Port, through
from .serial_port import HINT

_TRANSFER_BYTES = 16384
_WRITE_TIMEOUT_MS = 1000
"""Assumed: a request is a few bytes."""
_DISCARD_MS = 2
"""Long enough for a transfer that waits on the device; an empty endpoint answers with silence."""
_MOST_DISCARDED = 64


class BulkPort:
    """A vendor interface of a USB device, held by this process alone."""

    def __init__(self, device: Any, library: Any, *, interface: int, out: int, back: int) -> None:  # noqa: ANN401 -- pyusb has no types
        """Take over a device that :meth:`open` has claimed."""
        self._device, self._library = device, library
        self._interface, self._out, self._back = interface, out, back
        self._arrived = bytearray()

    @classmethod
    def open(
        cls, name: str, ids: Mapping[tuple[int, int], str], serial_number: str, *, interface: int, out: int, back: int
    ) -> Port:
        """Claim the one device with one of these vendor and product numbers.

        Args:
            name: of the meter, for errors.
            ids: vendor and product numbers → model.
            serial_number: of the USB device; empty: whichever is plugged in, if there is but one.
            interface: its number.
            out: the endpoint to the device.
            back: the endpoint from the device.

        Raises:
            MissingLibrary: pyusb is not installed.
            MeterOffline: there is no such device, or more than one, or another program holds it.
        """
        return through(lambda: cls._open(name, ids, serial_number, interface=interface, out=out, back=back))

    @classmethod
    def _open(
        cls, name: str, ids: Mapping[tuple[int, int], str], serial_number: str, *, interface: int, out: int, back: int
    ) -> Self:
        try:
            core = import_module("usb.core")
        except ImportError as error:
            raise MissingLibrary(name, "needs pyusb", hint="pip install 'edge-test-farm[usb]'") from error
        try:
            found = [
                device
                for device in core.find(find_all=True)
                if (device.idVendor, device.idProduct) in ids
                and (not serial_number or device.serial_number == serial_number)
            ]
            if len(found) != 1:
                models = " or ".join(sorted(set(ids.values())))
                wanted = f"{models} with USB serial number {serial_number}" if serial_number else models
                raise MeterOffline(name, f"{len(found)} units of {wanted} are plugged in, not one", hint=HINT)
            device = found[0]
            if device.is_kernel_driver_active(interface):
                device.detach_kernel_driver(interface)
            import_module("usb.util").claim_interface(device, interface)
        except (OSError, ValueError, core.NoBackendError) as error:
            hint = f"{HINT} May this user open USB devices (a udev rule), and is libusb installed?"
            raise MeterOffline(name, str(error), hint=hint) from error
        return cls(device, core, interface=interface, out=out, back=back)

    def discard(self) -> None:
        """Forget what has arrived and was not read."""
        self._arrived.clear()
        for _ in range(_MOST_DISCARDED):
            if not self._transfer(_DISCARD_MS):
                return

    def write(self, data: bytes) -> None:
        """Send all of ``data`` in one transfer."""
        self._device.write(self._out, data, _WRITE_TIMEOUT_MS)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``."""
        self._wait(lambda: terminator in self._arrived, timeout_s)
        at = self._arrived.find(terminator)
        return self._take(len(self._arrived) if at < 0 else at + len(terminator))

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        self._wait(lambda: len(self._arrived) >= size_bytes, timeout_s)
        return self._take(size_bytes)

    def close(self) -> None:
        """Give the device back to the kernel. May be called twice."""
        import_module("usb.util").dispose_resources(self._device)

    def _wait(self, enough: Callable[[], bool], timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while not enough() and (left_s := until - time.monotonic()) > 0:
            self._arrived += self._transfer(max(1, round(left_s * 1e3)))

    def _transfer(self, timeout_ms: int) -> bytes:
        try:
            return bytes(self._device.read(self._back, _TRANSFER_BYTES, timeout_ms))
        except self._library.USBTimeoutError:
            return b""

    def _take(self, size_bytes: int) -> bytes:
        taken = bytes(self._arrived[:size_bytes])
        del self._arrived[:size_bytes]
        return taken
