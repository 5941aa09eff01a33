"""pdudaemon, the switch server of many LAVA labs, over its HTTP listener.

``GET /power/control/on?hostname=PDU&port=OUTLET`` answers 200 ``OK - accepted request`` once the request stands in its
queue, else 500 and why; there is no way to ask for an outlet's state. Source: pdudaemon ``httplistener.py``.
So this switch can never confirm: it needs a meter on the board's rail, named as its ``proof:`` in the inventory.
"""

from typing import ClassVar, Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from ..errors import SwitchBlind, SwitchOffline
from ..switch import SwitchConfig
from .base import AskedSwitch
from .confirm import BLIND_HINT
from .http import Get, Url, ask, getter

_ACCEPTED = b"OK"


class PduDaemon(AskedSwitch):
    """One outlet of a PDU behind pdudaemon, which tells no state."""

    class Config(SwitchConfig):
        """Options in the inventory."""

        url: Url
        """Of the daemon, ``http://192.0.2.50:16421`` unless it was set otherwise."""
        hostname: str = Field(min_length=1)
        """The PDU as the daemon's own configuration names it."""
        outlet: str = Field(min_length=1)
        """What the daemon calls ``port``: a number for most PDUs."""

        @property
        def reads_back(self) -> bool:
            """Never: the daemon cannot be asked."""
            return False

    disobeyed_hint: ClassVar[str] = BLIND_HINT

    def __init__(self, name: str, get: Get, options: "PduDaemon.Config") -> None:
        """Switch through ``get``, which returns what stands at a path or raises OSError."""
        super().__init__(name, options.min_off_s)
        self._get = get
        self._query = urlencode({"hostname": options.hostname, "port": options.outlet})

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Take the address. There is nothing to ask that would switch nothing: a dead daemon shows at the first use."""
        options = cls.Config.model_validate(config)
        return cls(name, getter(options.url), options)

    def state(self) -> bool:
        """Raise SwitchBlind: the daemon cannot be asked."""
        raise SwitchBlind(self.name, "pdudaemon does not tell an outlet's state", hint=BLIND_HINT)

    def send(self, on: bool) -> None:
        """Hand the request to the daemon; SwitchOffline unless it accepts it."""
        path = f"/power/control/{'on' if on else 'off'}?{self._query}"
        answer = ask(self.name, self._get, path)
        if not answer.startswith(_ACCEPTED):
            hint = "does the url lead to pdudaemon's HTTP listener?"
            raise SwitchOffline(self.name, f"{path}: answers {answer[:60]!r}", hint=hint)
