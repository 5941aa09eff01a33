"""What can go wrong with a meter or a switch.

PowerError
 ├─ MeterOffline       no answer (transient)
 ├─ FrameError         an answer that is not one (transient)
 ├─ WrongInstrument    somebody else's unit answers there
 ├─ InstrumentFault    the unit itself reports an error
 ├─ MissingReadings    the energy cannot be stated from what was read
 ├─ UnknownChoice      an option names what the unit does not have
 ├─ MissingLibrary     the driver's own library is not installed
 ├─ SwitchOffline      no answer (transient)
 ├─ SwitchUnconfirmed  the switch answered, but not with the state that was asked for
 │   └─ SwitchBlind    it took the command and has no way to say its state
 ├─ SwitchRefused      to switch on would not be safe; nothing was switched
 └─ SupplyTripped      a protection of the supply has cut the output
"""

from typing import ClassVar


class PowerError(Exception):
    """The meter or switch could not be used."""

    transient: ClassVar[bool] = False
    """True when the same call may succeed if simply made again."""

    def __init__(self, device: str, detail: str = "", *, hint: str = "") -> None:
        """Name the device first; without a detail the docstring is the message."""
        self.device, self.hint = device, hint
        what = detail or str(self.__doc__).partition("\n")[0]
        super().__init__(f"{device}: {what}" + f"\n  try: {hint}" * bool(hint))


class MeterOffline(PowerError):
    """No answer within the timeout."""

    transient = True


class FrameError(PowerError):
    """The answer has the wrong length, header or checksum."""

    transient = True


class WrongInstrument(PowerError):
    """The unit that answers is not the one in the inventory."""


class InstrumentFault(PowerError):
    """The instrument reports an error of its own."""


class MissingReadings(PowerError):
    """Too little was read to state the energy of the window."""


class UnknownChoice(PowerError):
    """An option names what the unit does not have."""


class MissingLibrary(PowerError):
    """A library that this driver needs is not installed."""


class SwitchOffline(PowerError):
    """The power switch does not answer."""

    transient = True


class SwitchUnconfirmed(PowerError):
    """The power switch did not confirm the state that was asked for."""


class SwitchBlind(SwitchUnconfirmed):
    """The power switch has no way to say whether it is on."""


class SwitchRefused(PowerError):
    """Switching on was refused: it would not be safe."""


class SupplyTripped(PowerError):
    """A protection of the supply has cut the output."""
