"""RAPL: the energy that an Intel or AMD processor counts for itself, by Linux' powercap.

The processor's package only: no board, no drive, no loss of the supply. Files as in the kernel's
``Documentation/power/powercap``; not yet tried on a processor here.
"""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block
from ..errors import MeterOffline, UnknownChoice
from ..kind import Kind
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter, again
from .clock import Time
from .counter import CounterPower
from .files import HINT, Files, listing, read_number
from .reach import Here, Reach

_ZONES = "sys/class/powercap/intel-rapl:*/name"
"""AMD's processors have theirs under Intel's name too. ``intel-rapl-mmio`` shows the same package twice."""
_MICRO = 1e-6


class Rapl(PolledMeter):
    """Mean watts of a processor's package, or of a part of it, between one look at its counter and the next."""

    verified: ClassVar[tuple[str, ...]] = ("published layout",)
    accuracy = Accuracy(
        None,
        None,
        "assumed: Intel states no limits; public comparisons with an outside meter lie within a few percent",
        watts=Tolerance(0.05, 0.1),
        assumed=True,
    )

    kinds: ClassVar[tuple[Kind, ...]] = ("chip",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        root: str = "/"
        """The folder above ``sys``."""
        zone: str = "package-0"
        """As ``name`` in its folder says; a part of a package as ``package-0/core``."""
        rate_hz: float = Field(10.0, gt=0, le=100)
        """The counter moves about every millisecond."""

    def __init__(
        self,
        name: str,
        files: Files,
        options: "Rapl.Config",
        *,
        energy: str,
        range_joules: float,
        clock: Time = time,
    ) -> None:
        """Sit on the counter at the path ``energy``."""
        super().__init__(name, Identity("", f"RAPL {options.zone} (processor only)"))
        self.rate_hz = options.rate_hz
        self.aperture_s = 1 / options.rate_hz
        self._files = files
        self._power = CounterPower(
            name,
            lambda: read_number(name, files, energy) * _MICRO,
            period_s=self.aperture_s,
            wraps_at_joules=range_joules,
            clock=clock,
        )

    @classmethod
    def estimated_why(cls, options: Mapping[str, Any]) -> str:  # noqa: ARG003 -- it always is
        """Return what RAPL is."""
        return "RAPL is the processor's own account, on older ones a model; its maker states no limits of error"

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Find the zone of this machine; raises as :meth:`on`."""
        return cls.open_on(name, config, Here())

    @classmethod
    def open_on(cls, name: str, config: BaseModel, reach: Reach) -> Self:
        """Find the zone of a machine, below ``root``; raises as :meth:`on`."""
        options = cls.Config.model_validate(config)
        files = reach.files(options.root)
        try:
            return cls.on(name, files, options)
        except BaseException:
            files.close()
            raise

    @classmethod
    def on(cls, name: str, files: Files, options: "Rapl.Config") -> Self:
        """Find the zone among files that are here or on a board.

        Raises:
            MeterOffline: there are no zones.
            UnknownChoice: none of that name, or several.
            InstrumentFault: only root may read its counter.
        """
        folder = _folder(name, files, options.zone)
        range_uj = read_number(name, files, f"{folder}/max_energy_range_uj")
        energy = f"{folder}/energy_uj"
        again(lambda: read_number(name, files, energy))
        return cls(name, files, options, energy=energy, range_joules=range_uj * _MICRO)

    def read(self) -> Block:
        """Return the mean over the stretch since the last reading, shape (1,).

        Raises:
            MeterOffline: the counter is gone, or stands still; or a board's answers come too slowly.
            FrameError: it shows no number.
        """
        t_ns, watts, flags = self._power.next()
        return Block.one(t_ns, float("nan"), float("nan"), flags, watts=watts)

    def close(self) -> None:
        """Let go of the machine. May be called twice."""
        self._files.close()


def _folder(name: str, files: Files, zone: str) -> str:
    with listing(name):
        names = {path.rpartition("/")[0]: files.read(path).strip() for path in files.glob(_ZONES)}
    if not names:
        raise MeterOffline(name, "no zone of RAPL under /sys/class/powercap", hint=f"modprobe intel_rapl_msr; {HINT}")
    parents = {folder: folder.rpartition(":")[0] for folder in names}
    whole = {
        folder: f"{names[up]}/{said}" if (up := parents[folder]) in names else said for folder, said in names.items()
    }
    found = [folder for folder in names if zone in (whole[folder], names[folder])]
    if len(found) != 1:
        what = "several zones are" if found else "no zone is"
        raise UnknownChoice(name, f"{what} called {zone!r}; there are {', '.join(sorted(whole.values()))}")
    return found[0]
