"""How a run stands on a board that does not tell it by itself: asked until the board answers, but not for ever."""

from contextlib import suppress
from threading import Event
from time import monotonic_ns

from devices.errors import AuthenticationRefused, ConnectionLost, DeadlineExceeded, DeviceError, Unreachable
from devices.shell import Shell

from .gone import Gone
from .kept import Kept, Seen
from .signs import Signs

BROKEN = (ConnectionLost, Unreachable, DeadlineExceeded, AuthenticationRefused)
"""What a link raises that may be there again in a moment; refused is who comes while a board boots."""
AWAY_S = 45.0
"""So long the board may not answer at all. A Wi-Fi that a board has lost is joined again in less (5 to 30 s, assumed);
a board that needs longer has most likely rebooted, and then its run is lost anyway."""
AGAIN_S = 1.0
"""Between two attempts to reach the board."""
_LOOK_S = 10.0
"""For a login and a look on the slowest board (assumed; a Pi Zero W needs 3 s)."""
_SETTLES_S = 4.0
"""A run that a signal has ended may be the first to go of a board that goes down: after so long it is not (assumed:
systemd ends logins and network within this)."""
_CLEAR_S = 30.0
_CLEAR_AWAY_S = 10.0

ROOM = "make room on the board (`df`), or give it another `workdir:` in the inventory"
_MEMORY = "what else runs there (`free`, `top`)? Does the model fit?"


class Lookout:
    """Looks after one run's files on a board. For the thread that follows the run; :meth:`clear` for any."""

    def __init__(self, shell: Shell, kept: Kept, signs: Signs, ending: Event) -> None:
        """Take the way to the board; ``ending``: nobody wants the run any more."""
        self._shell, self._kept, self._signs, self._ending = shell, kept, signs, ending
        self.lost_ns: int | None = None
        """Since when there has been no link, on the controller's clock; None while there is one, as far as is known."""
        self.lost = False
        """Nothing can be done on the board any more."""
        self.away_s = 0.0
        """How long there was no link, in all."""

    def broke(self) -> None:
        """Note that the link has broken."""
        self.lost_ns = self.lost_ns or monotonic_ns()

    def linked(self) -> None:
        """Note that there is a link again."""
        if self.lost_ns is not None:
            self.away_s += (monotonic_ns() - self.lost_ns) / 1e9
            self.lost_ns = None

    def look(self) -> Seen:
        """Ask the board how the run stands; which boot it is on first, for an earlier boot's run is none.

        Raises:
            Gone: it is on another boot.
            devices.errors.DeviceError: the link.
        """
        self._signs.check_boot(timeout_s=_LOOK_S, lost_ns=self.lost_ns or monotonic_ns())
        answer = self._shell.run(self._kept.look(), timeout_s=_LOOK_S, check=False)
        if (seen := self._kept.seen(answer.text)) is None:
            raise ConnectionLost(self._shell.name, f"asked for the run, it says {answer.text[:200]!r}")
        return seen

    def reached(self) -> Seen:
        """Look again and again until the board answers; raises Gone where it does not, as :meth:`look` otherwise."""
        while not self._ending.is_set():
            try:
                return self.look()
            except BROKEN as error:
                self.broke()
                since_ns = self.lost_ns or 0
                if monotonic_ns() - since_ns > AWAY_S * 1e9:
                    evidence = "last: " + str(error).partition("\n")[0].removeprefix(f"{self._shell.name}: ")
                    hint = f"look at its network and its supply; `farm power cycle {self._shell.name}` boots it anew"
                    what = f"answers no more for {AWAY_S:g} s"
                    raise Gone(what, evidence=evidence, hint=hint, t_ns=since_ns, board=True) from None
            self._ending.wait(AGAIN_S)
        raise Gone("is left alone")

    def make_room(self) -> None:
        """End what an earlier run has left behind, as soon as the board answers."""
        while not self._ending.is_set():
            try:
                self._shell.run(self._kept.clear(), timeout_s=_CLEAR_S)
            except BROKEN:
                self.reached()
            else:
                return

    def clear(self) -> None:
        """End the run, if it still runs, and remove its files; a board that is away is left as it is."""
        if not self.lost:
            with suppress(DeviceError):  # the next run there ends it
                self._shell.run(self._kept.clear(), timeout_s=_CLEAR_S if self.lost_ns is None else _CLEAR_AWAY_S)

    def why_ended(self, status: int | None) -> Seen:
        """Return how the run stands that ended with a status before its end; None: it is gone without one.

        Raises:
            Gone: that was not its own doing: memory, disk, or the board went down.
        """
        seen = self.reached()
        if status is not None and status <= 128:
            self._require_space(seen)
            return seen
        with suppress(DeviceError):
            if killed := self._shell.sudo(self._kept.killed(), timeout_s=_LOOK_S, check=False).text.strip():
                evidence = f"its kernel's log has {killed.splitlines()[-1]!r}"
                raise Gone("ran out of memory, and killed its run", evidence=evidence, hint=_MEMORY)
        until_ns = monotonic_ns() + int(_SETTLES_S * 1e9)
        while monotonic_ns() < until_ns and not self._ending.wait(AGAIN_S):
            seen = self.reached()  # raises where the board has gone down, or is back
        self._require_space(seen)
        return seen

    @staticmethod
    def _require_space(seen: Seen) -> None:
        if seen.full:
            raise Gone("has no space left, and its run has ended", evidence=seen.said, hint=ROOM)
