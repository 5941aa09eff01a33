"""U-Boot and a TFTP server: an image written to the board's medium piece by piece, or a system started from memory.

U-Boot itself verifies: each piece's CRC-32 after its transfer, and again after it was read back from the medium.
"""

import re
import secrets
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, ClassVar, Self, cast

from pydantic import BaseModel, Field

from ..errors import BadImage, FlashFault, WrongBoard
from ..uboot import UBoot, quoted
from .block import enumerate_bytes
from .flasher import WHOLE, Image, Options, Progress, Seat, Written
from .image import content, inspect
from .loader import UBootOptions, catch

_BLOCK_BYTES = 512
"""U-Boot counts in blocks of this size on MMC, virtio and USB disks."""
_PIECE_BLOCKS = 1 << 15
"""16 MiB: small enough for boards with 128 MB to hold it twice."""
_SLOWEST_BYTES_S = 500_000
"""Assumed; 17 MB/s were measured in QEMU, and TFTP on a slow network does 1 MB/s."""
_COMMAND_S = 30.0
_CRC = re.compile(r"==> ([0-9a-f]{8})")
"""U-Boot: cmd/mem.c and common/hash.c."""
_IN_MEMORY = {"kernel": "kernel_addr_r", "initrd": "ramdisk_addr_r", "fdt": "fdt_addr_r"}
"""Partitions that are none: what is loaded where and started (U-Boot: doc/develop/bootstd)."""

_SCAN = {"virtio": ("virtio scan",), "usb": ("usb start",), "scsi": ("scsi scan",), "nvme": ("nvme scan",)}
"""What makes U-Boot look for such disks."""

Fetch = Callable[[UBoot, str, bytes], None]
"""Gets bytes to an address of the board's memory."""


class UBootNetbootConfig(Options):
    """Where the files are put and fetched, and where the image goes."""

    folder: str = Field(pattern="^/", examples=["/srv/tftp/farm"])
    """A folder of this host that the TFTP server serves."""
    prefix: str = ""
    """How the server calls that folder."""
    server: str | None = Field(default=None, min_length=1)
    """The TFTP server's address as the board sees it; absent: what DHCP says."""
    medium: str = Field(default="mmc 0", pattern=r"^(mmc|virtio|usb|scsi|nvme|sata) \d+$", examples=["mmc 0"])
    """As U-Boot calls it: kind and number."""
    network: list[str] = Field(default=["setenv autoload no", "dhcp"])
    """Commands that give the board an address."""
    address: str = Field(default="", pattern=r"^(0x[0-9a-f]+)?$", examples=["0x40400000"])
    """Free memory for two pieces; absent: U-Boot's ``kernel_addr_r``."""
    start: str = Field(default="booti", pattern=r"^(booti|bootz|bootm)$", examples=["booti"])
    """What starts a kernel from memory; ``booti`` is for 64-bit ARM."""
    bootargs: str = ""
    """The kernel's command line, for a system started from memory."""
    serialno: str | None = Field(default=None, min_length=1)
    """What U-Boot's variable ``serial#`` must say."""
    uboot: UBootOptions = UBootOptions()


