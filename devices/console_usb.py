"""USB serial adapters by where they are plugged in or by their serial number, whatever ``ttyUSB`` they are today.

``usb:1-1.4.2``        the adapter at this USB path: bus 1, port 1 of its root, then ports 4 and 2 of hubs
``serial:FT0A1B2C``    the adapter with this serial number
``usb:1-1.4.2:1.2``    of an adapter with several ports, the one on interface 2 (of configuration 1)
``…:1.0-port3``        of one with several ports on one interface, its port 3

These are the kernel's own names: ``dmesg`` prints them when an adapter is plugged in.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from .console_name import USB


@dataclass(frozen=True, slots=True)
class Adapter:
    """One port of a USB serial adapter."""

    device: str
    """``/dev/ttyUSB0``, now."""
    usb_path: str
    part: str
    """``:1.0-port0``: configuration, interface, and the port of those that share it."""
    serial_number: str | None
    product: str

    def __str__(self) -> str:
        """Return what a person tells it by."""
        number = "no serial number" if self.serial_number is None else f"serial:{self.serial_number}"
        return f"usb:{self.usb_path}{self.part} ({number}, {self.product or 'no product name'}, {self.device})"

    def is_wanted(self, path: str | None, number: str | None, part: str) -> bool:
        """Tell whether a form names it."""
        if path is not None and path != self.usb_path:
            return False
        if number is not None and number != self.serial_number:
            return False
        return not part or part in (self.part, self.part.partition("-")[0])


def find(port: str, *, root: Path = Path("/")) -> Path:
    """Return the device that ``usb:…`` or ``serial:…`` names now.

    Args:
        port: one of the forms above.
        root: of the file system, for tests.

    Raises:
        ValueError: it is no such form, or fits more than one port: all of them are named.
        FileNotFoundError: it fits none; what there is is named.
    """
    form = USB.fullmatch(port)
    if form is None:
        raise ValueError("names no USB adapter; write usb:1-1.4.2 or serial:NUMBER")
    part = form["usb_part"] or form["serial_part"] or ""
    there = adapters(root)
    found = [one for one in there if one.is_wanted(form["path"], form["number"], part)]
    if len(found) == 1:
        return root / found[0].device.lstrip("/")
    if found:
        which = "; ".join(map(str, found))
        raise ValueError(f"fits {len(found)} ports, and none is guessed: {which}")
    if there:
        raise FileNotFoundError(f"not plugged in; there are {'; '.join(map(str, there))}")
    raise FileNotFoundError("not plugged in; no USB serial adapter is")


def adapters(root: Path = Path("/")) -> list[Adapter]:
    """Return the ports of all USB serial adapters, in the order of their USB paths."""
    found = [one for folder in (root / "sys/class/tty").glob("*") if (one := _adapter(folder)) is not None]
    return sorted(found, key=lambda one: (_natural(one.usb_path), _natural(one.part)))


def _adapter(folder: Path) -> Adapter | None:
    """Return what a tty of the kernel's is, None when it is not on USB or has just gone."""
    try:
        place = (folder / "device").resolve(strict=True)
    except OSError:
        return None  # a virtual console, or unplugged meanwhile
    interface = next((one for one in (place, *place.parents) if (one / "bInterfaceNumber").exists()), None)
    if interface is None:
        return None
    usb = interface.parent
    number = _line(place / "port_number")
    part = f":{interface.name.partition(':')[2]}" + ("" if number is None else f"-port{number}")
    product = " ".join(filter(None, (_line(usb / "manufacturer"), _line(usb / "product"))))
    return Adapter(f"/dev/{folder.name}", usb.name, part, _line(usb / "serial"), product)


def _line(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def _natural(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]
