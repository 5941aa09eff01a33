"""Which SSH servers greet: many at once in one thread, and nobody logs in."""

import contextlib
import ipaddress
import selectors
import socket
import time
from collections.abc import Mapping
from typing import Literal

Answer = Literal["greeted", "refused", "silent"]
_GREETING = b"SSH-"
"""RFC 4253, section 4.2: the server's identification begins so; lines of other text may stand before it."""
_ENOUGH_BYTES = 4096


def greeting(servers: Mapping[str, tuple[str, int]], *, within_s: float) -> dict[str, Answer]:
    """Tell of each server whether it identified itself in time, refused or broke off at once, or stayed silent.

    Only numeric addresses are tried, and stand in the answer: to look a name up may block, and an alias of the SSH
    configuration is none.
    """
    answers: dict[str, Answer] = {}
    heard: dict[socket.socket, tuple[str, bytearray]] = {}
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as links:
        for name, (host, port) in servers.items():
            if (begun := _begin(host, port)) is not None:
                heard[links.enter_context(begun)] = name, bytearray()
                answers[name] = "silent"
                selector.register(begun, selectors.EVENT_READ)
        deadline_ns = time.monotonic_ns() + int(within_s * 1e9)
        while selector.get_map():
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            ready = selector.select(max(0.0, left_s))
            if left_s <= 0 and not ready:  # what has come by then counts, also where this process stood still
                break
            for key, _ in ready:
                link: socket.socket = key.fileobj  # pyright: ignore[reportAssignmentType] -- what was registered
                name, text = heard[link]
                data = _received(link)
                text += data
                if _GREETING in text:
                    answers[name] = "greeted"
                elif not data or len(text) > _ENOUGH_BYTES:
                    answers[name] = "refused"
                if answers[name] != "silent":
                    selector.unregister(link)
    return answers


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