class UBootNetboot:
    """Writes an image over the network, or starts kernel and initrd from memory and writes nothing."""

    Config: ClassVar[type[BaseModel]] = UBootNetbootConfig

    def __init__(self, name: str, config: UBootNetbootConfig) -> None:
        """Take the board's name and what the inventory says."""
        self.name, self._config = name, config

    @classmethod
    def of(cls, name: str, config: BaseModel) -> Self:
        """Return the flasher of a board."""
        return cls(name, cast("UBootNetbootConfig", config))

    def ties(self) -> str | None:
        """It acts through the board's own console; which board that is, ``serial#`` says where it is named."""
        return f"U-Boot's serial# {self._config.serialno}" if self._config.serialno else None

    def plan(self, images: Sequence[Image]) -> list[str]:
        """Read the images to their ends and look at the served folder; see :class:`devices.flash.flasher.Flasher`."""
        self._check_kinds(images)
        if not Path(self._config.folder).is_dir():
            hint = "the folder that your TFTP server serves, and that this user may write to"
            raise FlashFault(self.name, f"{self._config.folder} is no folder", hint=hint)
        lines: list[str] = []
        for image in images:
            whole = image.partition == WHOLE
            size_bytes = inspect(self.name, image.path).size_bytes if whole else len(self._as_it_is(image.path))
            into = self._config.medium if whole else f"memory as {image.partition}"
            lines.append(f"fetch {image.path.name}, {size_bytes:,} bytes, over TFTP into {into}")
        return [*lines, "start it from memory"] if images[0].partition != WHOLE else lines

    def write(self, seat: Seat, images: Sequence[Image], progress: Progress) -> Written:
        """See :class:`devices.flash.flasher.Flasher`."""
        self._check_kinds(images)
        progress("waiting for U-Boot", None)
        uboot = catch(seat, self._config.uboot)
        self._check_identity(uboot)
        progress("waiting for the network", None)
        for command in self._config.network:
            uboot.run(command, timeout_s=_COMMAND_S)
        if self._config.server is not None:
            uboot.setenv("serverip", self._config.server)
        if images[0].partition != WHOLE:
            return self._start(uboot, images, progress)
        with seat.writing() as still:
            image_bytes = inspect(self.name, images[0].path).size_bytes
            medium = _Medium(self.name, uboot, self._config.medium, self._address(uboot))
            with content(self.name, images[0].path) as stream:
                for at, piece in _blocks(stream):
                    medium.fill(piece, self._fetch)
                    medium.write_and_read_back(at // _BLOCK_BYTES, piece)
                    still()
                    progress("writing", min((at + len(piece)) / image_bytes, 1.0))
        return Written(image_bytes, "read back from the medium by U-Boot, CRC-32 of each piece")

    def _start(self, uboot: UBoot, images: Sequence[Image], progress: Progress) -> Written:
        """Fetch kernel and what it needs, and start them."""
        given, size_bytes = {image.partition: image.path for image in images}, 0
        sizes: dict[str, int] = {}
        for part, variable in _IN_MEMORY.items():
            if (path := given.get(part)) is None:
                continue
            progress(f"fetching {part}", None)
            data = self._as_it_is(path)  # an initrd stays packed: the kernel unpacks it
            self._fetch(uboot, f"${{{variable}}}", data)
            sizes[part] = len(data)
            size_bytes += len(data)
        if self._config.bootargs:
            uboot.setenv("bootargs", self._config.bootargs)
        initrd = f"${{ramdisk_addr_r}}:0x{sizes['initrd']:x}" if "initrd" in sizes else "-"
        tree = "${fdt_addr_r}" if "fdt" in sizes else "${fdtcontroladdr}"
        started_ns = uboot.start(f"{self._config.start} ${{kernel_addr_r}} {initrd} {tree}")
        return Written(size_bytes, "CRC-32 in memory by U-Boot; the medium is as it was", started_ns)

    def _fetch(self, uboot: UBoot, address: str, data: bytes) -> None:
        """Get bytes into the board's memory, and see that they are whole there."""
        with self._served(data) as name:
            timeout_s = _COMMAND_S + len(data) / _SLOWEST_BYTES_S
            uboot.run(f"tftpboot {address} {quoted(name)}", timeout_s=timeout_s)
        if crc(uboot, address, len(data)) != zlib.crc32(data):
            what = f"{len(data)} bytes did not arrive over TFTP as they are here"
            raise FlashFault(self.name, what, hint="is another TFTP server answering, or memory in use at `address`?")

    @contextmanager
    def _served(self, data: bytes) -> Generator[str]:
        """Lay bytes where the TFTP server finds them; return how it calls them."""
        file = Path(self._config.folder) / f"farm-{self.name}-{secrets.token_hex(4)}"
        try:
            file.write_bytes(data)
            file.chmod(0o644)  # the server is another user
            yield f"{self._config.prefix.rstrip('/')}/{file.name}".lstrip("/" if not self._config.prefix else "")
        except OSError as error:
            raise FlashFault(self.name, f"{file}: {error.strerror}", hint="may this user write there?") from error
        finally:
            file.unlink(missing_ok=True)

    def _as_it_is(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise BadImage(self.name, f"{path}: {error.strerror}") from error

    def _address(self, uboot: UBoot) -> int:
        text = self._config.address or uboot.getenv("kernel_addr_r") or ""
        try:
            return int(text, 16)
        except ValueError:
            hint = "set `address:` to where 32 MiB of memory are free"
            raise FlashFault(self.name, f"U-Boot's kernel_addr_r is {text or 'not set'}", hint=hint) from None

    def _check_identity(self, uboot: UBoot) -> None:
        wanted = self._config.serialno
        if wanted is not None and (found := uboot.getenv("serial#")) != wanted:
            what = f"U-Boot's serial# is {found or 'not set'}, the inventory says {wanted}; nothing was written"
            raise WrongBoard(self.name, what, hint="is the console another board's?")

    def _check_kinds(self, images: Sequence[Image]) -> None:
        kinds = [image.partition for image in images]
        if kinds == [WHOLE]:
            return
        if "kernel" not in kinds or not set(kinds) <= _IN_MEMORY.keys() or len(set(kinds)) != len(kinds):
            wanted = "one image of the whole medium, or `kernel=` with `initrd=` and `fdt=`"
            raise BadImage(self.name, f"uboot-netboot takes {wanted}, not {', '.join(kinds) or 'nothing'}")


class _Medium:
    """A block device that U-Boot writes to: a piece in memory, and beside it room to read it back."""

    def __init__(self, name: str, uboot: UBoot, medium: str, address: int) -> None:
        self._name, self._uboot, self._address = name, uboot, address
        self._back = address + _PIECE_BLOCKS * _BLOCK_BYTES
        self._kind, _, number = medium.partition(" ")
        for command in _SCAN.get(self._kind, ()):
            uboot.run(command)
        uboot.run(f"{self._kind} dev {number}")

    def fill(self, piece: bytes, fetch: Fetch) -> None:
        """Have the piece in memory; zeros need no network."""
        if any(piece):
            fetch(self._uboot, hex(self._address), piece)
        else:
            self._uboot.run(f"mw.b {self._address:x} 0 {len(piece):x}")

    def write_and_read_back(self, block: int, piece: bytes) -> None:
        """Write the piece, read it to another place, where something else stood, and hold it against the piece."""
        blocks = len(piece) // _BLOCK_BYTES
        timeout_s = _COMMAND_S + len(piece) / _SLOWEST_BYTES_S
        self._uboot.run(f"{self._kind} write {self._address:x} {block:x} {blocks:x}", timeout_s=timeout_s)
        self._uboot.run(f"mw.b {self._back:x} a5 {len(piece):x}")
        self._uboot.run(f"{self._kind} read {self._back:x} {block:x} {blocks:x}", timeout_s=timeout_s)
        if crc(self._uboot, hex(self._back), len(piece)) != zlib.crc32(piece):
            what = f"blocks {block} to {block + blocks} of {self._kind} do not read back as they were written"
            raise FlashFault(self._name, what, hint="is the medium worn, or smaller than the image?")


def _blocks(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield a stream in pieces that fill blocks: the last is filled up with zeros."""
    piece_bytes = _PIECE_BLOCKS * _BLOCK_BYTES
    for at, piece in enumerate_bytes(stream, piece_bytes):
        yield at, piece + bytes(-len(piece) % _BLOCK_BYTES)


def crc(uboot: UBoot, address: str, size_bytes: int) -> int:
    """Return the CRC-32 of a piece of the board's memory, as U-Boot computes it."""
    said = uboot.run(f"crc32 {address} {size_bytes:x}", timeout_s=_COMMAND_S)
    if (found := _CRC.search(said)) is None:
        raise FlashFault(uboot.name, f"U-Boot's crc32 said {said!r}", hint="it needs CONFIG_CMD_CRC32")
    return int(found[1], 16)
