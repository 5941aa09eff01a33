"""ChargerLAB POWER-Z KM003C and KM002C inline USB-C meters, over their vendor interface.

Units and firmware: the layout and the keys are those of two independent public programs (okhsunrog/km003c-rs, the
mainline Linux driver ``powerz``); they were tried on a published capture of a real unit, firmware 1.9.5. The driver
was not yet tried on a unit here.
"""

import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar, Literal, Self

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydantic import BaseModel, ConfigDict

from ..block import Block
from ..errors import FrameError, InstrumentFault, MeterOffline, PowerError, WrongInstrument
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter, again
from ..port import Port
from ..timebase import TimeBase
from .bulk_port import BulkPort
from .km003c_packets import (
    ADC,
    MEMORY_READ,
    MEMORY_REPLY,
    PUT_DATA,
    QUEUE,
    SAMPLE,
    STEPS,
    STREAMING,
    TICKS_A_SECOND,
    Packet,
    against,
    extent,
    parse,
    reading,
    ticks_since,
)
from .serial_port import HINT, SerialPort, tcp_of

IDS = {(0x5FC9, 0x0063): "KM003C", (0x5FC9, 0x0061): "KM002C"}
_INTERFACE, _OUT, _IN = 0, 0x01, 0x81
_CONNECT, _ACCEPT, _REJECT, _GET, _START, _STOP = 0x02, 0x05, 0x06, 0x0C, 0x0E, 0x0F
_RATES = {2: 0, 10: 1, 50: 2, 1000: 3}
"""Samples a second → the number that starts them."""
_MEMORY_KEY, _STREAMING_KEY = b"Lh2yfB7n6X7d9a5Z", b"Fa0b4tA25f4R038a"
"""AES-128 keys that every unit has; published by the program above. They hide nothing."""
_MODEL_AT, _FIRMWARE_AT, _SERIAL_AT, _HARDWARE_AT = 0x420, 0x4420, 0x03000C00, 0x40010450
_NAMES_BYTES, _HARDWARE_BYTES = 64, 12
_TIMEOUT_S = 0.5
"""Assumed: a unit answers within a tenth of a millisecond (measured by the programs above)."""
_POLL_S = 0.02
"""Twice as often as the maker's program. An answer holds 63 samples at most, and what is more gets lost: seen in a
capture. So the controller may be held up for 40 ms at 1 kHz."""
_FULL = 60
"""An answer of so many samples: more are waiting."""
_SILENT_STEPS = 4
_FORGET_S = 30.0
"""After a pause this long the unit's counter, which wraps every 65 s, is taken up anew."""
_MOST_STRAY = 8


