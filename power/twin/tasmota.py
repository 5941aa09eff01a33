"""Twin of a device with the Tasmota firmware: HTTP, JSON.

Commands and answers: Tasmota documentation, "Commands".
"""

import re

from .http import asked, cut_heads, reply
from .instrument import Twin
from .link import Link, TcpLink

_POWER = re.compile(r"(?i)power(\d*)(?: (on|off|toggle|0|1|2))?")
_TURNS = {"on": True, "1": True, "off": False, "0": False}


class Tasmota(Twin):
    """One relay that feeds the board; of a device with as many relays as its number says."""

    def power_up(self) -> None:
        """Nothing is kept here: the rail knows whether it is on."""
        self._relay = int(self.options.get("relay", 1))
        self._login = (self.options.get("user", "admin"), self.options.get("password"))

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on a free port; a connection serves one request."""
        link = TcpLink(self.name, cut_heads, self.respond, one_request=True)
        return link, {"url": f"http://{link.address}"}

    def answer(self, request: bytes) -> bytes:
        """Answer one GET."""
        path, query = asked(request)
        if path != "/cm":
            return reply(404, "File Not Found")
        if self._login[1] is not None and (query.get("user"), query.get("password")) != self._login:
            return reply(401, {"WARNING": "Need user=<username>&password=<password>"})
        found = _POWER.fullmatch(query.get("cmnd", ""))
        if found is None or int(found[1] or 1) != self._relay:
            return reply(200, {"Command": "Unknown"})
        if found[2] and self.set_power is not None:
            self.set_power(_TURNS.get(found[2].lower(), not self.supply.on))
        key = "POWER" if self._relay == 1 else f"POWER{self._relay}"
        return reply(200, {key: "ON" if self.supply.on else "OFF"})
