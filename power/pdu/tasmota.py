"""Relays and plugs with the Tasmota firmware, over its web requests.

``/cm?cmnd=Power1%20On`` switches, ``/cm?cmnd=Power1`` asks; the answer is ``{"POWER1":"ON"}``, or ``{"POWER":"ON"}``
from a device with one relay. User and password go in the query; without them the device answers 401, older ones 200,
with ``{"WARNING":"Need user=<username>&password=<password>"}``. Source: Tasmota documentation, "Commands" (with web
requests) and "JSON Status Responses". Not yet tried on a unit here.
"""

import json
from typing import ClassVar, Self, cast
from urllib.parse import quote

from pydantic import BaseModel, Field, SecretStr

from ..errors import SwitchOffline
from ..switch import SwitchConfig
from .base import AskedSwitch
from .http import NOT_THERE_HINT, Get, HttpRefused, Url, getter

_STATES = {"ON": True, "OFF": False}
_WRONG_PASSWORD_HINT = "write the device's web password into `password:`"  # noqa: S105 -- none
_UNREADABLE_HINT = "has the device this relay, and are StateText1 and StateText2 as they were shipped?"


class Refused(ValueError):
    """The device wants another user or password."""


def parse(answer: bytes, relay: int) -> bool:
    """Return the state of one relay.

    Raises:
        Refused: the device wants user and password.
        ValueError: no answer of its, or none about this relay.
    """
    said: object = json.loads(answer)
    fields = cast("dict[str, object]", said) if isinstance(said, dict) else {}
    if "WARNING" in fields:
        raise Refused("refuses the user or the password")
    state = fields.get(f"POWER{relay}", fields.get("POWER") if relay == 1 else None)
    if not isinstance(state, str) or state not in _STATES:
        raise ValueError(f"no state of relay {relay} in {answer[:80]!r}")
    return _STATES[state]


class Tasmota(AskedSwitch):
    """One relay of a device with the Tasmota firmware."""

    class Config(SwitchConfig):
        """Options in the inventory."""

        url: Url
        """``http://`` and the address."""
        relay: int = Field(default=1, ge=1, le=32)
        user: str = "admin"
        """The firmware knows this one only, unless it was built otherwise."""
        password: SecretStr | None = None
        """Sent in the clear, as the firmware wants it: for a network of the lab's own."""

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")
    disobeyed_hint: ClassVar[str] = "does a rule or an interlock on the device hold the relay?"

    def __init__(self, name: str, get: Get, options: "Tasmota.Config") -> None:
        """Switch through ``get``, which returns what stands at a path or raises OSError."""
        super().__init__(name, options.min_off_s)
        self._get, self._relay = get, options.relay
        self._login = ""
        if options.password is not None:
            secret = quote(options.password.get_secret_value(), safe="")
            self._login = f"user={quote(options.user, safe='')}&password={secret}&"

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Ask the relay for its state and leave it as it is.

        Raises:
            SwitchOffline: nothing answers there, no such relay, or the password is wrong.
        """
        options = cls.Config.model_validate(config)
        switch = cls(name, getter(options.url), options)
        switch.state()
        return switch

    def state(self) -> bool:
        """Ask the relay: True when on; SwitchOffline when it does not answer so that one could tell."""
        return self._command(f"Power{self._relay}")

    def send(self, on: bool) -> None:
        """Tell the relay; SwitchOffline."""
        self._command(f"Power{self._relay} {'On' if on else 'Off'}")

    def _command(self, command: str) -> bool:
        hint = NOT_THERE_HINT
        try:
            return parse(self._get(f"/cm?{self._login}cmnd={quote(command)}"), self._relay)
        except OSError as error:
            if isinstance(error, HttpRefused) and error.status == 401:
                hint = _WRONG_PASSWORD_HINT
            raise SwitchOffline(self.name, f"{command}: {error}", hint=hint) from error
        except ValueError as error:
            hint = _WRONG_PASSWORD_HINT if isinstance(error, Refused) else _UNREADABLE_HINT
            raise SwitchOffline(self.name, f"{command}: {error}", hint=hint) from error
