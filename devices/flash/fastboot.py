"""Android's fastboot, over USB or UDP: the program ``fastboot`` against a board's boot loader."""

import re
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self, cast

from pydantic import BaseModel, Field, model_validator

from ..errors import BadImage, ConnectionLost, DeadlineExceeded, FlashFault, WrongBoard
from . import program
from .block import enumerate_bytes
from .flasher import WHOLE, Image, Options, Progress, Seat, Written
from .image import PACKED, content, inspect
from .loader import UBootOptions, catch

_INSTALL = "the Debian package fastboot (android-platform-tools elsewhere)"
_ASK_S = 15.0
"""getvar over UDP took 14 ms; assumed: a loader that is busy with its network answers within this."""
_LIST_S = 10.0
_LOOK_S = 0.5
_SLOWEST_BYTES_S = 500_000
"""Assumed; 4 MB/s were measured from a QEMU machine without DMA, 163 MiB in 41 s."""
_FLASH_S = 120.0
"""On top of that, for what a loader does before and after, such as erasing (assumed)."""
_LISTENS = re.compile(r"(?i)listening for fastboot")
"""U-Boot: net/fastboot.c."""
_LISTED = re.compile(r"(?P<serial>\S+)\s+fastboot(?:\s+(?P<path>usb:\S+))?")
_STEP = re.compile(r"(?P<what>Sending|Writing)(?: sparse)? '(?P<partition>[^']+)'(?: (?P<n>\d+)/(?P<of>\d+))?")
_FAILED = re.compile(r"FAILED \((.*)\)")


class FastbootConfig(Options):
    """How the board is told apart, how it gets into fastboot, and what it is given."""

    serial: str | None = Field(default=None, min_length=1)
    """As ``fastboot devices`` lists it."""
    usb_path: str | None = Field(default=None, pattern=r"^\d+-\d+(\.\d+)*$", examples=["1-4.2"])
    """Bus and ports, such as ``1-4.2``: for boards that all say the same serial number."""
    host: str | None = Field(default=None, pattern=r"^(udp|tcp):[^\s]+$", examples=["udp:192.0.2.14:5554"])
    """``udp:HOST:PORT``: fastboot over the network."""
    serialno: str | None = Field(default=None, min_length=1)
    """What ``getvar serialno`` must say; absent: the same as ``serial``."""
    product: str | None = Field(default=None, min_length=1)
    """What ``getvar product`` must say."""
    whole: str = Field(default="all", min_length=1)
    """The partition that an image of the whole medium goes to."""
    enter: Literal["uboot", "linux", "already"] = "uboot"
    """How it gets into fastboot: from U-Boot's prompt, by ``linux_command``, or it is there."""
    uboot: UBootOptions = UBootOptions()
    uboot_command: str = Field(default="fastboot 0", min_length=1)
    """``fastboot udp`` over the network."""
    linux_command: str = Field(default="reboot bootloader", min_length=1)
    """``reboot-bootloader`` on Mendel."""
    appear_s: float = Field(default=60.0, gt=0, strict=False)
    """Until it is seen (assumed: a reboot, and the loader's USB or network)."""

    @model_validator(mode="after")
    def _has_one_address(self) -> Self:
        if self.host is not None and (self.serial is not None or self.usb_path is not None):
            raise ValueError("`host` is for the network, `serial` and `usb_path` are for USB; take one of them away")
        return self


@dataclass(frozen=True, slots=True)
class Listed:
    """A board that ``fastboot devices -l`` shows."""

    serial: str
    path: str
    """``usb:1-4.2``; empty where the program does not say."""

    def __str__(self) -> str:
        return f"{self.serial} at {self.path or 'an unknown USB path'}"


def parse_devices(output: str) -> list[Listed]:
    """Read what ``fastboot devices -l`` prints."""
    found = (_LISTED.match(line.strip()) for line in output.splitlines())
    return [Listed(one["serial"], one["path"] or "") for one in found if one]


