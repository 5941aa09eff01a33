"""``farm meter check``: is a meter right? Its identity, errors, rate, noise, zero and scale."""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import Exit, UsageFault
from .common import add_json
from .meter_named import Named, add_named, opened
from .output import print_json, progress, say, table, warn

if TYPE_CHECKING:
    from power.meter_check import Finding
    from power.meter_gain import Load
    from power.sampler import Trace
    from power.wire import Tape

_MOST_S = 600.0
_ASKS_ERRORS = re.compile(r"(?i)err(or)?(:next)?\?$")
_NO_ERROR = re.compile(r"(?i)(:\S+\s+|err\s+)?[+-]?0+\b")
_CODE = re.compile(r"[+-]?\d+")
_QUEUE_FULL = 350
_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)")


def arguments(parser: ArgumentParser) -> None:
    """Add the meter, and what it is held against."""
    add_named(parser)
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="read for so long [5]")
    parser.add_argument("--zero", action="store_true", help="the load is off: what it reads is its offset")
    load = parser.add_mutually_exclusive_group()
    load.add_argument(
        "--load-ohms", type=float, metavar="OHMS", help="a known load is on it; switch it meanwhile if you can"
    )
    load.add_argument("--load-watts", type=float, metavar="WATTS", help="the same of a load that takes known watts")
    parser.add_argument("--load-tolerance", default="1%", metavar="PART", help="of that load, as 1%% or 0.01 [1%%]")
    parser.add_argument("--against", metavar="METER", help="another meter of the inventory on the same rail")
    add_json(parser)


def check(args: Namespace) -> int:
    """Read the meter for some seconds and tell what is not right; 3 where something is not."""
    from power.port import opened_by
    from power.wire import Tape

    load = _load(args)
    if not 0 < args.seconds <= _MOST_S:
        raise UsageFault(f"--seconds {args.seconds:g}: give more than 0 and at most {_MOST_S:g}")
    if args.against is not None and args.meter is None:
        raise UsageFault("--against: goes with a meter of the inventory; name that one, not --driver")
    if args.zero and load is not None:
        raise UsageFault("--zero: the load is off, and --load says that it is on; check one after the other")
    tape = Tape()
    with opened_by(tape), opened(args, "farm meter check") as (named, opener):
        findings = [*_identity(named), *_errors(named, tape)]
        tape.stop()
        other = opener(args.against) if args.against else None
        progress(f"reading {named.name} for {args.seconds:g} s")
        traces = _sampled([named, *([other] if other else [])], args.seconds)
        progress("")
        findings += list(_judged(named, traces[0], args, load))
        if other is not None:
            findings += _compared((named, traces[0]), (other, traces[1]))
    return _tell(named, findings, args)


def _load(args: Namespace) -> "Load | None":
    from power.meter_gain import Load

    found = _PERCENT.fullmatch(args.load_tolerance.strip())
    tolerance = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= tolerance < 1:
        raise UsageFault(f"--load-tolerance {args.load_tolerance}: write it as 1% or 0.01")
    for option in ("ohms", "watts"):
        value = getattr(args, f"load_{option}")
        if value is not None and not 0 < value < float("inf"):
            raise UsageFault(f"--load-{option} {value:g}: give the load's {option}, more than 0")
    if args.load_ohms is None and args.load_watts is None:
        return None
    return Load(args.load_ohms, args.load_watts, tolerance)


def _identity(named: Named) -> "Iterator[Finding]":
    from power.meter_check import Finding

    who = named.meter.identity()
    told = {"maker": who.maker, "model": who.model, "serial number": who.serial_number, "firmware": who.firmware}
    said = ", ".join(
        f"{name} {value}" if name in ("serial number", "firmware") else value for name, value in told.items() if value
    )
    known = named.options.get("serial_number") is not None
    any_unit = bool(who.serial_number) and not known and named.made is not None
    if any_unit:
        said += "; the inventory names no serial number: any unit would do"
    yield Finding("identity", said or "it does not say", doubt=any_unit)
    if named.warning:
        yield Finding("calibration", named.warning, doubt=True)


