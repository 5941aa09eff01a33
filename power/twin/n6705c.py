"""Twin of a Keysight N6705C with one N6781A module: supply, output switch and meter in one frame.

Headers and layout: Keysight N6705C operating and service guide; the module's limits: its data sheet.
"""

import re
import time

from .converter import Limits, Reading, Sense
from .elog import ElogTwin, block_text
from .instrument import Twin
from .link import Link
from .output import Output
from .scpi import Scpi, ScpiError, garbage_line, listen, number

_VOLTS = Limits(of_reading=0.00025, offset=1.2e-3, noise=200e-6, step=10e-6)
_AMPS = Limits(of_reading=0.0003, offset=250e-6, noise=20e-6, step=1e-6)
"""N6781A, 20 V and 3 A ranges, readback accuracy. Noise and step are assumed."""

_TICK_S = 5.12e-6
"""The sweep interval is a multiple of this."""
_SHORTEST_S, _LONGEST_S = _TICK_S, 40_000.0
_MOST_POINTS = 512 * 1024

# Settings that are kept and told, but change nothing in the twin: header → value at power-up.
_KEPT = {
    "FORMat[:DATA]": "ASC",
    "FORMat:BORDer": "NORM",
    "SENSe:FUNCtion:VOLTage": "1",
    "SENSe:FUNCtion:CURRent": "1",
    "SENSe:CURRent[:DC]:RANGe[:UPPer]": "3.00000E+00",
    "SENSe:CURRent[:DC]:RANGe:AUTO": "0",
    "SENSe:CURRent:CCOMpensate": "1",
    "SENSe:VOLTage[:DC]:RANGe[:UPPer]": "2.00000E+01",
    "SENSe:VOLTage[:DC]:RANGe:AUTO": "0",
    "SENSe:SWEep:OFFSet:POINts": "0",
    "SENSe:WINDow[:TYPE]": "RECT",
    "SENSe:SWEep:TINTerval:RESolution": "RES20",
    "TRIGger:ACQuire:SOURce": "BUS",
}


