"""What a console's port may be called; nothing is opened or looked for."""

import re
from urllib.parse import urlsplit

USB = re.compile(
    r"usb:(?P<path>\d+-\d+(?:\.\d+)*)(?P<usb_part>:\d+\.\d+(?:-port\d+)?)?"
    r"|serial:(?P<number>\S.*?)(?P<serial_part>:\d+\.\d+(?:-port\d+)?)?"
)
"""``usb:…`` and ``serial:…``, whole: see :mod:`devices.console_usb`."""

_FORMS = "/dev/…, usb:1-1.4.2, serial:NUMBER, socket://host:port or rfc2217://host:port"


def check_port(port: str) -> None:
    """Raise ValueError, in words and with the remedy, when this cannot be a console's port."""
    if "://" in port:
        address(port)
    elif is_usb(port):
        if not USB.fullmatch(port):
            raise ValueError("names no USB adapter; write usb:1-1.4.2, serial:NUMBER, or usb:1-1.4.2:1.1 of several")
    elif not port.startswith("/"):
        raise ValueError(f"no console port; write {_FORMS}")


def is_usb(port: str) -> bool:
    """Tell whether a port is named by USB path or serial number."""
    return port.startswith(("usb:", "serial:"))


def address(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a console's URL; ValueError when it is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("socket", "rfc2217") or not parts.hostname or not parts.port:
        raise ValueError("no console port; write socket://host:port or rfc2217://host:port")
    if parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError(f"wants nothing but a host and a port: {parts.scheme}://{parts.hostname}:{parts.port}")
    return parts.scheme, parts.hostname, parts.port
