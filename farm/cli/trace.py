"""``farm trace``: power traces that other programs recorded."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .common import add_json
from .output import note, print_json, say

if TYPE_CHECKING:
    from power.trace import Recorded, WindowEnergy
    from power.trace_files import Reading
    from power.trace_session import LoadWindow

HELP = "read power traces of other programs: PTDaemon and MLPerf logs, Joulescope's and any other CSV"

_QUANTITIES = ("time", "watts", "volts", "amps")


def arguments(parser: ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    energy = actions.add_parser("energy", help="joules and mean watts between two instants, by two ways")
    _add_file(energy)
    _add_window(energy)
    energy.set_defaults(action=_energy)
    add_json(energy)
    show = actions.add_parser("show", help="what a trace holds: from when to when, how many watts, and a plot")
    _add_file(show)
    show.set_defaults(action=_show)
    plot = actions.add_parser("plot", help="its watts over time in the terminal, or as a picture; the window marked")
    _add_file(plot)
    _add_window(plot)
    plot.add_argument("--png", type=Path, metavar="OUT", help="write a picture instead")
    plot.set_defaults(action=_plot)
    export = actions.add_parser("export", help="write a trace as MLPerf's rows, as CSV or as Parquet")
    _add_file(export)
    for form, what in (("mlperf", "rows as PTDaemon writes them, in UTC"), ("csv", "CSV"), ("parquet", "Parquet")):
        export.add_argument(f"--{form}", type=Path, metavar="OUT", help=f"write it as {what}")
    export.set_defaults(action=_export)


def _add_window(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from",
        dest="start",
        metavar="TIME",
        help="as 2026-01-31T12:00:00.5Z; seconds for a trace without dates [of an MLPerf run: when its load began]",
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help="likewise [of an MLPerf run: when its load ended]")


def _add_file(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a trace, gzipped or not, or an MLPerf run's folder")
    for quantity in _QUANTITIES:
        what = "times" if quantity == "time" else quantity
        parser.add_argument(f"--{quantity}-column", metavar="NAME", help=f"of a table: where its {what} stand")
    parser.add_argument("--zero", metavar="TIME", help="of a trace without dates: the instant of its zero")
    parser.add_argument("--mark", metavar="TEXT", help="only rows whose mark, or record and meter, contain this")
    parser.add_argument("--channel", type=int, metavar="N", help="of a PTDaemon log: this channel [all together]")
    parser.add_argument("--dates", choices=("mdy", "dmy"), help="of a PTDaemon log: month or day first [found out]")


def run(args: Namespace) -> int:
    """Do what is asked for."""
    from power.trace import TraceError

    try:
        return args.action(args)
    except TraceError as error:
        raise UsageFault(f"{args.file}: {error}") from error


def _energy(args: Namespace) -> int:
    from dataclasses import replace

    from power.trace import window_energy
    from power.trace_session import clock_difference_s, complaints

    trace, window = _windowed(args)
    found = window_energy(trace, window.start_ns, window.end_ns)
    if trace.dated:
        found = replace(found, notes=(*found.notes, *complaints(args.file, window)))
    _tell(found, trace.form, window.source, clock_difference_s(args.file), as_json=args.json)
    return Exit.PASS


def _windowed(args: Namespace) -> "tuple[Recorded, LoadWindow]":
    """Return the trace and the window that a command line means."""
    from power.trace import instant_ns
    from power.trace_files import read_covering
    from power.trace_session import LoadWindow

    if args.file.is_dir() and args.start and args.end:
        window = LoadWindow(instant_ns(args.start), instant_ns(args.end))
        return read_covering(args.file, window.start_ns, window.end_ns, _how(args)), window
    trace = _read(args)
    return trace, _window(args, trace)


def _how(args: Namespace) -> "Reading":
    from power.trace_files import Reading

    columns = {quantity: name for quantity in _QUANTITIES if (name := getattr(args, f"{quantity}_column"))}
    return Reading(columns, args.mark, args.channel, args.dates)


def _show(args: Namespace) -> int:
    import sys
    from collections import Counter

    import numpy as np

    from power.trace import mixed_marks, when

    from ..report.terminal_plot import plot

    trace = _read(args)
    t_ns, watts = trace.t_ns, trace.watts
    first, last = int(t_ns.min()), int(t_ns.max())
    say(f"{trace.form}: {len(t_ns):,} rows from {when(trace, first)} to {when(trace, last)}")
    if mixed_marks(trace):
        for mark in dict.fromkeys(trace.marks):
            own = watts[np.array(trace.marks) == mark]
            say(f"mark {mark}: {len(own):,} rows, {own.min():.6g} to {own.max():.6g} W, mean {own.mean():.6g} W")
        say("rows of several meters at one time are never put together: --mark picks one")
        _note(trace.notes)
        return Exit.PASS
    say(f"{watts.min():.6g} to {watts.max():.6g} W, mean of the rows {watts.mean():.6g} W")
    if len(t_ns) > 1:
        steps_s = np.diff(np.sort(t_ns)) / 1e9
        say(f"a row each {float(np.median(steps_s)):.6g} s, largest gap {float(steps_s.max()):.6g} s")
    for mark, count in Counter(trace.marks).items():
        say(f"mark {mark}: {count:,} rows")
    if last > first:
        order = np.argsort(t_ns, kind="stable")
        for line in plot((t_ns[order] - first) / 1e9, watts[order], encoding=sys.stdout.encoding):
            say(line)
    _note(trace.notes)
    return Exit.PASS


def _plot(args: Namespace) -> int:
    from power.trace_session import load_window

    from .trace_plot import plot

    given = args.start is not None or args.end is not None
    if given:
        trace, window = _windowed(args)
    else:
        trace = _read(args)
        window = load_window(args.file) if trace.dated else None
    window_ns = None if window is None else (window.start_ns, window.end_ns)
    plot(trace, window_ns, all_of_it=not given, title=args.file.name, png=args.png)
    _note(trace.notes)
    return Exit.PASS


def _export(args: Namespace) -> int:
    from ..report.trace_log import write_trace

    wanted = [(form, path) for form in ("mlperf", "csv", "parquet") if (path := getattr(args, form))]
    if not wanted:
        raise UsageFault("nothing to write: give --mlperf, --csv or --parquet OUT")
    trace = _read(args)
    for form, path in wanted:
        say(f"{path}: {write_trace(trace, path, form):,} rows")
    _note(trace.notes)
    return Exit.PASS


def _read(args: Namespace) -> "Recorded":
    from dataclasses import replace

    from power.trace import TraceError, instant_ns
    from power.trace_csv import UNDATED
    from power.trace_files import read

    trace = read(args.file, _how(args))
    if args.zero is None:
        return trace
    if trace.dated:
        raise TraceError("--zero is for a trace without dates; this one has its own")
    notes = tuple(one for one in trace.notes if one != UNDATED)
    return replace(trace, t_ns=trace.t_ns + instant_ns(args.zero), dated=True, notes=notes)


def _window(args: Namespace, trace: "Recorded") -> "LoadWindow":
    """Return from when to when: as the command line says, else the logs beside the trace."""
    from power.trace import TraceError
    from power.trace_session import LoadWindow, hours_off, load_window

    if args.start is None and args.end is None:
        found = load_window(args.file) if trace.dated else None
        if found is None:
            raise TraceError("from when to when? give --from and --to")
        if (hours := hours_off(trace, found)) is not None:
            told = f"{found.source}: the watts of that time stand {hours:+d} h from there"
            raise TraceError(f"{told}; one of the two is not in UTC: give --from and --to as the watts have it")
        return found
    if args.start is None or args.end is None:
        raise TraceError(f"give {'--from' if args.start is None else '--to'} too")
    return LoadWindow(_instant(args.start, trace), _instant(args.end, trace))


def _instant(text: str, trace: "Recorded") -> int:
    from power.trace import TraceError, instant_ns

    if trace.dated:
        return instant_ns(text)
    try:
        return round(float(text) * 1e9)
    except ValueError:
        raise TraceError(
            f"its times count from a zero of its own: give --zero TIME, or --from and --to in seconds, not {text!r}"
        ) from None


def _tell(
    found: "WindowEnergy", form: str, source: str | None, ahead_s: "tuple[float, float] | None", *, as_json: bool
) -> None:
    from dataclasses import asdict

    if as_json:
        more = {"window": source, "clock_difference_s": None if ahead_s is None else list(ahead_s)}
        print_json({**asdict(found), "format": form, **more, "notes": list(found.notes)})
        return
    say(f"{found.joules_trapezoid:.7g} J by trapezoids, {found.joules_mean:.7g} J as mean times duration")
    rows = "row" if found.rows == 1 else "rows"
    say(f"{found.mean_watts:.6g} W mean of {found.rows} {rows} in {found.duration_s:.6g} s")
    say(f"largest gap {found.largest_gap_s:.6g} s; read as {form}")
    if source is not None:
        say(f"window: {source}")
        say(f"clock of the watts against the load's: {_ahead(ahead_s)}")
    _note(found.notes)


def _ahead(ahead_s: "tuple[float, float] | None") -> str:
    if ahead_s is None:
        return "not known, taken as the same"
    low, high = (f"{one * 1e3:+.1f}" for one in ahead_s)
    return f"{low} to {high} ms ahead by the session's own messages; not corrected"


def _note(notes: Iterable[str]) -> None:
    for one in notes:
        note(f"note: {one}")
