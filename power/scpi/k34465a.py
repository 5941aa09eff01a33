"""Keysight 34465A and 34470A multimeters, on demand.

Commands as in the Truevolt series operating and service guide and in Qcodes' driver. Not yet tried on a unit here.
"""

from collections.abc import Sequence
from typing import ClassVar

from .asked import Ask, Way
from .multimeter import Limits, Multimeter
from .port import ScpiPort
from .setup import settle

_AMPS: Limits = {
    100e-6: (5e-4, 2.5e-4),
    1e-3: (5e-4, 6e-5),
    10e-3: (5e-4, 2e-4),
    100e-3: (5e-4, 5e-5),
    1.0: (8e-4, 1e-4),
    3.0: (2e-3, 2e-4),
    10.0: (1.2e-3, 1e-4),
}
_VOLTS: Limits = {
    0.1: (5e-5, 3.5e-5),
    1.0: (4e-5, 7e-6),
    10.0: (3e-5, 4e-6),
    100.0: (4e-5, 6e-6),
    1000.0: (4e-5, 6e-6),
}


class Keysight34465A(Multimeter):
    """Amps or volts, some ten readings a second on demand."""

    class Config(Multimeter.Config):
        """Options in the inventory."""

        ranges: ClassVar[dict[str, Limits]] = {"amps": _AMPS, "volts": _VOLTS}

    models = ("34465A", "34470A", "34461A", "34460A")
    source = "assumed after the Truevolt data sheet, one year; not looked up"
    aperture = "{f}:DC:APER?"

    @classmethod
    def prepare(cls, port: ScpiPort, options: Multimeter.Config) -> list[str]:
        """Choose quantity, range and aperture; all else as after ``CONF``: one reading for each question."""
        function, chosen = options.function, "AUTO" if options.range is None else f"{options.range:g}"
        kept: dict[str, float | str] = {"CONF?": function}
        if options.range is not None:
            kept[f"{function}:DC:RANG?"] = options.range
        return settle(
            port,
            wanted=("ABOR",),  # what an earlier user left measuring
            deciding=(f"CONF:{function}:DC {chosen}",),
            then=(f"{function}:DC:APER {options.aperture_s:g}",),
            kept=kept,
            hint="is it wired to the terminals of that range?",
        )

    @classmethod
    def ways(cls, options: Multimeter.Config) -> Sequence[Way]:
        """Measure once and answer."""
        fields = (options.measures,)
        return (Way((Ask("READ?", fields),)), Way((Ask(f"MEAS:{options.function}:DC?", fields),)))
