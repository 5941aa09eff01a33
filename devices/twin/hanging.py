"""Accelerators that hang on a board twin: the files by which a kernel tells of them, and nothing that computes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..accelerator import KINDS
from .tree import write_atomically

_MBPS = {"usb2": 480, "usb3": 5000}


@dataclass(frozen=True, slots=True)
class Hanging:
    """One of them."""

    kind: str
    """Of :data:`devices.accelerator.KINDS`."""
    link: str | None = None
    """Of USB, ``usb2`` or ``usb3``; None: the kind's own."""
    port: str | None = None


def attach(root: Path, accelerators: Sequence[Hanging]) -> None:
    """Write what the kernel tells of them, each on a port of its own."""
    for nth, one in enumerate(accelerators, 1):
        kind = KINDS[one.kind]
        vendor, product = kind.ids[-1].split(":")
        if kind.bus == "pci":
            port, bus = f"0000:{nth:02x}:00.0", "pci"
            files = {"vendor": f"0x{vendor}", "device": f"0x{product}"}
        else:
            link = one.link or kind.link or "usb2"
            port, bus = f"{2 if link == 'usb3' else 1}-{nth}", "usb"
            files = {"idVendor": vendor, "idProduct": product, "speed": str(_MBPS[link])}
        for name, text in files.items():
            write_atomically(root / f"sys/bus/{bus}/devices" / (one.port or port) / name, text + "\n")
