"""The serial ports, USB instruments and VISA links that an inventory names, as this user may use them."""

import grp
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from devices.console_holder import holders
from devices.console_name import is_usb
from devices.console_usb import find

from ...lab.words import unknown
from .finding import Finding

if TYPE_CHECKING:
    from ...lab.inventory import Lab

_USB = re.compile(r"USB\d*::(0x[0-9A-Fa-f]+|\d+)::(0x[0-9A-Fa-f]+|\d+)", re.IGNORECASE)
_BY_ID = Path("dev/serial/by-id")

_Wire = tuple[str, str]
"""Who is at it, e.g. ``console of tx2-01``, and the address."""


def look(lab: "Lab", root: Path = Path("/")) -> Iterator[Finding]:
    """Look at whatever of the inventory is plugged into this machine; nothing is opened.

    Args:
        lab: the inventory; its twins are left out, they make their own ports.
        root: of the file system, for tests.
    """
    for who, port in _ports(lab):
        yield _serial(who, port, root)
    resources = _resources(lab)
    for who, resource in resources:
        if found := _USB.match(resource):
            yield _usb(who, resource, (int(found[1], 0), int(found[2], 0)), root)
    for device in sorted((root / "dev").glob("usbtmc*")):
        if not os.access(device, os.R_OK | os.W_OK):
            yield Finding("USB", _shown(device, root), "warn", "may not be read and written by you", _join(device))
    yield from _visa([resource for _, resource in resources])


def _ports(lab: "Lab") -> list[_Wire]:
    consoles = [
        (f"console of {name}", board.console.port)
        for name, board in lab.boards.items()
        if board.console and not board.twin
    ]
    meters = [(name, str(one.options.get("port", ""))) for name, one in lab.meters.items() if not one.twin]
    switches = [(name, str(one.options.get("port", ""))) for name, one in lab.switches.items() if not one.twin]
    return [(who, port) for who, port in [*consoles, *meters, *switches] if port]


def _resources(lab: "Lab") -> list[_Wire]:
    shelves = (*lab.meters.items(), *lab.switches.items())
    return [(name, str(one.options["resource"])) for name, one in shelves if not one.twin and "resource" in one.options]


def _serial(who: str, port: str, root: Path) -> Finding:
    topic, name = "serial ports", f"{port} ({who})"
    if "://" in port:
        return Finding(topic, name, "ok", "a network port; not looked at, so that nobody is disturbed")
    path = root / port.lstrip("/")
    if is_usb(port):
        try:
            path = find(port, root=root)
        except (OSError, ValueError) as error:
            remedy = "plug it in, or write in the inventory the one that is meant, as it is named here"
            return Finding(topic, name, "fail", str(error), remedy)
    try:
        device = path.resolve(strict=True)
    except OSError:
        return Finding(topic, name, "fail", "is not there", _absent(path, root))
    if not stat.S_ISCHR(device.stat().st_mode):
        return Finding(topic, name, "fail", "is no serial port", "name the device, best one under /dev/serial/by-id")
    if not os.access(device, os.R_OK | os.W_OK):
        return Finding(topic, name, "fail", "may not be read and written by you", _join(device))
    if held := holders(str(device)):
        return Finding(topic, name, "warn", f"is held by {' and '.join(held)}", "end it, unless it is the farm at work")
    return Finding(topic, name, "ok", "may be read and written")


def _absent(path: Path, root: Path) -> str:
    there = [_shown(one, root) for one in sorted((root / _BY_ID).glob("*"))]
    hint = unknown(_shown(path, root), there) if there else "/dev/serial/by-id is empty"
    return f"plug it in, or correct the inventory; {hint}"


def _shown(path: Path, root: Path) -> str:
    return "/" + str(path.relative_to(root))


def _join(device: Path) -> str:
    """Say how this user may use a device: by its group, or by a rule where it belongs to root alone."""
    facts = device.stat()
    if facts.st_gid != 0 and facts.st_mode & stat.S_IRGRP and facts.st_mode & stat.S_IWGRP:
        try:
            group = grp.getgrgid(facts.st_gid).gr_name
        except KeyError:
            group = str(facts.st_gid)
        if facts.st_gid in os.getgroups():
            return "look at its rights: you are in its group already"
        return f'sudo usermod -aG {group} "$USER", then log in anew'
    return 'write a udev rule for it with MODE="0660", GROUP="plugdev", or TAG+="uaccess"'


def _usb(who: str, resource: str, wanted: tuple[int, int], root: Path) -> Finding:
    name = f"{resource} ({who})"
    for facts in sorted((root / "sys/bus/usb/devices").glob("*/idVendor")):
        if (int(facts.read_text(), 16), int((facts.parent / "idProduct").read_text(), 16)) != wanted:
            continue
        bus, number = (int((facts.parent / part).read_text()) for part in ("busnum", "devnum"))
        node = root / f"dev/bus/usb/{bus:03d}/{number:03d}"
        if os.access(node, os.R_OK | os.W_OK):
            return Finding("USB", name, "ok", f"is {_shown(node, root)}")
        vendor, product = (f"{part:04x}" for part in wanted)
        rule = f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{product}", TAG+="uaccess"'
        remedy = f"put into /etc/udev/rules.d/70-edge-test-farm.rules: {rule}; then plug it in again"
        return Finding("USB", name, "fail", f"{_shown(node, root)} may not be read and written by you", remedy)
    return Finding("USB", name, "fail", "is not on the bus", "plug it in and switch it on, or correct the inventory")


def _visa(resources: list[str]) -> Iterator[Finding]:
    """Say whether VISA opens the kinds of links that the inventory has; TCP/IP needs nothing more."""
    from importlib.util import find_spec

    from .installed import loads

    needed = {resource.partition("::")[0].rstrip("0123456789").upper() for resource in resources}
    why = loads("pyvisa_py")
    remedy = "pip install --force-reinstall pyvisa pyvisa-py"
    state = "ok" if not why else "fail" if needed else "warn"
    yield Finding("VISA", "pyvisa-py", state, why or "loads; TCP/IP and serial instruments", remedy if why else "")
    for kind, module, package in (("USB", "usb", "pyusb"), ("GPIB", "gpib_ctypes", "gpib-ctypes")):
        if kind not in needed:
            continue
        there = find_spec(module) is not None
        found = f"{package} is installed" if there else f"{package} is not installed"
        yield Finding("VISA", kind, "ok" if there else "fail", found, "" if there else f"pip install {package}")
