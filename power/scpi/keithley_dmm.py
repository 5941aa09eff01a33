"""Keithley DMM6500 and DMM7510 multimeters, on demand.

Commands as in the reference manuals (DMM6500-901-01, DMM7510-901-01), in pymeasure's and in Qcodes' drivers. The unit
must be set to the SCPI command set. Not yet tried on a unit here.
"""

from collections.abc import Sequence
from typing import ClassVar

from .asked import Ask, Way
from .multimeter import Limits, Multimeter
from .port import ScpiPort
from .setup import settle


def _same(ranges: Sequence[float], of_reading: float, of_range: float) -> Limits:
    return dict.fromkeys(ranges, (of_reading, of_range))


_AMPS_RANGES = (10e-6, 100e-6, 1e-3, 10e-3, 100e-3, 1.0, 3.0, 10.0)
_VOLTS_RANGES = (0.1, 1.0, 10.0, 100.0, 1000.0)


class DMM6500(Multimeter):
    """Amps or volts, some ten readings a second on demand."""

    class Config(Multimeter.Config):
        """Options in the inventory."""

        ranges: ClassVar[dict[str, Limits]] = {
            "amps": {**_same(_AMPS_RANGES[:-2], 5e-4, 1e-4), 3.0: (1.2e-3, 1e-4), 10.0: (3e-3, 2e-4)},
            "volts": _same(_VOLTS_RANGES, 6e-5, 3.5e-5),
        }

    models = ("DMM6500",)
    source = "assumed, wider than the DMM6500 data sheet, one year; not looked up"
    aperture = ":SENS:{f}:APER?"

    @classmethod
    def prepare(cls, port: ScpiPort, options: Multimeter.Config) -> list[str]:
        """Choose quantity, range and aperture."""
        function = options.function
        chosen = (
            f":SENS:{function}:RANG:AUTO ON" if options.range is None else f":SENS:{function}:RANG {options.range:g}"
        )
        kept: dict[str, float | str] = {":SENS:FUNC?": function}
        if options.range is not None:
            kept[f":SENS:{function}:RANG?"] = options.range
        return settle(
            port,
            wanted=("ABOR", ":FORM ASC"),
            deciding=(f':SENS:FUNC "{function}:DC"', chosen),
            then=(f":SENS:{function}:APER {options.aperture_s:g}",),
            kept=kept,
            hint="is its command set SCPI (menu, settings), and is it wired to the terminals of that range?",
        )

    @classmethod
    def ways(cls, options: Multimeter.Config) -> Sequence[Way]:
        """Measure once and answer."""
        fields = (options.measures,)
        return (Way((Ask(":READ?", fields),)), Way((Ask(f":MEAS:{options.function}:DC?", fields),)))


class DMM7510(DMM6500):
    """As the DMM6500, and more accurate."""

    class Config(DMM6500.Config):
        """Options in the inventory."""

        ranges: ClassVar[dict[str, Limits]] = {
            "amps": {**_same(_AMPS_RANGES[:-2], 4e-4, 5e-5), 3.0: (8e-4, 1e-4), 10.0: (2e-3, 2e-4)},
            "volts": _same(_VOLTS_RANGES, 3e-5, 1e-5),
        }

    models = ("DMM7510",)
    source = "assumed, wider than the DMM7510 data sheet, one year; not looked up"