class KM003C(PolledMeter):
    """Volts and amps of a USB-C supply, two to a thousand samples a second in blocks with the unit's own time.

    Amps are positive from the socket to the plug. A sample is taken as the mean over the time since the one before
    (assumed: the maker states no averaging), so ``t_ns`` is its tick less half of that.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        address: str = ""
        """USB serial number; empty: the only one plugged in. Or ``socket://HOST:PORT`` of a bridge to its endpoints."""
        rate_hz: Literal[2, 10, 50, 1000] = 1000
        """Samples a second that the unit puts into its queue."""
        serial_number: str | None = None
        """What the unit's own memory must say, e.g. ``007965``; absent: any unit will do."""

    accuracy = Accuracy(
        volts=Tolerance(0.0005, 2e-3),
        amps=Tolerance(0.001, 2e-3),
        source="assumed, after ChargerLAB's page for the KM003C: volts 0.05 %, amps 0.1 %; 2 mV and 2 mA for the zero",
        assumed=True,
    )

    def __init__(
        self, name: str, port: Port, rate_hz: int = 1000, identity: Identity | None = None, hardware: bytes = b""
    ) -> None:
        """Sit on an open port; ``hardware`` is the number that opens the queue."""
        super().__init__(name, identity or Identity("ChargerLAB", "KM003C"))
        self._port, self._hardware = port, hardware
        self._number = 0
        self._rate = rate_hz
        self.rate_hz = float(rate_hz)
        self.aperture_s = 1 / rate_hz
        self._counted: int | None = None
        self._now = self._counted_ns = 0
        self.clock = TimeBase()
        """Maps the unit's milliseconds; it keeps how late answers have come."""

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the device, connect and read who it is from its memory.

        Raises:
            MissingLibrary: pyusb is not installed.
            MeterOffline: nothing answers there.
            WrongInstrument: another unit answers.
        """
        options = cls.Config.model_validate(config)
        meter = cls(name, _open(name, options.address), options.rate_hz)
        try:
            meter._begin(options.serial_number)
        except BaseException:
            meter.close()
            raise
        return meter

    def read(self) -> Block:
        """Return the unit's last reading, shape (1,).

        Raises:
            MeterOffline: no answer.
            FrameError: an answer that is not one.
        """
        asked_ns = time.monotonic_ns()
        packet = self._ask(_GET, ADC, PUT_DATA)
        taken_ns = (asked_ns + time.monotonic_ns()) // 2
        payload = next((part.payload for part in packet.parts if part.attribute == ADC), None)
        if payload is None:
            raise FrameError(self.name, "an answer without the reading that was asked for", hint=HINT)
        return Block.one(taken_ns - round(self.aperture_s * 5e8), *reading(payload))

    def stream(self) -> Iterator[Block]:
        """Yield the samples of the unit's queue, in time order, until the caller stops.

        Raises:
            MeterOffline: no answer, or no sample for four times as long as they are apart and half a second.
            FrameError: an answer that is not one.
            InstrumentFault: the unit refuses.
        """
        self._unlock()
        self._ask(_START, _RATES[self._rate], _ACCEPT)
        pace, heard_ns = Pace(max(_POLL_S, 1 / self._rate)), time.monotonic_ns()
        if heard_ns - self._counted_ns > _FORGET_S * 1e9:
            self._counted, self.clock = None, TimeBase()
        try:
            while True:
                packet = self._ask(_GET, QUEUE, PUT_DATA)
                arrived_ns = time.monotonic_ns()
                payload = b"".join(part.payload for part in packet.parts if part.attribute == QUEUE)
                if payload:
                    heard_ns = arrived_ns
                    yield self._block(payload, arrived_ns)
                silent_s = (arrived_ns - heard_ns) / 1e9
                if silent_s > _TIMEOUT_S + _SILENT_STEPS / self._rate:
                    raise MeterOffline(self.name, f"its queue stays empty for {silent_s:.1f} s", hint=HINT)
                if len(payload) < _FULL * SAMPLE.itemsize:
                    pace.wait()
        finally:
            with suppress(PowerError):
                self._ask(_STOP, 0, _ACCEPT)

    def close(self) -> None:
        """Close the port. May be called twice."""
        self._port.close()

    def _block(self, payload: bytes, arrived_ns: int) -> Block:
        samples = np.frombuffer(payload, SAMPLE)
        since = ticks_since(self._counted, samples["ticks"])
        flags = against(since, STEPS[self._rate])
        if self._counted is None:
            flags[0] = 0
        ticks = self._now + np.cumsum(since)
        self._counted, self._now, self._counted_ns = int(samples["ticks"][-1]), int(ticks[-1]), arrived_ns
        t_ns = self.clock.place(ticks / TICKS_A_SECOND, arrived_ns) - round(self.aperture_s * 5e8)
        return Block(t_ns, samples["microvolts"] / 1e6, samples["microamps"] / 1e6, flags)

    def _begin(self, serial_number: str | None) -> None:
        """Introduce itself; a unit that does not say who it is gives single readings all the same."""
        try:
            self._introduce(serial_number)
        except (MeterOffline, FrameError, InstrumentFault) as error:
            if serial_number is not None or isinstance(error.__cause__, OSError):
                raise
            try:
                again(self.read)
            except PowerError:
                raise error from None

    def _introduce(self, serial_number: str | None) -> None:
        again(lambda: self._ask(_CONNECT, 0, _ACCEPT))
        model, firmware, serial = (
            again(lambda at=at: self._memory(at, _NAMES_BYTES)) for at in (_MODEL_AT, _FIRMWARE_AT, _SERIAL_AT)
        )
        self._hardware = again(lambda: self._memory(_HARDWARE_AT, _HARDWARE_BYTES))
        self._identity = Identity("ChargerLAB", _text(model[16:28]), _text(serial[:7]), _text(firmware[28:40]))
        if self._identity.model not in IDS.values():
            raise WrongInstrument(self.name, f"a {self._identity.model} answers, not a KM003C or KM002C", hint=HINT)
        if serial_number not in (None, self._identity.serial_number):
            found = self._identity.serial_number
            raise WrongInstrument(
                self.name,
                f"serial number {found} answers, not {serial_number}",
                hint="two meters may have changed places: name them by their USB serial numbers",
            )

    def _unlock(self) -> None:
        """Tell the unit its own number, without which its queue stays empty."""
        plain = bytes(8) + self._hardware.ljust(_HARDWARE_BYTES, b"\xff")
        answer = self._ask(STREAMING, 0x0200, STREAMING, body=_encrypt(_STREAMING_KEY, plain.ljust(32, b"\xff")))
        if not answer.word >> 1 & 3:
            raise InstrumentFault(self.name, "the unit does not let its queue be read", hint="is its firmware newer?")

    def _memory(self, at: int, size: int) -> bytes:
        place = at.to_bytes(4, "little") + size.to_bytes(4, "little") + b"\xff\xff\xff\xff"
        plain = (place + zlib.crc32(place).to_bytes(4, "little")).ljust(32, b"\xff")
        answer = self._ask(MEMORY_READ, 0x0101, MEMORY_REPLY, body=_encrypt(_MEMORY_KEY, plain))
        if answer.body[: len(place)] != place:
            raise FrameError(self.name, f"the unit answers what was not asked: {answer.body[:16].hex()}", hint=HINT)
        decryptor = Cipher(algorithms.AES(_MEMORY_KEY), modes.ECB()).decryptor()  # noqa: S305 -- the meter's choice
        return (decryptor.update(answer.body[16:]) + decryptor.finalize())[:size]

    def _ask(self, kind: int, word: int, wanted: int, *, body: bytes = b"") -> Packet:
        """Send a request and return the packet that answers it.

        Raises:
            MeterOffline: silence, or the link is broken.
            FrameError: bytes that are no packet, or another one.
            InstrumentFault: the unit refuses.
        """
        self._number = self._number + 1 & 0xFF
        field = word if body else word << 1
        try:
            self._port.discard()
            self._port.write(bytes([kind, self._number]) + field.to_bytes(2, "little") + body)
            packet = self._packet(kind)
            for _ in range(_MOST_STRAY):
                if packet.number == self._number or packet.kind == STREAMING:  # that answer has no number
                    break
                packet = self._packet(kind)
        except OSError as error:
            raise MeterOffline(self.name, str(error), hint=HINT) from error
        if packet.kind == _REJECT:
            raise InstrumentFault(self.name, f"the unit rejects request {kind:02x}", hint="is its firmware newer?")
        if packet.kind != wanted or (packet.number != self._number and packet.kind != STREAMING):
            raise FrameError(self.name, f"packet {packet.kind:02x} answers request {kind:02x}", hint=HINT)
        return packet

    def _packet(self, asked: int) -> Packet:
        data = b""
        try:
            while (size := extent(data)) > len(data):
                came = self._port.read_exactly(size - len(data), _TIMEOUT_S)
                data += came
                if not data:
                    raise MeterOffline(self.name, f"no answer to {asked:02x} within {_TIMEOUT_S:g} s", hint=HINT)
                if len(data) < size:
                    raise ValueError(f"{len(data)} bytes of a packet of {size}")
            return parse(data)
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=HINT) from error


def _open(name: str, address: str) -> Port:
    if tcp_of(address) or "://" in address or address.startswith("/"):
        return SerialPort.open(name, address, baud=115200)
    return BulkPort.open(name, IDS, address, interface=_INTERFACE, out=_OUT, back=_IN)


def _encrypt(key: bytes, plain: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 -- the meter's choice
    return encryptor.update(plain) + encryptor.finalize()


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("ascii", "replace").strip()
