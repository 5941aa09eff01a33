"""USB devices that are plugged in now, from sysfs: by vendor and product, told apart by path and serial number."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/bus/usb/devices")


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """One device."""

    path: str
    """Bus and ports, such as ``1-4.2``: stays while nobody replugs the cables."""
    vendor_id: str
    """Four hex digits, small letters."""
    product_id: str
    serial: str | None


def plugged_in(vendor_id: str, products: frozenset[str], *, root: Path = ROOT) -> list[UsbDevice]:
    """Return the devices of a vendor that are one of these products, in the order of their paths."""
    found: list[UsbDevice] = []
    for folder in sorted(root.glob("*-*")):
        if ":" in folder.name:  # an interface of a device
            continue
        if _read(folder / "idVendor") == vendor_id and (product := _read(folder / "idProduct") or "") in products:
            found.append(UsbDevice(folder.name, vendor_id, product, _read(folder / "serial")))
    return found


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return None