def _errors(named: Named, tape: "Tape") -> "Iterator[Finding]":
    """Yield what the instrument's error queue held, before it was opened too; nothing of a meter that has none."""
    from power.errors import FrameError, MeterOffline
    from power.meter_check import Finding

    ask: Any = getattr(named.meter, "errors", None)
    if ask is None:
        return
    try:
        ask()
    except (FrameError, MeterOffline) as fault:
        if isinstance(fault.__cause__, OSError):
            raise
        yield Finding("errors", f"it does not tell: {str(fault).partition(chr(10))[0]}")
        return
    found = [
        answer for question, answer in tape.asked() if _ASKS_ERRORS.search(question) and not _NO_ERROR.match(answer)
    ]
    grave = [answer for answer in found if _is_grave(answer)]
    hint = "they are taken out of its queue now; look at its display, and have it repaired if they come back"
    said = "; ".join(found) or "none"
    yield Finding("errors", said, {"count": len(found)}, "; ".join(grave), hint, doubt=bool(found))


def _is_grave(error: str) -> bool:
    """Tell an error of the instrument itself from a wrong command, which says more of who sent it.

    By SCPI-99, 21.8: 100 to 299 and 400 to 499 are of commands and questions, 350 is a full queue. Most count them
    downwards from 0, Yokogawa upwards.
    """
    found = _CODE.search(error)
    code = abs(int(found[0])) if found else 0
    return code // 100 not in (1, 2, 4) and code != _QUEUE_FULL


def _sampled(meters: list[Named], seconds: float) -> "list[Trace]":
    """Read all of them at the same time."""
    from time import sleep

    from power.sampler import Sampler

    with ExitStack() as stack:
        samplers = [stack.enter_context(Sampler(one.meter)) for one in meters]
        sleep(seconds)
        return [sampler.stop() for sampler in samplers]


def _judged(named: Named, trace: "Trace", args: Namespace, load: "Load | None") -> "Iterator[Finding]":
    from power.meter_check import noise, rate, values, zero
    from power.meter_gain import against_load

    block, meter = trace.block, named.meter
    yield rate(block, meter.rate_hz)
    yield values(block)
    yield from noise(block)
    if args.zero:
        yield from zero(block, meter.accuracy)
    if load is not None:
        yield against_load(block, meter.accuracy, load)


def _compared(one: "tuple[Named, Trace]", other: "tuple[Named, Trace]") -> "list[Finding]":
    from power.meter_gain import Read, against_meter

    reads = [Read(named.name, trace.block, named.meter.accuracy, named.meter.rate_hz) for named, trace in (one, other)]
    return against_meter(*reads)


def _word(finding: "Finding") -> str:
    return "wrong" if finding.wrong else "look" if finding.doubt else "ok"


def _tell(named: Named, findings: "list[Finding]", args: Namespace) -> int:
    wrong = [finding for finding in findings if finding.wrong]
    if args.json:
        print_json(
            {
                "meter": named.name,
                "driver": named.driver,
                "made": named.made,
                "identity": asdict(named.meter.identity()),
                "accuracy": named.meter.accuracy.source,
                "right": not wrong,
                "findings": [
                    {
                        "what": one.what,
                        "state": _word(one),
                        "said": one.said,
                        "figures": dict(one.figures),
                        "wrong": one.wrong or None,
                    }
                    for one in findings
                ],
            }
        )
    else:
        made = f" ({named.made})" if named.made not in (None, "board") else ""
        say(f"{named.name}{made}, driver {named.driver}; limits of error: {named.meter.accuracy.source}")
        table(("what", "", "found"), [(one.what, _word(one), one.said) for one in findings])
    for one in wrong:
        warn(f"lab fault: {named.name}: {one.what}: {one.wrong}" + f"\n  try: {one.hint}" * bool(one.hint))
    return Exit.LAB_FAULT if wrong else Exit.PASS
