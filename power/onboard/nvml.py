"""NVIDIA GPUs by NVML: the GPU's own energy counter, or where it has none its averaged power.

The GPU's board only, as its own sensors see it: no processor, no losses of the supply. Functions as in NVIDIA's NVML
API reference: on this machine by the package nvidia-ml-py, on a board by its own Python (:mod:`.nvml_board`); not yet
tried on a GPU here.
"""

import time
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block, Flag
from ..errors import InstrumentFault, MeterOffline, MissingLibrary, UnknownChoice, WrongInstrument
from ..kind import Kind
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter
from .clock import Time
from .counter import CounterPower
from .nvml_board import BoardNvml
from .prompt import promptly
from .reach import Reach

_HINT = "does `nvidia-smi` show the GPU?"
_SOURCE = "assumed: 5 %, as NVIDIA states it for Fermi and Kepler only (NVML API reference, nvmlDeviceGetPowerUsage)"
_AVERAGED_HZ = 0.44
"""3 dB bandwidth of an average over one second: such is the power of Ampere (but GA100) and later, says that reference;
older GPUs tell the power of the moment."""


class Nvml(Protocol):
    """What of ``pynvml`` is used."""

    @property
    def NVMLError(self) -> type[Exception]: ...  # noqa: D102, N802 -- as NVIDIA calls them
    @property
    def NVMLError_NotSupported(self) -> type[Exception]: ...  # noqa: D102, N802

    def nvmlInit(self) -> None: ...  # noqa: D102, N802
    def nvmlShutdown(self) -> None: ...  # noqa: D102, N802
    def nvmlSystemGetDriverVersion(self) -> str | bytes: ...  # noqa: D102, N802
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: D102, N802
    def nvmlDeviceGetHandleByIndex(self, index: int, /) -> Any: ...  # noqa: ANN401, D102, N802
    def nvmlDeviceGetName(self, handle: Any, /) -> str | bytes: ...  # noqa: ANN401, D102, N802
    def nvmlDeviceGetUUID(self, handle: Any, /) -> str | bytes: ...  # noqa: ANN401, D102, N802
    def nvmlDeviceGetSerial(self, handle: Any, /) -> str | bytes: ...  # noqa: ANN401, D102, N802
    def nvmlDeviceGetTotalEnergyConsumption(self, handle: Any, /) -> int: ...  # noqa: ANN401, D102, N802
    def nvmlDeviceGetPowerUsage(self, handle: Any, /) -> int: ...  # noqa: ANN401, D102, N802