class N6705C(Twin):
    """One channel in use; a reading takes ``points * interval`` from the request on, then it is answered."""

    def power_up(self) -> None:
        """Wake with the sweep of the factory setting: 1024 points of 20.48 µs."""
        self._channel = int(self.options.get("channel", 1))
        self._interval_s, self._points = 20.48e-6, 1024
        self._sense = Sense(self.supply, self.rng)
        self._last: Reading | None = None
        self._kept = dict(_KEPT)
        self._scpi = Scpi()
        self._output = Output(self.supply, self.set_power)
        if self.set_power is not None:
            self.faults = (*Twin.faults, "trip")
        self._identity_commands()
        self._measure_commands()
        self._output_commands()

    def answer(self, request: bytes) -> bytes:
        """Run one message."""
        self._output.protect(forced="trip" in self._faults)
        return self._scpi.answer(request)

    def inject(self, fault: str, on: bool = True) -> None:
        """Switch a fault on or off; a protection trips at once, asked or not."""
        super().inject(fault, on)
        self._output.protect(forced="trip" in self._faults)

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a raw socket."""
        return listen(self.name, self.respond)

    def mangle(self, answer: bytes) -> bytes:
        """Return a line of garbage."""
        return garbage_line(self.rng, answer)

    def _identity_commands(self) -> None:
        on, serial = self._scpi.on, self.options.get("serial_number") or f"MY560{self.unit_number}"
        on("*IDN?", lambda _: f"Keysight Technologies,N6705C,{serial},K.02.06")
        on("*RST", lambda _: self._reset())
        on("SYSTem:ERRor[:NEXT]?", lambda _: self._error())
        on("SYSTem:VERSion?", lambda _: "1999.0")
        on("SYSTem:CHANnel[:COUNt]?", lambda _: "1")
        on("SYSTem:CHANnel:MODel?", lambda a: self._here(a[0], "N6781A"))
        on("SYSTem:CHANnel:SERial?", lambda a: self._here(a[0], f"MY561{self.unit_number}"))

    def _measure_commands(self) -> None:
        on = self._scpi.on
        on("SENSe:SWEep:TINTerval", lambda a: self._set_interval(a[0], a[1]))
        on("SENSe:SWEep:TINTerval?", lambda a: self._here(a[0], f"{self._interval_s:.5E}"))
        on("SENSe:SWEep:POINts", lambda a: self._set_points(a[0], a[1]))
        on("SENSe:SWEep:POINts?", lambda a: self._here(a[0], str(self._points)))
        on("MEASure[:SCALar]:VOLTage[:DC]?", lambda a: self._here(a[0], f"{self._acquire().volts:.6E}"))
        on("MEASure[:SCALar]:CURRent[:DC]?", lambda a: self._here(a[0], f"{self._acquire().amps:.6E}"))
        on("FETCh[:SCALar]:VOLTage[:DC]?", lambda a: self._here(a[0], f"{self._fetch().volts:.6E}"))
        on("FETCh[:SCALar]:CURRent[:DC]?", lambda a: self._here(a[0], f"{self._fetch().amps:.6E}"))
        on("MEASure:ARRay:CURRent[:DC]?", lambda a: self._here(a[0], "") or self._array(amps=True, sweep=True))
        on("FETCh:ARRay:VOLTage[:DC]?", lambda a: self._here(a[0], "") or self._array(amps=False, sweep=False))
        on("ABORt:ACQuire", lambda _: None)
        self._log = ElogTwin(self._sense_over, lambda: self._kept["FORMat:BORDer"])
        self._log.commands(on, self._here)
        for header in _KEPT:
            on(header, lambda a, h=header: self._keep(h, a[0]))
            on(header + "?", lambda _, h=header: self._kept[h])

    def _output_commands(self) -> None:
        on, output = self._scpi.on, self._output
        on("OUTPut[:STATe]", lambda a: self._at(a[1]).switch(a[0]))
        on("OUTPut[:STATe]?", lambda a: self._here(a[0], str(int(output.enabled))))
        on("OUTPut:PROTection:CLEar", lambda a: self._at(a[0]).clear())
        on("STATus:QUEStionable:CONDition?", lambda a: self._here(a[0], f"{output.tripped:+d}"))
        for header in output.levels:
            on(header, lambda a, h=header: self._at(a[1]).set_level(h, number(a[0])))
            on(header + "?", lambda a, h=header: self._here(a[0], f"{output.levels[h]:+.5E}"))
        on("[SOURce:]CURRent:PROTection:STATe", lambda a: self._at(a[1]).set_ocp(a[0]))
        on("[SOURce:]CURRent:PROTection:STATe?", lambda a: self._here(a[0], str(int(output.ocp))))

    def _here(self, channels: str, answer: str) -> str:
        """Answer for the one channel that has a module; the list must name it alone."""
        if not re.fullmatch(rf"\(@\s*{self._channel}\s*\)", channels):
            raise ScpiError(-241, "Hardware missing")
        return answer

    def _at(self, channels: str) -> Output:
        """Return the one output; the list must name it alone."""
        self._here(channels, "")
        return self._output

    def _error(self) -> str:
        error = self._scpi.pop_error()
        return f'{error.code:+d},"{error.text}"'

    def _keep(self, header: str, value: str) -> None:
        self._kept[header] = {"ON": "1", "OFF": "0"}.get(value.upper(), value.upper())

    def _reset(self) -> None:
        """``*RST`` also opens the outputs."""
        self._interval_s, self._points, self._kept = 20.48e-6, 1024, dict(_KEPT)
        if self.set_power is not None:
            self._output.switch("OFF")

    def _set_interval(self, value: str, channels: str) -> None:
        self._here(channels, "")
        wanted_s = number(value)
        if not _SHORTEST_S <= wanted_s <= _LONGEST_S:
            raise ScpiError(-222, "Data out of range")
        self._interval_s = round(wanted_s / _TICK_S) * _TICK_S

    def _set_points(self, value: str, channels: str) -> None:
        self._here(channels, "")
        points = int(number(value))
        if not 1 <= points <= _MOST_POINTS:
            raise ScpiError(-222, "Data out of range")
        self._points = points

    def _sense_over(self, start_ns: int, end_ns: int) -> Reading:
        return self._sense.average(start_ns, end_ns, _VOLTS, _AMPS)

    def _array(self, *, amps: bool, sweep: bool) -> str:
        """Return the samples of a sweep: the twin's rail is smooth within one, so all are its mean."""
        reading = self._acquire() if sweep else self._fetch()
        values = [reading.amps if amps else reading.volts] * self._points
        return block_text(values, self._kept["FORMat:BORDer"])

    def _acquire(self) -> Reading:
        """Take a sweep of both quantities, begun now."""
        start_ns = time.monotonic_ns()
        end_ns = start_ns + round(self._interval_s * self._points * 1e9)
        while (left_ns := end_ns - time.monotonic_ns()) > 0 and not self.closing:
            self.pause(left_ns / 1e9)
        if self.closing:
            raise ScpiError(-210, "Trigger error")
        self._last = self._sense.average(start_ns, end_ns, _VOLTS, _AMPS)
        return self._last

    def _fetch(self) -> Reading:
        """Return the other quantity of the last sweep."""
        if self._last is None:
            raise ScpiError(-230, "Data corrupt or stale")
        return self._last
