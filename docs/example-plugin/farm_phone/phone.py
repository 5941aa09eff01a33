"""A phone: what it can be asked through its app."""

import json
from typing import Any, ClassVar

from devices.board import Board, BoardIdentity, BoardLook, BoardState
from devices.errors import CommandFailed


class Phone(Board):
    """No shell, no root, no sysfs: every answer is the app's word."""

    model: ClassVar[str] = "phone"
    verified: ClassVar[tuple[str, ...]] = ("a made-up app on this host",)

    def identity(self) -> BoardIdentity:
        """Ask the app which phone this is, and since which start."""
        said = self._ask("identity")
        return BoardIdentity(
            serial_number=_text(said, "serial_number"), boot_id=_text(said, "boot_id"), os=_text(said, "os")
        )

    def boot_id(self, *, timeout_s: float = 30.0) -> str:
        """Return what changes with every start of the phone."""
        return _text(self._ask("identity", timeout_s), "boot_id") or ""

    def state(self) -> BoardState:
        """Ask for the battery's temperature, whether the phone holds itself back, and what memory is free."""
        said = self._ask("state")
        celsius, throttled, free = (said.get(key) for key in ("battery_celsius", "throttled", "memory_free_bytes"))
        return BoardState(
            celsius={"battery": float(celsius)} if isinstance(celsius, int | float) else {},
            throttled=throttled if isinstance(throttled, bool) else None,
            memory_free_bytes=free if isinstance(free, int) else None,
        )

    def look(self, *, timeout_s: float = 30.0) -> BoardLook:
        """Ask for both; the app tells no date."""
        self.shell.run("true", timeout_s=timeout_s)
        return BoardLook(self.identity(), self.state())

    def reboot(self, *, timeout_s: float) -> str:
        """Refuse: no app restarts its phone."""
        del timeout_s
        raise CommandFailed(self.name, "a phone is restarted by hand", exit_status=126)

    def _ask(self, word: str, timeout_s: float = 30.0) -> dict[str, Any]:
        return json.loads(self.shell.run(word, timeout_s=timeout_s).stdout)


def _text(said: dict[str, Any], key: str) -> str | None:
    value = said.get(key)
    return value if isinstance(value, str) and value else None
