"""What came in while a trial ran."""

from dataclasses import dataclass, field

from power.sampler import Trace

from ..store.spool import KeptTrace
from .clock import ClockMap
from .host import Heartbeat
from .remote import Run
from .state.watch import Watched
from .watts import Window

_EDGE_NS = 1_000_000_000
"""A late stamp moves energy into or out of a window only this near to its edges, or within twice the quiet around it:
that is more than two periods of the slowest meter, and one may average over 20 s."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came in while the trial ran."""

    run: Run
    traces: dict[str, Trace]
    times: ClockMap
    idle_before: Window
    idle_after: Window
    quiet_s: float
    """Around idle windows, frames and bursts, nothing was done for so long."""
    heartbeat: Heartbeat
    watched: Watched = field(default_factory=lambda: Watched(()))
    """The board's state meanwhile."""

    @property
    def long_traces(self) -> dict[str, KeptTrace]:
        """By meter: those that lie in pieces on the disk."""
        return {name: kept for name, trace in self.traces.items() if isinstance(kept := trace.readings, KeptTrace)}

    @property
    def lateness_max_ns(self) -> int:
        """How late the controller was at worst."""
        return self.heartbeat.lateness_max_ns(self.idle_before.start_ns, self.idle_after.end_ns)

    def bound_ns(self, window: Window) -> int:
        """Return how far the readings' stamps and a window's edges may be apart: see :class:`.watts.Windows`."""
        near_ns = max(_EDGE_NS, round(2 * self.quiet_s * 1e9))
        edges_ns = (window.start_ns, window.end_ns)
        late_ns = [self.heartbeat.lateness_max_ns(edge - near_ns, edge + near_ns) for edge in edges_ns]
        return self.times.bound_ns + max(late_ns)