class Fastboot:
    """Flashes partitions one after the other; each is the board's own word that it has it."""

    Config: ClassVar[type[BaseModel]] = FastbootConfig

    def __init__(self, name: str, config: FastbootConfig) -> None:
        """Take the board's name and what the inventory says."""
        self.name, self._config = name, config

    @classmethod
    def of(cls, name: str, config: BaseModel) -> Self:
        """Return the flasher of a board."""
        return cls(name, cast("FastbootConfig", config))

    def ties(self) -> str | None:
        """Its serial number, asked for before anything is written; or where its cable goes."""
        if wanted := self._serialno():
            return f"fastboot serial number {wanted}"
        return f"USB path {self._config.usb_path}" if self._config.usb_path else None

    def plan(self, images: Sequence[Image]) -> list[str]:
        """Read the images to their ends and look for the program; see :class:`devices.flash.flasher.Flasher`."""
        program.find(self.name, "fastboot", install=_INSTALL)
        if not images:
            raise BadImage(self.name, "nothing to flash; name an image, or `--partition NAME=FILE`")
        enter = {"uboot": f"U-Boot's `{self._config.uboot_command}`", "linux": f"`{self._config.linux_command}`"}
        lines = [f"enter fastboot by {enter[self._config.enter]}"] if self._config.enter in enter else []
        for image in images:
            facts = inspect(self.name, image.path)
            lines.append(f"flash {self._partition(image)} with {image.path.name}, {facts.size_bytes:,} bytes")
        return lines

    def write(self, seat: Seat, images: Sequence[Image], progress: Progress) -> Written:
        """See :class:`devices.flash.flasher.Flasher`; the board is left in fastboot.

        After a large image some loaders do not answer ``fastboot reboot`` any more (U-Boot over UDP: 2 of 2), so
        it is for the caller to switch it off and on.
        """
        progress("getting into fastboot", None)
        self._enter(seat)
        target = self._config.host or self._on_usb()
        self._check_identity(target)
        size_bytes = 0
        for image in images:
            with _plain_file(self.name, image.path) as path, seat.writing() as still:
                self._flash(target, self._partition(image), path, progress)
                still()
                size_bytes += path.stat().st_size
        return Written(size_bytes, "the boot loader's own OKAY for each partition; fastboot reads nothing back")

    # -- steps ------------------------------------------------------------------------------------

    def _enter(self, seat: Seat) -> None:
        match self._config.enter:
            case "uboot":
                since = catch(seat, self._config.uboot).start(self._config.uboot_command)
                if self._config.host is not None:
                    self._wait_listening(seat, since)
            case "linux":
                with suppress(ConnectionLost, DeadlineExceeded):  # it goes down with the board
                    seat.shell.sudo(self._config.linux_command, timeout_s=_ASK_S, check=False)
            case "already":
                pass

    def _wait_listening(self, seat: Seat, since: int) -> None:
        """Wait until U-Boot has its address and listens; before, a datagram would get no answer."""
        said, deadline_ns = "", time.monotonic_ns() + int(self._config.appear_s * 1e9)
        for data in seat.console.follow(since=since, idle_s=_LOOK_S):
            said += data.decode("ascii", "replace")
            if _LISTENS.search(said):
                return
            if time.monotonic_ns() > deadline_ns:
                break
        what = f"U-Boot does not listen for fastboot within {self._config.appear_s:g} s"
        hint = 'has it a network and an address? `before: ["dhcp"]` of `uboot:`'
        raise FlashFault(self.name, what + program.told(said.splitlines()), hint=hint)

    def _on_usb(self) -> str:
        """Wait for the one board that can be meant, and return how the program calls it."""
        wanted = self._config
        deadline_ns = time.monotonic_ns() + int(wanted.appear_s * 1e9)
        while True:
            there = parse_devices(self._fastboot("devices", "-l", timeout_s=_LIST_S)[1])
            meant = [
                one
                for one in there
                if wanted.serial in (None, one.serial) and wanted.usb_path in (None, one.path.removeprefix("usb:"))
            ]
            if len(meant) > 1:
                names = "; ".join(map(str, meant))
                hint = "tell it apart by `usb_path:` or `serial:` in the board's `flash:`"
                raise FlashFault(self.name, f"{len(meant)} boards in fastboot could be it: {names}", hint=hint)
            if meant:
                return meant[0].path or meant[0].serial
            if time.monotonic_ns() > deadline_ns:
                seen = f"there are {'; '.join(map(str, there))}" if there else "there is none at all"
                hint = "is its USB cable in, does it reach fastboot, may this user use it (udev)?"
                what = f"it is not seen in fastboot within {wanted.appear_s:g} s; {seen}"
                raise FlashFault(self.name, what, hint=hint)
            time.sleep(_LOOK_S)

    def _serialno(self) -> str | None:
        return self._config.serialno or self._config.serial

    def _check_identity(self, target: str) -> None:
        """Hold what the boot loader says of itself against the inventory; nothing has been written yet."""
        for variable, wanted in (("product", self._config.product), ("serialno", self._serialno())):
            if wanted is None:
                continue
            if (found := self._getvar(target, variable)) != wanted:
                what = f"{target}: getvar {variable} says {found or 'nothing'}, the inventory says {wanted}"
                raise WrongBoard(self.name, f"{what}; nothing was written", hint="is another board on that cable?")

    def _getvar(self, target: str, variable: str) -> str | None:
        exit_status, said = self._fastboot("-s", target, "getvar", variable, timeout_s=_ASK_S)
        found = re.search(rf"^{variable}: ?(.*)$", said, re.MULTILINE)
        if exit_status and "Value not set" not in said and not found:
            what = f"fastboot getvar {variable} ended with status {exit_status}{program.told(said.splitlines())}"
            raise FlashFault(self.name, what)
        return found[1].strip() if found and not exit_status else None

    def _flash(self, target: str, partition: str, path: Path, progress: Progress) -> None:
        def heard(line: str) -> None:
            if step := _STEP.search(line):
                share = int(step["n"]) / int(step["of"]) if step["n"] else None
                progress(f"{step['what'].lower()} {step['partition']}", share)

        timeout_s = _FLASH_S + path.stat().st_size / _SLOWEST_BYTES_S
        exit_status, said = program.run(
            self.name,
            [program.find(self.name, "fastboot", install=_INSTALL), "-s", target, "flash", partition, str(path)],
            timeout_s=timeout_s,
            heard=heard,
        )
        failed = _FAILED.search(said)
        if exit_status or failed:
            why = failed[1] if failed else f"status {exit_status}"
            what = f"fastboot flash {partition}: {why}{program.told(said.splitlines())}"
            raise FlashFault(self.name, what, hint="the board has half an image now; flash it again")

    def _fastboot(self, *arguments: str, timeout_s: float) -> tuple[int, str]:
        found = program.find(self.name, "fastboot", install=_INSTALL)
        return program.run(self.name, [found, *arguments], timeout_s=timeout_s)

    def _partition(self, image: Image) -> str:
        return self._config.whole if image.partition == WHOLE else image.partition


@contextmanager
def _plain_file(device: str, path: Path) -> Generator[Path]:
    """Give the image as the file that the program wants: unpacked, holes where zeros are."""
    if path.suffix not in PACKED:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="farm-flash-") as folder:
        plain = Path(folder) / path.stem
        with content(device, path) as stream, plain.open("wb") as out:
            size = 0
            for at, piece in enumerate_bytes(stream):
                if any(piece):
                    out.seek(at)
                    out.write(piece)
                size = at + len(piece)
            out.truncate(size)
        yield plain
