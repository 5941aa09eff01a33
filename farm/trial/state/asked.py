"""What the state of a board is held against while a trial runs."""

from dataclasses import dataclass

from ...store.board_facts import StateFacts
from ..watts import Window
from .demands import Demands


@dataclass(frozen=True, slots=True)
class Asked:
    """Demands, and when what counts."""

    demands: Demands
    before: StateFacts
    """The look just before the trial."""
    begun_ns: int
    """When the first thing began that counts: the idle watts before the frames."""
    frames: Window
    remembers: bool = False
    """See :attr:`devices.board.Board.remembers_throttling`."""

    def seconds(self, t_ns: int) -> float:
        """Return a moment from the first frame's arrival."""
        return (t_ns - self.frames.start_ns) / 1e9

    def when(self, t_ns: int) -> str:
        """Return the same in words."""
        at_s = self.seconds(t_ns)
        return f"at {at_s:.1f} s" if at_s >= 0 else f"{-at_s:.1f} s before the first frame"
