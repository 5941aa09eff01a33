"""Twin of a RuiDeng TC66C: asked with ``getva`` over USB, it answers three encrypted blocks of 64 bytes.

Layout and the published key: as the public readers of this meter agree on (TC66, tc66c-toolkit, rdserialtool).
"""

import re
import struct
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .converter import Limits, Reading, Sense, Updates
from .instrument import Twin
from .link import Link, PtyLink

_KEY = bytes.fromhex("5821fa5601b2f02687ff1204622a4fb086f40260816f9a0ba7f106619ab87288")
"""The same in every unit ever made, and published: no secret."""
_COMMANDS = re.compile(rb"getva|query|gtrec|lastp|nextp|rotat")
_LONGEST_COMMAND_BYTES = 5
_UPDATE_S = 0.1

_VOLTS = Limits(of_reading=0.0005, offset=2e-4, noise=0.1e-3, step=1e-4)
_AMPS = Limits(of_reading=0.001, offset=4e-5, noise=30e-6, step=1e-5)
"""0.05 % + 2 digits and 0.1 % + 4 digits (maker's data); noise is assumed."""
_CELSIUS = 33
_MOST_OHMS = 9999.9


class TC66C(Twin):
    """Averages a tenth of a second at a time; whoever asks gets the last average."""

    def power_up(self) -> None:
        """Wake with empty counters."""
        self._sense = Sense(self.supply, self.rng)
        self._updates = Updates(lambda start, end: self._sense.average(start, end, _VOLTS, _AMPS), _UPDATE_S)
        self._joules_before = self.supply.joules(time.monotonic_ns())

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Open a pseudo-terminal."""
        link = PtyLink(self.name, _cut_commands, self.respond)
        return link, {"port": link.address}

    def answer(self, request: bytes) -> bytes:
        """Answer a query of values or of the mode; screen keys are taken without an answer."""
        if request == b"query":
            return b"firm"  # the application runs, not the boot loader
        if request != b"getva":
            return b""
        shown = self._updates.latest() or Reading(0.0, 0.0)
        mwh = round((self.supply.joules(time.monotonic_ns()) - self._joules_before) / 3.6)
        return encrypt(blocks(shown, self.unit_number, round(mwh / self.supply.profile.volts), mwh))


def _cut_commands(arrived: bytearray) -> list[bytes]:
    """Find commands wherever they stand: line ends and noise between them are passed over."""
    found = list(_COMMANDS.finditer(arrived))
    done = max(found[-1].end() if found else 0, len(arrived) - _LONGEST_COMMAND_BYTES)
    requests = [match.group() for match in found]
    del arrived[:done]
    return requests


def blocks(shown: Reading, serial: int, mah: int, mwh: int) -> bytes:
    """Lay out one answer before encryption; all numbers little endian."""
    first, second, third = bytearray(b"pac1"), bytearray(b"pac2"), bytearray(b"pac3")
    for block in (first, second, third):
        block.extend(bytes(60 - len(block)))
    ohms = min(_MOST_OHMS, max(0.0, shown.volts) / shown.amps if shown.amps > 0 else _MOST_OHMS)
    first[4:12] = b"TC661.14"
    struct.pack_into("<I", first, 12, serial)
    struct.pack_into("<I", first, 44, 1)  # times switched on
    volts_100uv, amps_10ua = max(0, round(shown.volts * 1e4)), max(0, round(shown.amps * 1e5))
    struct.pack_into("<III", first, 48, volts_100uv, amps_10ua, round(volts_100uv * amps_10ua * 1e-5))
    struct.pack_into("<IIIII", second, 4, round(ohms * 10), mah, mwh, 0, 0)
    struct.pack_into("<IIII", second, 24, 0, _CELSIUS, 0, 0)
    return b"".join(bytes(b) + struct.pack("<I", crc16_modbus(b)) for b in (first, second, third))


def encrypt(plain: bytes) -> bytes:
    """AES-256-ECB, as the unit does."""
    encryptor = Cipher(algorithms.AES(_KEY), modes.ECB()).encryptor()  # noqa: S305 -- the instrument's choice
    return encryptor.update(plain) + encryptor.finalize()


def crc16_modbus(data: bytes | bytearray) -> int:
    """Polynomial 0x8005 reflected, initial value 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
