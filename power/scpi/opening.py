"""How a SCPI instrument is opened: who answers is identified, and set up, once more where it closes the link."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ..errors import InstrumentFault, MeterOffline
from ..meter import Accuracy, Identity, Tolerance
from .identify import identify
from .port import ScpiPort


class Limited(Protocol):
    """What has limits of error."""

    @property
    def accuracy(self) -> Accuracy:
        """The limits on the range in use."""
        ...


T = TypeVar("T")
M = TypeVar("M", bound=Limited)


class ScpiOptions(BaseModel):
    """Options in the inventory of every meter that is asked in SCPI."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: str
    """VISA name, e.g. ``TCPIP::192.0.2.20::5025::SOCKET``, ``USB0::…::INSTR``, ``ASRL/dev/ttyUSB0::INSTR``."""
    serial_number: str | None = None
    """What ``*IDN?`` must name; absent: any unit will do."""
    baud: int = Field(default=9600, gt=0)
    """Of a serial line; other links have none."""


def opened(
    name: str,
    options: ScpiOptions,
    make: Callable[[ScpiPort, Identity], M],
    *,
    models: tuple[str, ...],
    maker: str = "",
    timeout_s: float = 2.0,
    pause_s: float = 0.0,
) -> M:
    """Open the link, identify the instrument and return what ``make`` makes of it; close what leads nowhere.

    ``make`` is called again whenever the link was opened again: it sends what sets the instrument up.

    Raises:
        MeterOffline: nothing answers there.
        WrongInstrument: something else answers there.
        InstrumentFault: what ``make`` found wrong with it.
    """

    def once() -> M:
        port = ScpiPort.open(name, options.resource, timeout_s=timeout_s, pause_s=pause_s, baud=options.baud)
        try:
            identity = identify(port, maker=maker, models=models, serial_number=options.serial_number)
            meter = make(port, identity)
        except BaseException:
            port.close()
            raise
        measured = _limits(meter)

        def set_up_again() -> None:
            if _limits(make(port, identity)) != measured:
                what = "its link broke, and it is set to something else than before"
                raise InstrumentFault(name, what, hint="was it switched off and on? set it as it was, and begin again")

        port.remember(set_up_again)
        return meter

    return twice(name, once)


def _limits(meter: Limited) -> tuple[Tolerance | None, ...]:
    """Return what differs between quantities and ranges."""
    accuracy = meter.accuracy
    return accuracy.volts, accuracy.amps, accuracy.watts


def twice(name: str, once: Callable[[], T]) -> T:
    """Set an instrument up; all over again where it closes the connection meanwhile.

    Raises:
        MeterOffline: it has closed it twice; else as ``once``.
    """
    try:
        return once()
    except MeterOffline as error:
        if not _was_closed(error):
            raise
    try:
        return once()
    except MeterOffline as error:
        if not _was_closed(error):
            raise
        said = str(error).partition("\n")[0].removeprefix(f"{name}: ")
        what = f"it was set up twice, and closed the connection each time: {said}"
        hint = "does a second program hold it (many take one connection only)? is a limit set in its LAN menu?"
        raise MeterOffline(name, what, hint=hint) from error


def _was_closed(error: MeterOffline) -> bool:
    cause = error.__cause__
    return isinstance(cause, ConnectionError) and not isinstance(cause, ConnectionRefusedError)


def unconfirmed(silent: Sequence[str]) -> str:
    """Return what to add to an accuracy's source about settings that the instrument did not confirm."""
    return f"; not confirmed by the instrument: {', '.join(silent)}" if silent else ""
