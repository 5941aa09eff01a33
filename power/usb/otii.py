"""Qoitech Otii Arc and Ace, through the TCP server of the Otii application.

Requests and answers: as Qoitech's own client for Python (otii-tcp-client-python) has them. Not yet tried on a unit
here.
"""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, SecretStr

from ..block import Block, Flag
from ..errors import FrameError, InstrumentFault, MeterOffline, PowerError, WrongInstrument
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter, again
from ..port import Port
from ..timebase import TimeBase
from .serial_port import SerialPort

_END = b"\r\n"
_TIMEOUT_S, _LOGIN_TIMEOUT_S = 1.0, 10.0
"""Assumed: the application answers at once, but a login and a licence come from Qoitech's servers."""
_SLOW = ("otii_login", "otii_reserve_license")
_HINT = "is the Otii application running, its TCP server on, and the unit plugged in?"
_REFUSALS = {
    "Connection denied": "the server takes one client at a time: close the other one",
    "Could not login": "look at username and password in the inventory",
    "Not logged in": "give username and password, or log in in the Otii application",
    "No license": "an Automation licence is needed: look at the licences of this account",
    "License could not be reserved": "another computer holds the licence: return it there",
    "Device not connected": _HINT,
}
"""What the server refuses → what to look at. Its error codes, from Qoitech's client."""
_LICENSES = ("Automation", "All", "Admin", "Enterprise")
_AMPS, _VOLTS = "mc", "mv"
_READING_S = 1e-3
_POLL_S = 0.1
_MOST_SAMPLES = 2_000
"""In one answer: half a second, and 16 kB, which come within the timeout on a busy host as well. Qoitech's own client
asks for 40 000, but what has gathered while this machine stood still would then be late again and again."""
_MOST_LINES = 1000
_SILENT_S = 3.0


