"""A port of a USB hub that can switch its ports' power, through the program ``uhubctl``.

``uhubctl -l LOCATION -p PORT`` tells, ``-a on|off`` switches. A line of its answer is ``  Port 2: 0503 power highspeed
enable connect [0403:6001 …]`` or ``  Port 2: 0000 off``; a USB 3 hub answers for both of its halves, and a port is off
only when both are. Source: ``print_port_status`` of uhubctl.c, and its README. Not yet tried on a hub here.

The hub confirms what its register says. Some hubs have the register and no transistor behind it: such a port says off
and stays live. A meter on the board's rail, named as ``proof:``, finds that out.
"""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, BaseModel, Field

from ..errors import SwitchOffline
from ..switch import SwitchConfig
from .base import AskedSwitch
from .program import run

_PORT = re.compile(r"^\s*Port (\d+): [0-9a-fA-F]{4}([^\[\n]*)", re.MULTILINE)
"""A port's line up to what is plugged in there, whose name may hold any word."""
_LOCATION = re.compile(r"\d+(-\d+(\.\d+)*)?")
_TIMEOUT_S = 15.0
"""Assumed: it opens every hub of the machine, and switches off twice on some."""
_HINT = "run `uhubctl` by hand: does it list this hub and port, and may this user write to it (udev rule)?"


def _is_location(text: str) -> str:
    if not _LOCATION.fullmatch(text):
        raise ValueError("not a hub's place; write it as `uhubctl` prints it, such as 1-1.4")
    return text


def parse(printed: str, port: int) -> bool:
    """Return whether a port has power; ValueError when the answer does not tell."""
    told = [rest.split() for number, rest in _PORT.findall(printed) if int(number) == port]
    if any("power" in words for words in told):
        return True
    if told and all(words[:1] == ["off"] for words in told):
        return False
    raise ValueError(f"nothing of the power of port {port} in {printed.strip()[:120]!r}")


class UHubCtl(AskedSwitch):
    """One port of a USB hub, through the program uhubctl."""

    class Config(SwitchConfig):
        """Options in the inventory."""

        location: Annotated[
            str, AfterValidator(_is_location), Field(json_schema_extra={"pattern": f"^{_LOCATION.pattern}$"})
        ]
        """The hub's place as ``uhubctl`` prints it, e.g. ``1-1.4``."""
        port: int = Field(ge=1, le=32)
        program: str = Field(default="uhubctl", min_length=1)
        """The program, or its path."""

    disobeyed_hint: ClassVar[str] = "does this hub really switch this port? uhubctl's README lists those that do"

    def __init__(self, name: str, program: Callable[[Sequence[str]], str], options: "UHubCtl.Config") -> None:
        """Switch through ``program``, which takes arguments and returns what was printed, or raises SwitchOffline."""
        super().__init__(name, options.min_off_s)
        self._program, self._port = program, options.port
        self._at = ["-l", options.location, "-p", str(options.port)]

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Ask the hub for the port's state and leave it as it is.

        Raises:
            SwitchOffline: no such program, hub or port, or it may not be used.
        """
        options = cls.Config.model_validate(config)

        def program(arguments: Sequence[str]) -> str:
            return run(name, [options.program, *arguments], timeout_s=_TIMEOUT_S, hint=_HINT)

        switch = cls(name, program, options)
        switch.state()
        return switch

    def state(self) -> bool:
        """Ask the hub: True when the port has power; SwitchOffline when it does not answer so that one could tell."""
        printed = self._program(self._at)
        try:
            return parse(printed, self._port)
        except ValueError as error:
            raise SwitchOffline(self.name, str(error), hint=_HINT) from error

    def send(self, on: bool) -> None:
        """Tell the hub; SwitchOffline."""
        self._program([*self._at, "-a", "on" if on else "off"])
