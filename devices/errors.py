"""What can go wrong with a board, its shell or its console.

DeviceError
 ├─ ConnectionLost     the link broke; not an exit status (transient)
 │   └─ ShellClosed    whoever has the board has closed it
 ├─ Unreachable        nothing answers, or not within the deadline (transient)
 ├─ DeadlineExceeded   connected, but the command did not end in time
 ├─ HostKeyMismatch    another key than the one that is trusted
 ├─ HostKeyUnknown     no key is trusted yet
 ├─ AuthenticationRefused
 ├─ CommandFailed      the command ran and ended with another status than 0
 ├─ ConsoleFault       the console does not answer as a console
 ├─ BootFault          the board did not boot: stage and fault are named
 ├─ AcceleratorFault   an accelerator is missing, or its link is another than it must be
 ├─ UBootFault         the boot loader's prompt is not there, or refused a command
 ├─ FlashFault         the board was not flashed, or what was written is not what reads back
 ├─ BadImage           the file is not an image that could be written
 └─ WrongBoard         another board than the one in the inventory
"""

from typing import ClassVar


class DeviceError(Exception):
    """The board could not be used."""

    transient: ClassVar[bool] = False
    """True when the same call may succeed if simply made again."""

    def __init__(self, device: str, detail: str = "", *, hint: str = "") -> None:
        """Name the board first; without a detail the docstring is the message."""
        self.device, self.hint = device, hint
        what = detail or str(self.__doc__).partition("\n")[0]
        super().__init__(f"{device}: {what}" + f"\n  try: {hint}" * bool(hint))


class ConnectionLost(DeviceError):
    """The connection broke."""

    transient = True


class ShellClosed(ConnectionLost):
    """This shell has been closed."""

    transient = False


class Unreachable(DeviceError):
    """Nothing answers there."""

    transient = True


class DeadlineExceeded(DeviceError):
    """The command did not end within its deadline."""


class HostKeyMismatch(DeviceError):
    """The board shows another host key than the one that is trusted."""


class HostKeyUnknown(DeviceError):
    """No host key of this board is trusted yet."""


class AuthenticationRefused(DeviceError):
    """The board refused the login."""


class CommandFailed(DeviceError):
    """A command on the board ended with a status other than 0."""

    def __init__(
        self, device: str, detail: str = "", *, hint: str = "", exit_status: int = 0, stderr: str = ""
    ) -> None:
        """Keep the exit status and what the command said."""
        self.exit_status, self.stderr = exit_status, stderr
        super().__init__(device, detail, hint=hint)


class ConsoleFault(DeviceError):
    """The serial console does not answer."""


class BootFault(DeviceError):
    """The board did not boot."""


class AcceleratorFault(DeviceError):
    """An accelerator of the board is missing, or attached by another link than it must have."""


class UBootFault(DeviceError):
    """U-Boot does not do what it is told."""


class FlashFault(DeviceError):
    """The board could not be flashed."""


class BadImage(DeviceError):
    """The image cannot be written: it is the caller's input that is wrong. Nothing was touched."""


class WrongBoard(DeviceError):
    """The board that answers is not the one in the inventory."""
