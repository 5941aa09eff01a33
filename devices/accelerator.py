"""Accelerators that hang on a host board: which are there, on which port, and how fast their link is.

What the host's own board class says of itself stays there. An accelerator kind is data; see :data:`KINDS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .errors import AcceleratorFault
from .facts import integer, parse, script, starting

if TYPE_CHECKING:
    from .board import Board

Bus = Literal["usb", "pci"]
Link = Literal["usb2", "usb3"]

_LINKS: dict[Link, range] = {"usb2": range(100, 1000), "usb3": range(1000, 100_000)}
"""Mbit/s: 480 is USB 2, 5000 and more USB 3, 12 and 1.5 neither (Linux: Documentation/ABI/stable/sysfs-bus-usb)."""

_LINK_HINT = "another port, a shorter or a real USB 3 cable, no hub; or `link: usb2` in the inventory if that is meant"

LOOK = r"""
for d in "$R"/sys/bus/usb/devices/*; do
  first "$d/idVendor" && i=$v && first "$d/idProduct" && i=$i:$v || continue
  first "$d/speed" || v=-; i="$i $v"
  first "$d/serial" || v=-; fact "usb.${d##*/}" "$i $v"
done
for d in "$R"/sys/bus/pci/devices/*; do
  first "$d/vendor" && i=${v#0x} && first "$d/device" && fact "pci.${d##*/}" "$i:${v#0x} - -"
done
"""
"""Prints what hangs on the buses, for :func:`read`."""


@dataclass(frozen=True, slots=True)
class AcceleratorKind:
    """How one product is known on its bus."""

    name: str
    bus: Bus
    ids: tuple[str, ...]
    """``vendor:product``, hexadecimal; some have one id until their firmware is loaded and another after."""
    link: Link | None
    """The link that its data sheet promises, on a host that has it; None off USB."""
    source: str
    """Of the ids."""


CORAL_USB = AcceleratorKind(
    "coral-usb",
    "usb",
    ("1a6e:089a", "18d1:9302"),  # before and after libedgetpu has loaded its firmware
    "usb3",
    "libedgetpu's udev rules; data sheet of the USB Accelerator",
)
CORAL_PCIE = AcceleratorKind(
    "coral-pcie", "pci", ("1ac1:089a",), None, "google/gasket-driver, apex_driver.c; on cards and on the Dev Board"
)
NCS = AcceleratorKind(
    "ncs",
    "usb",
    ("03e7:2150", "03e7:2485", "03e7:f63b"),  # in the boot ROM of the first and of the second stick, and running
    "usb3",
    "OpenVINO's udev rules; the stick's product brief",
)
TI_C66X = AcceleratorKind(
    "ti-c66x", "pci", ("104c:b005",), None, "TI's Desktop Linux SDK for C6678 cards; `lspci` there"
)

KINDS = {kind.name: kind for kind in (CORAL_USB, CORAL_PCIE, NCS, TI_C66X)}
"""What an inventory may name. A new one is one entry here and one case in the tests."""


@dataclass(frozen=True, slots=True)
class Attached:
    """One accelerator that was found."""

    kind: str
    port: str
    """USB path such as ``2-1.4``, or PCI address."""
    link_mbps: int | None = None
    """Speed of its USB link as negotiated, Mbit/s; None off USB, or where the host does not tell."""
    serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One accelerator that a board must have."""

    kind: str
    link: Link | None = None
    """The link it must have; None: the kind's own."""
    port: str | None = None
    """Where it must be; None: anywhere."""


def attached(board: "Board") -> list[Attached]:
    """Ask a board which accelerators hang on it; one round trip."""
    return read(parse(board.shell.run(script(board.root, LOOK)).stdout))


def read(facts: dict[str, str]) -> list[Attached]:
    """Read what the host printed of its buses: the devices that are accelerators, by port."""
    kinds = {(kind.bus, ident): kind for kind in KINDS.values() for ident in kind.ids}
    found: list[Attached] = []
    for bus in ("usb", "pci"):
        for port, answer in starting(facts, f"{bus}.").items():
            ident, speed, serial = (*answer.split(" ", 2), "-", "-")[:3]
            if (kind := kinds.get((bus, ident.lower()))) is not None:
                mbps = integer({"speed": speed}, "speed")
                found.append(Attached(kind.name, port, mbps, None if serial == "-" else serial))
    return sorted(found, key=lambda one: one.port)


def check(board: str, wanted: Sequence[Wanted], found: Sequence[Attached]) -> list[Attached]:
    """Return the accelerator that answers each wish, in their order; no two get the same.

    Raises:
        AcceleratorFault: one is missing, or on another link than it must have.
    """
    spoken_for = {wish.port for wish in wanted}
    chosen: list[Attached] = []
    for wish in wanted:
        same = [one for one in found if one.kind == wish.kind and one not in chosen]
        here = [one for one in same if one.port == wish.port or (wish.port is None and one.port not in spoken_for)]
        right = [one for one in here if _link_fault(wish, one) is None]
        if right:
            chosen.append(right[0])
        elif here:
            raise AcceleratorFault(board, f"{_link_fault(wish, here[0])}", hint=_LINK_HINT)
        else:
            where = f" on port {wish.port}" if wish.port else ""
            others = f"; there is one on {', '.join(one.port for one in same)}" if same else ""
            hint = "is it plugged in and powered? `lsusb` or `lspci` on the board tells"
            raise AcceleratorFault(board, f"no {wish.kind}{where}{others}", hint=hint)
    return chosen


def _link_fault(wish: Wanted, one: Attached) -> str | None:
    """Tell what is wrong with a link; a speed that the host does not tell is not the wanted one."""
    link = wish.link or KINDS[wish.kind].link
    if link is None or (one.link_mbps is not None and one.link_mbps in _LINKS[link]):
        return None
    has = "a link of unknown speed" if one.link_mbps is None else f"a link of {one.link_mbps} Mbit/s"
    return f"{one.kind} on port {one.port} has {has}, and must have {link}"