class NvmlMeter(PolledMeter):
    """Watts of a GPU: mean between looks at its energy counter, else the average that its driver keeps."""

    verified: ClassVar[tuple[str, ...]] = ("published layout",)
    accuracy = Accuracy(None, None, _SOURCE, watts=Tolerance(0.05, 0.0), assumed=True)

    kinds: ClassVar[tuple[Kind, ...]] = ("chip",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        gpu: str = "0"
        """Its index, or its UUID as ``nvidia-smi -L`` prints it: an index changes with the slots."""
        source: Literal["energy", "power"] = "energy"
        """The counter of total energy (Volta and later), or the power that the driver averages over up to a second."""
        rate_hz: float = Field(5.0, gt=0, le=50)
        """The sensors behind are read some ten times a second."""
        serial_number: str | None = None
        """Of the board, or its UUID; absent: any GPU will do."""

    def __init__(
        self,
        name: str,
        library: Nvml,
        handle: Any,  # noqa: ANN401 -- NVML's own
        options: "NvmlMeter.Config",
        *,
        identity: Identity,
        clock: Time = time,
    ) -> None:
        """Sit on a GPU that was found."""
        super().__init__(name, identity)
        self.rate_hz = options.rate_hz
        self.aperture_s = 1 / options.rate_hz if options.source == "energy" else 0.0
        self.bandwidth_hz = None if options.source == "energy" else _AVERAGED_HZ
        self._library, self._handle, self._open = library, handle, True
        self._pace = Pace(1 / options.rate_hz)
        self._counter = (
            CounterPower(name, self._joules, period_s=1 / options.rate_hz, clock=clock)
            if options.source == "energy"
            else None
        )

    @classmethod
    def estimated_why(cls, options: Mapping[str, Any]) -> str | None:
        """Return what averaged power is; the energy counter is measured."""
        averaged = "NVML's power is averaged by the driver over up to a second"
        return averaged if options.get("source") == "power" else None

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Load NVML and find the GPU.

        Raises:
            MissingLibrary: nvidia-ml-py is not installed.
            MeterOffline: there is no NVIDIA driver, or it does not answer.
            UnknownChoice: no such GPU; or it has no energy counter.
            WrongInstrument: another one is in its place.
        """
        try:
            library: Any = import_module("pynvml")  # not typed
        except ImportError:
            raise MissingLibrary(name, "NVML needs nvidia-ml-py: pip install 'edge-test-farm[nvml]'") from None
        return cls.on(name, library, cls.Config.model_validate(config))

    @classmethod
    def open_on(cls, name: str, config: BaseModel, reach: Reach) -> Self:
        """Find the GPU of a machine, which needs a driver and ``python3``; raises as :meth:`open`."""
        return cls.on(name, BoardNvml(reach), cls.Config.model_validate(config))

    @classmethod
    def on(cls, name: str, library: Nvml, options: "NvmlMeter.Config") -> Self:
        """Find the GPU through an NVML; raises as :meth:`open`."""
        try:
            library.nvmlInit()
        except library.NVMLError as error:
            raise MeterOffline(name, f"no NVIDIA driver answers: {error}", hint=_HINT) from error
        try:
            handle, identity = _find(name, library, options)
            meter = cls(name, library, handle, options, identity=identity)
            meter._supports(options)
        except library.NVMLError as error:
            library.nvmlShutdown()
            raise MeterOffline(name, str(error), hint=_HINT) from error
        except BaseException:
            library.nvmlShutdown()
            raise
        return meter

    def read(self) -> Block:
        """Return the GPU's watts, shape (1,).

        Raises:
            MeterOffline: the driver does not answer, or too late to tell when; or the counter stands still.
        """
        nothing = float("nan")
        if self._counter is not None:
            t_ns, watts, flags = self._counter.next()
            return Block.one(t_ns, nothing, nothing, flags, watts=watts)
        self._pace.wait()
        t_ns, milliwatts, again = promptly(
            self.name, lambda: self._ask(self._library.nvmlDeviceGetPowerUsage), period_s=1 / self.rate_hz
        )
        return Block.one(t_ns, nothing, nothing, Flag.LATE if again else Flag(0), watts=milliwatts / 1e3)

    def close(self) -> None:
        """Let go of NVML. May be called twice."""
        if self._open:
            self._open = False
            self._library.nvmlShutdown()

    def _joules(self) -> float:
        return self._ask(self._library.nvmlDeviceGetTotalEnergyConsumption) / 1e3

    def _ask(self, function: Any) -> int:  # noqa: ANN401 -- NVML's own functions
        try:
            return int(function(self._handle))
        except self._library.NVMLError as error:
            raise MeterOffline(self.name, str(error), hint=_HINT) from error

    def _supports(self, options: "NvmlMeter.Config") -> None:
        library = self._library
        ask = (
            library.nvmlDeviceGetTotalEnergyConsumption
            if options.source == "energy"
            else library.nvmlDeviceGetPowerUsage
        )
        try:
            ask(self._handle)
        except library.NVMLError_NotSupported as error:
            other = "; set source: power" if options.source == "energy" else ""
            raise UnknownChoice(self.name, f"this GPU does not tell its {options.source}{other}") from error
        except library.NVMLError as error:
            raise InstrumentFault(self.name, str(error), hint=_HINT) from error


def _find(name: str, library: Nvml, options: "NvmlMeter.Config") -> tuple[Any, Identity]:
    handles = [library.nvmlDeviceGetHandleByIndex(index) for index in range(library.nvmlDeviceGetCount())]
    uuids = [_text(library.nvmlDeviceGetUUID(handle)) for handle in handles]
    wanted = options.gpu
    places = [i for i, uuid in enumerate(uuids) if wanted in (uuid, str(i))]
    if not places:
        raise UnknownChoice(name, f"no GPU {wanted!r}; there are {', '.join(uuids) or 'none'}")
    handle, uuid = handles[places[0]], uuids[places[0]]
    serial_number = _serial_number(library, handle) or uuid
    if options.serial_number not in (None, serial_number, uuid):
        raise WrongInstrument(name, f"GPU {serial_number} answers, not {options.serial_number}", hint=_HINT)
    model = f"{_text(library.nvmlDeviceGetName(handle))} (GPU only)"
    return handle, Identity("NVIDIA", model, serial_number, _text(library.nvmlSystemGetDriverVersion()))


def _serial_number(library: Nvml, handle: Any) -> str:  # noqa: ANN401 -- NVML's own handle
    """Return the board's; empty where it has none, as most that are sold for desks."""
    try:
        return _text(library.nvmlDeviceGetSerial(handle))
    except library.NVMLError:
        return ""


def _text(said: str | bytes) -> str:
    return said.decode() if isinstance(said, bytes) else said
