"""The AIY Vision Bonnet's driver and firmware."""

from typing import Annotated

from pydantic import Field

from .packages import AptRepository, install, installed
from .step import Step, Target

_VENDOR = AptRepository(
    name="aiyprojects",
    uri="https://packages.cloud.google.com/apt",
    suite="aiyprojects-stable",
    key_url="https://packages.cloud.google.com/apt/doc/apt-key.gpg",
)
"""As the vendor's own guide to his packages has it (google/aiyprojects-raspbian)."""
_COMPILE_S = 3600.0
"""For a kernel module on a Pi Zero's one core, and a hundred megabytes of kernel headers before it (assumed)."""
_DRIVER, _FIRMWARE = "aiy-vision-dkms", "aiy-vision-firmware"


class AiyVision(Step):
    """The Vision Bonnet's kernel driver and its Myriad firmware, from the vendor's package archive.

    They are loaded at the next boot, so a ``reboot`` step follows, and then ``expect`` for the kernel's own word:
    ``googlevision`` in ``dmesg``.
    """

    firmware: Annotated[str, Field(pattern=r"^[0-9][A-Za-z0-9.+~-]*$")] | None = None
    """The firmware's package version, such as ``1.2-0``; absent: any."""

    @property
    def title(self) -> str:
        """What it is about."""
        return "AIY Vision firmware" + f" {self.firmware}" * (self.firmware is not None)

    def differs(self, target: Target) -> str:
        """Ask dpkg."""
        found = installed(target, [_DRIVER, _FIRMWARE])
        if missing := [name for name in (_DRIVER, _FIRMWARE) if name not in found]:
            return f"not installed: {' '.join(missing)}"
        if self.firmware is not None and found[_FIRMWARE] != self.firmware:
            return f"firmware is {found[_FIRMWARE]}, not {self.firmware}"
        return ""

    def change(self, target: Target) -> None:
        """Install both; the driver is compiled on the board, for the kernel that it runs."""
        if _VENDOR.differs(target):
            _VENDOR.change(target)
        firmware = f"{_FIRMWARE}={self.firmware}" if self.firmware else _FIRMWARE
        headers = "raspberrypi-kernel-headers"
        downgrade = "--allow-downgrades" if self.firmware else ""
        install(target, f"{headers} {_DRIVER} {firmware}", downgrade, timeout_s=_COMPILE_S)
