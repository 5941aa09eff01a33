"""Shelly relays of the first generation (1, 1PM, Plug, Plug S, 2.5, 4Pro), over their HTTP interface.

``/relay/N`` and ``/relay/N?turn=on|off`` as in the maker's Gen1 API reference. Not yet tried on a unit here.
"""

import json
from typing import ClassVar, Self, cast

from pydantic import BaseModel, Field

from ..errors import SwitchOffline
from ..switch import SwitchConfig
from .base import AskedSwitch
from .http import NOT_THERE_HINT, Get, Url, ask, getter


def parse(answer: bytes) -> bool:
    """Return the ``ison`` of an answer; ValueError when it has none that is true or false."""
    fields: object = json.loads(answer)
    ison = cast("dict[str, object]", fields).get("ison") if isinstance(fields, dict) else None
    if not isinstance(ison, bool):
        raise ValueError(f"no relay state in {answer[:60]!r}")
    return ison


class Shelly(AskedSwitch):
    """One relay of a Shelly."""

    class Config(SwitchConfig):
        """Options in the inventory."""

        url: Url
        """``http://`` and the address."""
        relay: int = Field(default=0, ge=0)

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")
    disobeyed_hint: ClassVar[str] = "is the relay locked in its settings?"

    def __init__(self, name: str, get: Get, options: "Shelly.Config") -> None:
        """Switch through ``get``, which returns what stands at a path or raises OSError."""
        super().__init__(name, options.min_off_s)
        self._get = get
        self._path = f"/relay/{options.relay}"

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Ask the relay for its state and leave it as it is.

        Raises:
            SwitchOffline: nothing answers there, or no such relay.
        """
        options = cls.Config.model_validate(config)
        switch = cls(name, getter(options.url), options)
        switch.state()
        return switch

    def state(self) -> bool:
        """Ask the relay: True when on; SwitchOffline when it does not answer so that one could tell."""
        return self._ask(self._path)

    def send(self, on: bool) -> None:
        """Tell the relay; SwitchOffline."""
        self._ask(f"{self._path}?turn={'on' if on else 'off'}")

    def _ask(self, path: str) -> bool:
        answer = ask(self.name, self._get, path)
        try:
            return parse(answer)
        except ValueError as error:
            raise SwitchOffline(self.name, f"{path}: {error}", hint=NOT_THERE_HINT) from error