class Server:
    """The application's TCP server: a question and its answer at a time."""

    def __init__(self, name: str, port: Port) -> None:
        """Sit on an open port."""
        self._name, self._port = name, port
        self._number = 0

    def ask(self, command: str, **data: object) -> dict[str, Any]:
        """Return the data of the answer.

        Raises:
            MeterOffline: silence, or the link is broken.
            FrameError: what came is no answer.
            InstrumentFault: the server refuses.
        """
        self._number += 1
        request = {"type": "request", "cmd": command, "trans_id": str(self._number), "data": data}
        try:
            self._port.discard()
            self._port.write(json.dumps(request).encode() + _END)
            for _ in range(_MOST_LINES):
                answer = self._line(command)
                if answer.get("trans_id") == str(self._number) and answer.get("type") in ("response", "error"):
                    break
            else:
                raise FrameError(self._name, f"{command}: {_MOST_LINES} lines, and none answers", hint=_HINT)
        except OSError as error:
            raise MeterOffline(self._name, f"{command}: {error}", hint=_HINT) from error
        if answer["type"] == "error":
            code = str(answer.get("errorcode", "no error code"))
            raise InstrumentFault(
                self._name, f"{command}: {code} {answer.get('data', '')}".strip(), hint=_REFUSALS.get(code, _HINT)
            )
        return self._dictionary(command, answer.get("data", {}))

    def number(self, command: str, field: str, **data: object) -> float:
        """Return one number of the answer's data; raises as :meth:`ask`."""
        value = self.ask(command, **data).get(field)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise FrameError(self._name, f"{command}: {field} is {value!r}, not a number", hint=_HINT)
        return float(value)

    def close(self) -> None:
        """Close the link. May be called twice."""
        self._port.close()

    def _line(self, command: str) -> dict[str, Any]:
        timeout_s = _LOGIN_TIMEOUT_S if command in _SLOW else _TIMEOUT_S
        line = self._port.read_line(_END, timeout_s)
        if not line:
            raise MeterOffline(self._name, f"{command}: no answer within {timeout_s:g} s", hint=_HINT)
        try:
            if not line.endswith(_END):
                raise ValueError("half a line")
            return self._dictionary(command, json.loads(line))
        except ValueError as error:
            raise FrameError(self._name, f"{command}: {error} in {line[:60]!r}", hint=_HINT) from error

    def _dictionary(self, command: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise FrameError(self._name, f"{command}: {str(value)[:60]!r} is no answer", hint=_HINT)
        return cast("dict[str, Any]", value)


class Otii(PolledMeter):
    """Volts and amps of the main channel, a thousand readings a second out of a recording.

    A reading is the mean of the samples in its millisecond (four of amps and one of volts with an Arc), ``t_ns`` its
    middle by the recording's own time. The recording is deleted when the stream ends.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        address: str = "127.0.0.1:1905"
        """Host and port of the Otii application's TCP server."""
        serial_number: str | None = None
        """What the server calls ``device_id``; absent: the only unit that is plugged in."""
        username: str | None = None
        """Of the Qoitech account; absent where the application is logged in already."""
        password: SecretStr | None = None

    rate_hz = 1 / _READING_S
    aperture_s = _READING_S
    accuracy = Accuracy(
        volts=Tolerance(0.001, 1.5e-3),
        amps=Tolerance(0.001, 5e-5),
        source="Qoitech, 'How accurate is your low current measurement?': Arc 0.1 % + 50 nA on its low range; volts "
        "and 50 uA for the high range are assumed",
    )

    def __init__(
        self, name: str, server: Server, device: str, project: int = 1, identity: Identity | None = None
    ) -> None:
        """Sit on a server that is logged in, with the channels enabled."""
        super().__init__(name, identity or Identity("Qoitech", "Otii Arc", device))
        self._server, self._device, self._project = server, device, project
        self.clock = TimeBase()
        """Maps the recording's milliseconds; it keeps how late they have come."""

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Connect, log in, reserve a licence, and find the unit.

        Raises:
            MeterOffline: nothing answers there, or no unit is plugged in.
            InstrumentFault: the server refuses: login, licence.
            WrongInstrument: another unit is plugged in.
        """
        options = cls.Config.model_validate(config)
        server = Server(name, SerialPort.open(name, options.address, baud=115200))
        try:
            again(lambda: _log_in(server, options))
            device, kind = again(lambda: _device(name, server, options.serial_number))
            for channel in (_AMPS, _VOLTS):
                enable = {"device_id": device, "channel": channel, "enable": True}
                again(lambda enable=enable: server.ask("arc_enable_channel", **enable))
            project = round(again(lambda: server.number("otii_get_active_project", "project_id")))
            if project < 0:
                project = round(server.number("otii_create_project", "project_id"))
        except BaseException:
            server.close()
            raise
        return cls(name, server, device, project, Identity("Qoitech", f"Otii {kind}", device))

    def read(self) -> Block:
        """Return the unit's values now, shape (1,).

        Raises:
            MeterOffline: no answer.
            FrameError: no number.
            InstrumentFault: the server refuses.
        """
        asked_ns = time.monotonic_ns()
        amps = self._server.number("arc_get_value", "value", device_id=self._device, channel=_AMPS)
        middle_ns = (asked_ns + time.monotonic_ns()) // 2
        volts = self._server.number("arc_get_value", "value", device_id=self._device, channel=_VOLTS)
        return Block.one(middle_ns, volts, amps)

    def stream(self) -> Iterator[Block]:
        """Record, and yield what has been recorded, in time order, until the caller stops; raises as :meth:`read`."""
        self._server.ask("project_start_recording", project_id=self._project)
        recording = round(self._server.number("project_get_last_recording", "recording_id", project_id=self._project))
        self.clock = TimeBase()
        channels = [Channel(self.name, self._server, recording, self._device, which) for which in (_VOLTS, _AMPS)]
        done, heard_ns, pace = 0, time.monotonic_ns(), Pace(_POLL_S)
        try:
            while True:
                pace.wait()
                for channel in channels:
                    again(channel.fetch)  # what was not delivered is still in the recording
                arrived_ns = time.monotonic_ns()
                count = min(channel.ready for channel in channels)
                if count:
                    (volts, lost_volts), (amps, lost_amps) = (channel.take(count) for channel in channels)
                    ticks = done + np.arange(1, count + 1)
                    t_ns = self.clock.place(ticks / self.rate_hz, arrived_ns) - round(_READING_S * 5e8)
                    done, heard_ns = done + count, arrived_ns
                    yield Block(t_ns, volts, amps, lost_volts | lost_amps)
                elif (silent_s := (arrived_ns - heard_ns) / 1e9) > _SILENT_S:
                    raise MeterOffline(self.name, f"nothing was recorded for {silent_s:.1f} s", hint=_HINT)
        finally:
            with suppress(PowerError):
                self._server.ask("project_stop_recording", project_id=self._project)
                self._server.ask("recording_delete", recording_id=recording)

    def close(self) -> None:
        """Close the link; a licence that was reserved goes back with it. May be called twice."""
        self._server.close()


class Channel:
    """One channel of a recording, fetched as it grows, and averaged over milliseconds."""

    def __init__(self, name: str, server: Server, recording: int, device: str, channel: str) -> None:
        """Begin at the recording's start."""
        self._name, self._server = name, server
        self._where = {"recording_id": recording, "device_id": device, "channel": channel}
        self._index = 0
        self._share = 1
        self._begun_s: float | None = None
        self._held: NDArray[np.float64] = np.empty(0)
        self._lost: list[int] = []

    @property
    def ready(self) -> int:
        """How many whole milliseconds wait."""
        return len(self._held) // self._share

    def fetch(self) -> None:
        """Ask for what is new; raises as :meth:`Server.ask`."""
        count = round(self._server.number("recording_get_channel_data_count", "count", **self._where)) - self._index
        if count <= 0:
            return
        data = self._server.ask(
            "recording_get_channel_data", **self._where, index=self._index, count=min(count, _MOST_SAMPLES)
        )
        try:
            values = np.array(data["values"], np.float64)
            interval_s, first_s = float(data["interval"]), float(data["timestamp"])
        except (KeyError, TypeError, ValueError) as error:
            raise FrameError(
                self._name, f"channel {self._where['channel']}: no samples: {error!r}", hint=_HINT
            ) from error
        self._share = round(_READING_S / interval_s) if 0 < interval_s <= _READING_S else 0
        if not self._share or abs(self._share * interval_s - _READING_S) > 0.01 * _READING_S:
            hint = "set the channel's sample rate to a multiple of 1000 a second in the Otii application"
            raise InstrumentFault(
                self._name, f"channel {self._where['channel']} has a sample every {interval_s:g} s", hint=hint
            )
        self._begun_s = first_s - self._index * interval_s if self._begun_s is None else self._begun_s
        if abs(first_s - self._begun_s - self._index * interval_s) > _READING_S:
            self._lost.append(len(self._held))
            self._begun_s = first_s - self._index * interval_s
        self._index += len(values)
        self._held = np.concatenate([self._held, values])

    def take(self, count: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Return means of the oldest ``count`` milliseconds, and flags where the recording has a hole."""
        size = count * self._share
        means = self._held[:size].reshape(count, self._share).mean(axis=1)
        flags = np.zeros(count, np.uint8)
        flags[[place // self._share for place in self._lost if place < size]] = Flag.LOST_BEFORE
        self._held = self._held[size:]
        self._lost = [place - size for place in self._lost if place >= size]
        return means, flags


def _log_in(server: Server, options: Otii.Config) -> None:
    """Log in and reserve a licence; an application that knows neither command answers without."""
    try:
        _with_licence(server, options)
    except InstrumentFault as fault:
        if options.username is not None or any(code in str(fault) for code in _REFUSALS):
            raise


def _with_licence(server: Server, options: Otii.Config) -> None:
    if not server.ask("otii_is_logged_in").get("logged_in") and options.username and options.password:
        server.ask("otii_login", username=options.username, password=options.password.get_secret_value())
    licenses = cast("list[dict[str, Any]]", server.ask("otii_get_licenses").get("licenses", []))
    ours = [one for one in licenses if one.get("type") in _LICENSES and one.get("available")]
    if not any(one.get("reserved_to") for one in ours):
        free = next((one.get("id") for one in ours if not one.get("reserved_to")), None)
        if free is not None:
            server.ask("otii_reserve_license", license_id=free)


def _device(name: str, server: Server, serial_number: str | None) -> tuple[str, str]:
    devices = cast("list[dict[str, Any]]", server.ask("otii_get_devices", timeout=10).get("devices", []))
    found = [one for one in devices if one.get("type") in ("Arc", "Ace")]
    ours = [one for one in found if serial_number in (None, one.get("device_id"))]
    if not found or (serial_number is None and len(found) != 1):
        raise MeterOffline(name, f"{len(found)} units are plugged in, not one", hint=_HINT)
    if not ours:
        names = ", ".join(str(one.get("device_id")) for one in found)
        raise WrongInstrument(name, f"{names} is plugged in, not {serial_number}", hint=_HINT)
    return str(ours[0]["device_id"]), str(ours[0]["type"])
