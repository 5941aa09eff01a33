"""Shelly relays of the first generation (1, 1PM, Plug, Plug S, 2.5, 4Pro), over their HTTP interface.

``/relay/N`` and ``/relay/N?turn=on|off`` as in the maker's Gen1 API reference. Not yet tried on a unit here.
"""

import json
from collections.abc import Callable
from http.client import HTTPException
from types import TracebackType
from typing import Self, cast
from urllib.request import OpenerDirector, ProxyHandler, build_opener

from pydantic import BaseModel, ConfigDict, Field

from ..errors import SwitchOffline
from .confirm import confirm

_TIMEOUT_S = 3.0
"""Assumed; a relay on a busy wireless network answers within a second."""
_CONFIRM_WITHIN_S = 2.0
"""Assumed; the relay reports its new state with the answer to the command already."""
_HINT = "does the relay have power and its network, and is the url its address?"


def parse(answer: bytes) -> bool:
    """Return the ``ison`` of an answer; ValueError when it has none that is true or false."""
    fields: object = json.loads(answer)
    ison = cast("dict[str, object]", fields).get("ison") if isinstance(fields, dict) else None
    if not isinstance(ison, bool):
        raise ValueError(f"no relay state in {answer[:60]!r}")
    return ison


class Shelly:
    """One relay of a Shelly."""

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        url: str
        """``http://`` and the address."""
        relay: int = Field(default=0, ge=0)
        min_off_s: float = Field(default=2.0, gt=0)
        """Assumed long enough for the capacitors of a board and its supply."""

    def __init__(self, name: str, get: Callable[[str], bytes], options: "Shelly.Config") -> None:
        """Switch through ``get``, which returns what stands at a path or raises OSError."""
        self.name = name
        self.min_off_s = options.min_off_s
        self._get = get
        self._path = f"/relay/{options.relay}"

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Ask the relay for its state and leave it as it is.

        Raises:
            SwitchOffline: nothing answers there, or no such relay.
        """
        options = cls.Config.model_validate(config)
        switch = cls(name, _getter(options.url), options)
        switch.state()
        return switch

    def on(self) -> None:
        """Switch on and return once the relay says so; SwitchOffline, SwitchUnconfirmed."""
        self._turn(True)

    def off(self) -> None:
        """Switch off and return once the relay says so; SwitchOffline, SwitchUnconfirmed."""
        self._turn(False)

    def state(self) -> bool:
        """Ask the relay: True when on; SwitchOffline when it does not answer so that one could tell."""
        return self._ask(self._path)

    def close(self) -> None:
        """Nothing is held between two requests."""

    def __enter__(self) -> Self:
        """Return the switch itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the switch; its state stays."""
        self.close()

    def _turn(self, on: bool) -> None:
        self._ask(f"{self._path}?turn={'on' if on else 'off'}")
        confirm(self.name, self.state, on, within_s=_CONFIRM_WITHIN_S, hint="is the relay locked in its settings?")

    def _ask(self, path: str) -> bool:
        try:
            return parse(self._get(path))
        except (OSError, HTTPException, ValueError) as error:  # ValueError: no JSON, or a url that is none
            raise SwitchOffline(self.name, f"{path}: {error}", hint=_HINT) from error


def _getter(url: str) -> Callable[[str], bytes]:
    """Return a function that fetches a path under ``url``, never through a proxy: the relay is in the lab."""
    opener: OpenerDirector = build_opener(ProxyHandler({}))

    def get(path: str) -> bytes:
        with opener.open(url.rstrip("/") + path, timeout=_TIMEOUT_S) as answer:
            return answer.read(65536)

    return get
