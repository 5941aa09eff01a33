"""``farm trace plot``: a trace of another program in the terminal, or as a picture."""

import sys
from typing import TYPE_CHECKING

from .output import say

if TYPE_CHECKING:
    from pathlib import Path

    from power.trace import Recorded

_COLUMNS = 72


def plot(
    trace: "Recorded", window_ns: tuple[int, int] | None, *, all_of_it: bool, title: str, png: "Path | None"
) -> None:
    """Draw the watts over seconds, the window marked.

    Args:
        trace: rows in any order.
        window_ns: on the trace's clock; None: there is none.
        all_of_it: else of the window alone.
        title: what stands above the picture.
        png: where the picture goes; None: it is drawn in the terminal.

    Raises:
        power.trace.TraceError: fewer than two rows to draw, or rows of several meters.
        LabFault: the file cannot be written.
    """
    import numpy as np

    from power.trace import Recorded, TraceError, mixed_marks, when

    if mixed := mixed_marks(trace):
        raise TraceError(f"rows of several meters at one time: say which with --mark: {', '.join(mixed)}")
    t_ns, first = np.unique(trace.t_ns, return_index=True)
    shown = Recorded(trace.form, t_ns, trace.watts[first], trace.volts[first], trace.amps[first], dated=trace.dated)
    if not all_of_it and window_ns is not None:
        shown = shown.pick((t_ns >= window_ns[0]) & (t_ns <= window_ns[1]))
    if len(shown.t_ns) < 2:
        raise TraceError(f"fewer than two rows to draw; the trace has {len(trace.t_ns)}")
    zero_ns = window_ns[0] if window_ns is not None else int(shown.t_ns[0])
    window_s = None if window_ns is None else (0.0, (window_ns[1] - window_ns[0]) / 1e9)
    said = f"{len(shown.t_ns):,} rows, seconds from {when(trace, zero_ns)}"
    if png is not None:
        from ..report.trace_plot import write_png

        write_png(shown, zero_ns, window_s, f"{title}: {said}", png)
        say(f"{png}: {said}")
        return
    from ..report.terminal_plot import Lane
    from ..report.terminal_plot import plot as draw

    say(said)
    lanes = [] if window_s is None else [Lane("window", [window_s])]
    columns = min(_COLUMNS, len(shown.t_ns))  # fewer rows than columns would leave holes
    t_s = (shown.t_ns - zero_ns) / 1e9
    for line in draw(t_s, shown.watts, lanes, columns=columns, encoding=sys.stdout.encoding):
        say(line)
