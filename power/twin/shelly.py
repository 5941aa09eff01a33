"""Twin of a Shelly relay of the first generation: HTTP, JSON.

Paths and fields: the maker's Gen1 API reference (/shelly, /relay/N, /relay/N?turn=on|off|toggle).
"""

from typing import Any

from .http import Query, asked, cut_heads, reply
from .instrument import Twin
from .link import Link, TcpLink


class Shelly(Twin):
    """One relay that feeds the board. It can only be switched when it has a board to switch."""

    def power_up(self) -> None:
        """Nothing is kept here: the rail knows whether it is on."""
        self._relay = int(self.options.get("relay", 0))

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a free port; a connection serves one request."""
        link = TcpLink(self.name, cut_heads, self.respond, one_request=True)
        return link, {"url": f"http://{link.address}"}

    def answer(self, request: bytes) -> bytes:
        """Answer one GET."""
        path, query = asked(request)
        if path is None:
            return reply(400, "Bad Request")
        if path == "/shelly":
            return reply(200, self._about())
        if path != f"/relay/{self._relay}":
            return reply(404, "Not Found")
        return self._turn(query)

    def _turn(self, query: Query) -> bytes:
        how = query.get("turn", "")
        wanted = {"": self.supply.on, "on": True, "off": False, "toggle": not self.supply.on}.get(how)
        if wanted is None:
            return reply(400, "Bad turn")
        if how and self.set_power is not None:
            self.set_power(wanted)
        return reply(200, self._state())

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
