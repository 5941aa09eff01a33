"""Which SSH servers greet: many at once in one thread, and nobody logs in."""

import contextlib
import ipaddress
import selectors
import socket
import time
from collections.abc import Mapping

_GREETING = b"SSH-"
"""RFC 4253, section 4.2: the server's identification begins so; lines of other text may stand before it."""
_ENOUGH_BYTES = 4096


def greeting(servers: Mapping[str, tuple[str, int]], *, within_s: float) -> dict[str, bool]:
    """Tell of each server whether it identified itself in time.

    Only numeric addresses are tried, and stand in the answer: to look a name up may block, and an alias of the SSH
    configuration is none.
    """
    greeted: dict[str, bool] = {}
    heard: dict[socket.socket, tuple[str, bytearray]] = {}
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as links:
        for name, (host, port) in servers.items():
            if (begun := _begin(host, port)) is not None:
                heard[links.enter_context(begun)] = name, bytearray()
                greeted[name] = False
                selector.register(begun, selectors.EVENT_READ)
        deadline_ns = time.monotonic_ns() + int(within_s * 1e9)
        while selector.get_map() and (left_s := (deadline_ns - time.monotonic_ns()) / 1e9) > 0:
            for key, _ in selector.select(left_s):
                link: socket.socket = key.fileobj  # pyright: ignore[reportAssignmentType] -- what was registered
                name, text = heard[link]
                data = _received(link)
                text += data
                greeted[name] = _GREETING in text
                if not data or greeted[name] or len(text) > _ENOUGH_BYTES:
                    selector.unregister(link)
    return greeted


def _begin(host: str, port: int) -> socket.socket | None:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    link = socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[version])
    link.setblocking(False)
    link.connect_ex((host, port))  # what fails shows as readable, and then as an error
    return link


def _received(link: socket.socket) -> bytes:
    try:
        return link.recv(_ENOUGH_BYTES)
    except OSError:
        return b""
