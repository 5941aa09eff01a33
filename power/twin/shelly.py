"""Twin of a Shelly relay of the first generation: HTTP, JSON.

Paths and fields: the maker's Gen1 API reference (/shelly, /relay/N, /relay/N?turn=on|off|toggle).
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .instrument import Twin
from .link import Link, TcpLink

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found"}
_HEAD_END = b"\r\n\r\n"


class Shelly(Twin):
    """One relay that feeds the board. It can only be switched when it has a board to switch."""

    def power_up(self) -> None:
        """Nothing is kept here: the rail knows whether it is on."""
        self._relay = int(self.options.get("relay", 0))

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a free port; a connection serves one request."""
        link = TcpLink(self.name, _cut_heads, self.respond, one_request=True)
        return link, {"url": f"http://{link.address}"}

    def answer(self, request: bytes) -> bytes:
        """Answer one GET."""
        found = re.match(rb"(GET|POST) (\S+) HTTP/1\.[01]\r\n", request + b"\r\n")
        if found is None:
            return _http(400, "Bad Request")
        url = urlsplit(found[2].decode("latin-1"))
        if url.path == "/shelly":
            return _http(200, self._about())
        if url.path != f"/relay/{self._relay}":
            return _http(404, "Not Found")
        return self._turn(parse_qs(url.query).get("turn", [""])[-1])

    def _turn(self, how: str) -> bytes:
        wanted = {"": self.supply.on, "on": True, "off": False, "toggle": not self.supply.on}.get(how)
        if wanted is None:
            return _http(400, "Bad turn")
        if how and self.set_power is not None:
            self.set_power(wanted)
        return _http(200, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "ison": self.supply.on,
            "has_timer": False,
            "timer_started": 0,
            "timer_duration": 0,
            "timer_remaining": 0,
            "overpower": False,
            "source": "http",
        }

    def _about(self) -> dict[str, Any]:
        return {
            "type": "SHPLG-S",
            "mac": f"C82B961{self.unit_number}",
            "auth": False,
            "fw": "20230913-113421/v1.14.0-gcb84623",
            "num_outputs": self._relay + 1,
        }


def _cut_heads(arrived: bytearray) -> list[bytes]:
    """Cut where a request's head ends; a GET has no body."""
    *heads, rest = bytes(arrived).split(_HEAD_END)
    arrived[:] = rest
    return heads


def _http(status: int, body: dict[str, Any] | str) -> bytes:
    kind, text = ("text/plain", body) if isinstance(body, str) else ("application/json", json.dumps(body))
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nServer: Mongoose/6.18\r\nConnection: close\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(text.encode())}\r\n\r\n"
    )
    return (head + text).encode()
