"""Twin of a Nordic Power Profiler Kit II: a hundred thousand samples a second over TCP.

Layout and commands: as Nordic's application and public programs have them.
"""

import time

import numpy as np
from numpy.typing import NDArray

from .converter import Limits, Sense
from .instrument import Twin
from .link import Link, TcpLink
from .pusher import Pusher

_SHUNTS = (1003.35, 101.58, 10.13, 0.951, 0.0433)
"""Ohms; as a unit tells them, and near the factory's."""
_AMPS_OF_STEP = 1.8 / 163840
_MOST_STEPS = 0x3FFF
_SAMPLE_NS, _BEAT_S = 10_000, 0.01
_LOST_SHARE = 0.02

_VOLTS = Limits(of_reading=0.0, offset=0.0, noise=0.0, step=1e-3)
_AMPS = Limits(of_reading=0.02, offset=1e-7, noise=1e-6, step=1e-8)
"""Assumed: much better than Nordic states. Each beat is one conversion, told in a thousand samples."""
_REGULATOR, _MODE, _SOURCE = 0x0D, 0x11, 2
_SIZES = {0x0C: 2, _REGULATOR: 3, _MODE: 2}
"""Commands with arguments → their size; all others are one byte."""


class PPK2(Twin):
    """Measures the board's rail as an ampere meter; as a source it sets the rail's volts too."""

    faults = (*Twin.faults, "lose")

    def power_up(self) -> None:
        """Wake without measuring."""
        self._sense = Sense(self.supply, self.rng)
        self._running = self._source = False
        self._count = self.rng.randrange(64)
        self._sent_ns = time.monotonic_ns()
        self._pusher: Pusher | None = None

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on loopback: a bridge to the unit's serial line."""
        link = TcpLink(self.name, _cut_commands, self.respond)
        self._pusher = Pusher(self.name, _BEAT_S, lambda: self._send(link))
        return link, {"port": f"socket://{link.address}"}

    def answer(self, request: bytes) -> bytes:
        """Tell the calibration; start or stop."""
        if request == b"\x19":
            return self._metadata().encode()
        if request[0] == _MODE:
            self._source = request[1] == _SOURCE
        if request[0] == _REGULATOR and self._source:
            self.supply.set_volts = int.from_bytes(request[1:], "big") / 1e3
        if request in (b"\x06", b"\x07"):
            self._running, self._sent_ns = request == b"\x06", time.monotonic_ns()
        return b""

    def close(self) -> None:
        """Stop sending and listening. May be called twice."""
        if self._pusher is not None:
            self._pusher.close()
        super().close()

    def _metadata(self) -> str:
        lines = ["Calibrated: 0"]
        for name, values in (("R", _SHUNTS), ("GS", (0,) * 5), ("GI", (1,) * 5), ("O", (0,) * 5), ("S", (0,) * 5)):
            lines += [f"{name}{place}: {value:.4f}" for place, value in enumerate(values)]
        lines += [f"I{place}: -nan" for place in range(5)]
        return "\n".join([*lines, f"VDD: {self.supply.set_volts * 1e3:.0f}", "HW: 9173", "mode: 1", "IA: 56", "END"])

    def _send(self, link: TcpLink) -> None:
        begin_ns, now_ns = self._sent_ns, time.monotonic_ns()
        if not self._running or (count := (now_ns - begin_ns) // _SAMPLE_NS) < 1:
            return
        self._sent_ns = begin_ns + count * _SAMPLE_NS
        shown = self._sense.average(begin_ns, self._sent_ns, _VOLTS, _AMPS)
        counters = self._count + np.arange(count)
        self._count += int(count)
        words = self._words(max(0.0, shown.amps), counters)
        if "lose" in self._faults:
            words = words[np.array([self.rng.random() >= _LOST_SHARE for _ in range(0, count, 10)]).repeat(10)[:count]]
        link.push(self.faulty(words.astype("<u4").tobytes()))

    @staticmethod
    def _words(amps: float, counters: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Tell amps on the finest range that holds them, the converter's step dithered to its mean."""
        on = next((r for r, ohms in enumerate(_SHUNTS) if amps * ohms / _AMPS_OF_STEP / 4 < _MOST_STEPS), 4)
        steps = amps * _SHUNTS[on] / _AMPS_OF_STEP / 4
        told = np.minimum(np.floor(steps + (counters % 16 + 0.5) / 16), _MOST_STEPS).astype(np.uint32)
        return (told | np.uint32(on << 14) | (counters % 64).astype(np.uint32) << 18).astype(np.uint32)


def _cut_commands(arrived: bytearray) -> list[bytes]:
    requests: list[bytes] = []
    while arrived and len(arrived) >= (size := _SIZES.get(arrived[0], 1)):
        requests.append(bytes(arrived[:size]))
        del arrived[:size]
    return requests
