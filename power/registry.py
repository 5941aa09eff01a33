"""Driver names → where the driver lives. A new meter is one file, one line here, one test class."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .decoded import Decode
    from .meter import Meter
    from .switch import PowerSwitch

METERS = {
    "fnb58": "power.usb.fnirsi:FNB58",
    "2281s": "power.scpi.k2281s:Keithley2281S",
    "34465a": "power.scpi.k34465a:Keysight34465A",
    "dmm6500": "power.scpi.keithley_dmm:DMM6500",
    "dmm7510": "power.scpi.keithley_dmm:DMM7510",
    "dp832": "power.scpi.supply_meters:DP832",
    "hmp4040": "power.scpi.supply_meters:HMP4040",
    "ina3221": "power.onboard.ina3221:Ina3221",
    "js220": "power.usb.joulescope:JS220",
    "ka3005p": "power.scpi.korad:KA3005P",
    "km003c": "power.usb.km003c:KM003C",
    "lpm01a": "power.usb.lpm01a:LPM01A",
    "n6705c": "power.scpi.n6705c:N6705C",
    "nge100": "power.scpi.supply_meters:NGE100",
    "ngl": "power.scpi.supply_meters:NGL",
    "nvml": "power.onboard.nvml:NvmlMeter",
    "otii": "power.usb.otii:Otii",
    "ppk2": "power.usb.ppk2:PPK2",
    "ptdaemon": "power.ptd.daemon:PtDaemon",
    "rapl": "power.onboard.rapl:Rapl",
    "scpi": "power.scpi.generic:GenericScpi",
    "sigrok": "power.sigrok:Sigrok",
    "spd1000x": "power.scpi.supply_meters:SPD1000X",
    "spd3303x": "power.scpi.supply_meters:SPD3303X",
    "tc66c": "power.usb.tc66c:TC66C",
    "tegrastats": "power.onboard.tegrastats:Tegrastats",
    "um24c": "power.usb.um:UM24C",
    "um25c": "power.usb.um:UM25C",
    "um34c": "power.usb.um:UM34C",
    "wt310e": "power.scpi.wt310e:WT310E",
    "wt330": "power.scpi.wt310e:WT330",
}
"""Meters that ship here. Paths, not classes: a driver's libraries load on first use."""

DECODERS = {
    "fnb58": "power.usb.fnirsi_frames:decode",
    "km003c": "power.usb.km003c_packets:decode",
    "lpm01a": "power.usb.lpm01a_stream:decode",
    "ppk2": "power.usb.ppk2_samples:decode",
    "ptdaemon": "power.ptd.line:decode",
    "tc66c": "power.usb.tc66c:decode",
    "um24c": "power.usb.um:decode",
    "um25c": "power.usb.um:decode",
    "um34c": "power.usb.um:decode",
}
"""Meters whose units send frames → the function that reads captured ones (:class:`power.decoded.Decode`)."""

LINE_DECODERS = {
    "tegrastats": "power.onboard.tegrastats_line:decode",
}
"""Programs that print lines of many values → the function that yields a dictionary a line; ValueError names a line."""

SWITCHES = {
    "command": "power.pdu.command:Command",
    "pdudaemon": "power.pdu.pdudaemon:PduDaemon",
    "scpi-output": "power.pdu.scpi_output:ScpiOutput",
    "serial-relay": "power.pdu.serial_relay:SerialRelay",
    "shelly": "power.pdu.shelly:Shelly",
    "snmp-pdu": "power.pdu.snmp:SnmpPdu",
    "tasmota": "power.pdu.tasmota:Tasmota",
    "uhubctl": "power.pdu.uhubctl:UHubCtl",
}
"""Power switches that ship here."""


def _with_plugins(ours: dict[str, str], group: str) -> dict[str, str]:
    theirs = {entry.name: entry.value for entry in entry_points(group=group)}
    if twice := ours.keys() & theirs.keys():
        raise ImportError(f"{group}: driver named twice: {', '.join(sorted(twice))}")
    return ours | theirs


@cache
def known_meters() -> dict[str, str]:
    """Ours, then what installed packages add under ``edge_test_farm.meters``."""
    return _with_plugins(METERS, "edge_test_farm.meters")


@cache
def known_switches() -> dict[str, str]:
    """Ours, then what installed packages add under ``edge_test_farm.switches``."""
    return _with_plugins(SWITCHES, "edge_test_farm.switches")


def _load(path: str) -> Any:  # noqa: ANN401 -- what it is, only the caller's table knows
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def load_meter(driver: str) -> "type[Meter]":
    """Return the class behind a name of :func:`known_meters`; KeyError for any other."""
    return cast("type[Meter]", _load(known_meters()[driver]))


def known_decoders() -> dict[str, str]:
    """Drivers whose captured frames can be read without the unit."""
    return DECODERS


def load_decoder(driver: str) -> "Decode":
    """Return the function behind a name of :func:`known_decoders`; KeyError for any other."""
    return cast("Decode", _load(known_decoders()[driver]))


def load_line_decoder(driver: str) -> "Callable[[str], Iterator[dict[str, Any]]]":
    """Return the function behind a name of :data:`LINE_DECODERS`; KeyError for any other."""
    return cast("Callable[[str], Iterator[dict[str, Any]]]", _load(LINE_DECODERS[driver]))


def load_switch(driver: str) -> "type[PowerSwitch]":
    """Return the class behind a name of :func:`known_switches`; KeyError for any other."""
    return cast("type[PowerSwitch]", _load(known_switches()[driver]))
