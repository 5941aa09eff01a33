"""Twin of Qoitech's Otii application with one Arc: JSON lines over TCP.

Requests and answers: as Qoitech's own client for Python has them.
"""

import json
import math
import time
from typing import Any

from .converter import Limits, Sense
from .instrument import Twin
from .link import Link, TcpLink, cut_lines

_RATES_HZ = {"mc": 4000, "mv": 1000}
_SENSE_HZ = 100
"""Conversions of the twin a second: each is told in as many samples as the channel has."""

_VOLTS = Limits(of_reading=0.001, offset=1.5e-3, noise=0.1e-3, step=1e-4)
_AMPS = Limits(of_reading=0.001, offset=5e-5, noise=1e-5, step=1e-7)
"""0.1 % and 50 uA, as the driver takes them; noise is assumed."""


class Otii(Twin):
    """One unit, one project, one recording at a time. Logged in from the start, its licence free."""

    def power_up(self) -> None:
        """Wake without a recording."""
        self._sense = Sense(self.supply, self.rng)
        self._device = str(self.options.get("serial_number") or f"2D0047003{self.unit_number}")
        self._recording = 0
        self._begun_ns: int | None = None
        self._shown: list[tuple[float, float]] = []

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on loopback."""
        link = TcpLink(self.name, cut_lines, self.respond)
        return link, {"address": link.address}

    def answer(self, request: bytes) -> bytes:
        """Answer one line with one."""
        asked: dict[str, Any] = json.loads(request)
        head = {"trans_id": asked.get("trans_id", ""), "cmd": asked.get("cmd", "")}
        try:
            data = self._data(str(head["cmd"]), asked.get("data", {}))
        except (KeyError, ValueError):
            return _line({"type": "error", **head, "errorcode": "Invalid command", "data": {}})
        return _line({"type": "response", **head, "data": data})

    def mangle(self, answer: bytes) -> bytes:
        """Return a line of garbage."""
        return self.rng.randbytes(len(answer) // 2).hex()[: len(answer) - 2].encode() + b"\r\n"

    def _data(self, command: str, data: dict[str, Any]) -> dict[str, Any]:
        if command == "recording_get_channel_data":
            return self._samples(str(data["channel"]), int(data["index"]), int(data["count"]))
        if command == "recording_get_channel_data_count":
            return {"count": self._count(str(data["channel"]))}
        if command == "project_start_recording":
            self._recording, self._begun_ns, self._shown = self._recording + 1, time.monotonic_ns(), []
        if command == "project_stop_recording":
            self._begun_ns = None
        if command == "arc_get_value":
            now_ns = time.monotonic_ns()
            shown = self._sense.average(now_ns - 1_000_000, now_ns, _VOLTS, _AMPS)
            return {"value": shown.amps if data["channel"] == "mc" else shown.volts}
        return self._fixed(command)

    def _fixed(self, command: str) -> dict[str, Any]:
        licence = {"id": 7, "type": "Automation", "available": True, "reserved_to": ""}
        return {
            "otii_is_logged_in": {"logged_in": True},
            "otii_get_licenses": {"licenses": [licence]},
            "otii_reserve_license": {},
            "otii_get_devices": {"devices": [{"device_id": self._device, "name": "Arc", "type": "Arc"}]},
            "otii_get_active_project": {"project_id": 1},
            "arc_enable_channel": {},
            "project_start_recording": {},
            "project_stop_recording": {},
            "project_get_last_recording": {"recording_id": self._recording, "name": "Recording"},
            "recording_delete": {},
        }[command]

    def _count(self, channel: str) -> int:
        if self._begun_ns is None:
            return 0
        whole = (time.monotonic_ns() - self._begun_ns) * _SENSE_HZ // 1_000_000_000
        while len(self._shown) < whole:
            edges = [self._begun_ns + n * 1_000_000_000 // _SENSE_HZ for n in (len(self._shown), len(self._shown) + 1)]
            shown = self._sense.average(edges[0], edges[1], _VOLTS, _AMPS)
            self._shown.append((shown.volts, shown.amps))
        return len(self._shown) * (_RATES_HZ[channel] // _SENSE_HZ)

    def _samples(self, channel: str, index: int, count: int) -> dict[str, Any]:
        each, rate_hz = _RATES_HZ[channel] // _SENSE_HZ, _RATES_HZ[channel]
        which = 1 if channel == "mc" else 0
        end = min(index + count, self._count(channel))
        values = [round(self._shown[n // each][which], 7) for n in range(index, end)]
        return {"data_type": "analog", "timestamp": index / rate_hz, "interval": 1 / rate_hz, "values": values}


def _line(answer: dict[str, Any]) -> bytes:
    if any(isinstance(v, float) and math.isnan(v) for v in answer["data"].values()):
        raise ValueError("JSON has no NaN")
    return json.dumps(answer).encode() + b"\r\n"
