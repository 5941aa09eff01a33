"""A multiplexer as sysfs shows one, on plain files; a counterpart of the program `usbsdmux`; a board to be flashed."""

import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SERIAL = "000000001444"
CARD_BYTES = 8 << 20

USBSDMUX = """\
#!/bin/sh
# usage: usbsdmux /dev/usb-sd-mux/id-SERIAL host|dut
echo "$2" >> {log}
case $2 in
  host) cat {card_sectors} > {size};;
  dut) echo 0 > {size};;
esac
"""


class MuxHost:
    """A host with one multiplexer and a card in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        usb = root / "sys/devices/pci0/usb1/1-1.3"
        scsi = usb / "1-1.3:1.0/host6/target6:0:0/6:0:0:0"
        self.block = scsi / "block/sdb"
        self.part = self.block / "sdb1"
        self.part.mkdir(parents=True)
        (scsi / "scsi_generic/sg1").mkdir(parents=True)
        (scsi / "scsi_generic/sg1/device").symlink_to(scsi)
        for folder, name, target in (
            ("scsi_generic", "sg1", scsi / "scsi_generic/sg1"),
            ("block", "sdb", self.block),
            ("block", "sdb1", self.part),
        ):
            (root / "sys/class" / folder).mkdir(parents=True, exist_ok=True)
            (root / "sys/class" / folder / name).symlink_to(target)
        self.serial = usb / "serial"
        self.mounts = root / "proc/self/mountinfo"
        self.swaps = root / "proc/swaps"
        self.card = root / "dev/sdb"
        self.log = root / "mux.log"
        for file, text in (
            (usb / "idVendor", "0424\n"),
            (self.serial, f"{SERIAL}\n"),
            (self.block / "dev", "0:0\n"),  # what a plain file's node is, and no disk is ever called
            (self.part / "dev", "8:17\n"),
            (self.mounts, "22 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n"),
            (self.swaps, "Filename Type Size Used Priority\n"),
            (root / "dev/sg1", ""),
            (self.log, ""),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (root / "dev/usb-sd-mux").mkdir()
        (root / f"dev/usb-sd-mux/id-{SERIAL}").symlink_to("../sg1")
        self.card.write_bytes(os.urandom(CARD_BYTES))
        self.card_sectors = root / "card.sectors"
        self.card_sectors.write_text(f"{CARD_BYTES // 512}\n")
        (self.block / "size").write_text("0\n")

    @property
    def switched(self) -> list[str]:
        """To which sides the multiplexer was switched."""
        return self.log.read_text().split()


@pytest.fixture
def host(tmp_path: Path, programs: Callable[[str, str], Path]) -> MuxHost:
    host = MuxHost(tmp_path / "host")
    size = host.block / "size"
    programs("usbsdmux", USBSDMUX.format(log=host.log, card_sectors=host.card_sectors, size=size))
    return host


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a program of this text first in PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return put


class Seat:
    """A board that notes what is done to it."""

    def __init__(self) -> None:
        self.name = "b1"
        self.did: list[str] = []
        self.ours = True

    @property
    def console(self):
        raise AssertionError("no console is needed")

    @property
    def shell(self) -> "Seat":
        return self

    def sudo(self, command: str, **_: object) -> None:
        self.did.append(command)

    def off(self) -> None:
        self.did.append("off")

    def restart(self) -> int:
        self.did.append("restart")
        return 0

    @contextmanager
    def writing(self) -> Generator[Callable[[], None]]:
        self.still()
        self.did.append("begins")
        yield self.still
        self.did.append("ends")

    def still(self) -> None:
        if not self.ours:
            raise RuntimeError("the board is another's")


@pytest.fixture
def seat() -> Seat:
    return Seat()


@pytest.fixture
def told() -> Iterator[list[tuple[str, float | None]]]:
    """What progress was told."""
    return []
