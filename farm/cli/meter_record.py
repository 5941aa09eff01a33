"""``farm meter record``: what a unit really says, byte by byte, as a file that tests play to its driver again."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, LabFault, UsageFault
from .meter_named import Named, add_named, opened
from .output import progress, say

if TYPE_CHECKING:
    from power.wire import Made, Recording, Tape

_MOST_READINGS = 100_000
_MADE: "dict[str | None, Made]" = {"board": "instrument", "process twin": "process twin", "qemu twin": "qemu twin"}


def arguments(parser: ArgumentParser) -> None:
    """Add the meter, and where its bytes go."""
    add_named(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="PATH", help="a new file, or a folder: tests/wire/recorded"
    )
    parser.add_argument("--count", type=int, default=20, metavar="N", help="so many readings at least [20]")
    parser.add_argument("--made", choices=("instrument", "twin"), help="with --driver: what is it that speaks?")
    parser.add_argument("--origin", default="", metavar="TEXT", help="whose unit, which firmware, on what load")
    parser.add_argument("--anonymous", action="store_true", help="put a stand-in for its serial number")


def record(args: Namespace) -> int:
    """Open the meter, keep all that goes over its cable and some readings, write them."""
    from power.port import opened_by
    from power.wire import Tape, without_secrets

    if not 1 <= args.count <= _MOST_READINGS:
        raise UsageFault(f"--count {args.count}: give 1 to {_MOST_READINGS:,}")
    if args.driver is not None and args.made is None:
        raise UsageFault("--driver: no inventory says what speaks there; add --made instrument, or --made twin")
    if args.meter is not None and args.made is not None:
        raise UsageFault(f"--made: the inventory says what {args.meter} is; leave it out")
    tape = Tape()
    with opened_by(tape), opened(args, "farm meter record") as (named, _):
        progress(f"recording {named.name}")
        found = _recorded(named, tape, args)
        progress("")
    if not tape.pieces:
        raise UsageFault(
            f"{named.name}: nothing went over a link that can be recorded: driver {named.driver} asks a program, a "
            "file or a library; record a meter on a serial line, a socket or USB"
        )
    path = _write(without_secrets(found.model_copy(update={"exchange": tape.pieces}), named.secrets), args)
    sizes = {way: sum(len(data) // 2 for _, one, data in tape.pieces if one == way) for way in (">", "<")}
    say(f"{path}: {len(found.readings)} readings of {_who(found)}; {sizes['>']:,} bytes to it, {sizes['<']:,} from it")
    return Exit.PASS


def _recorded(named: Named, tape: "Tape", args: Namespace) -> "Recording":
    from power.by_itself import some
    from power.calibrated import raw
    from power.paired import PairedMeter
    from power.wire import Recording

    if isinstance(named.meter, PairedMeter):
        raise UsageFault(
            f"{named.name}: two instruments tell its watts, and a recording is of one; record each with --driver"
        )
    meter = raw(named.meter)
    blocks = list(some(meter, max(2, args.count)))  # from two on as a stream
    return Recording(
        driver=named.driver,
        made=_MADE.get(named.made, "process twin" if args.made == "twin" else "instrument"),
        origin=args.origin or "recorded by farm meter record",
        identity=asdict(meter.identity()),
        options=named.options,
        exchange=[],
        readings=tape.kept(blocks),
    )


def _write(recording: "Recording", args: Namespace) -> Path:
    from power.wire import anonymous, write

    if args.anonymous:
        try:
            recording = _from_nowhere(anonymous(recording))
        except ValueError as error:
            raise UsageFault(
                f"--anonymous: {error}; nothing was written; keep the file for yourself without it"
            ) from error
    path = args.out
    if path.is_dir():
        twin = "" if recording.made == "instrument" else "-twin"
        number = next(n for n in range(1, 10_000) if not (path / f"{recording.driver}{twin}-{n}.json").exists())
        path /= f"{recording.driver}{twin}-{number}.json"
    try:
        write(recording, path)
    except FileExistsError as error:
        raise UsageFault(f"{path}: is there already; give the name of a new file") from error
    except OSError as error:
        raise LabFault(
            str(path), f"cannot be written: {error.strerror}", hint="is the folder there, the disk full?"
        ) from error
    return path


def _from_nowhere(recording: "Recording") -> "Recording":
    """Return it without the address of the lab's instrument, where the driver does without one."""
    from pydantic import ValidationError

    from power.registry import load_meter

    model = load_meter(recording.driver).Config
    options = {**recording.options, next(iter(model.model_fields)): "/recorded"}
    try:
        model.model_validate(options)
    except ValidationError:
        return recording
    return recording.model_copy(update={"options": options})


def _who(recording: "Recording") -> str:
    who = " ".join(filter(None, (recording.identity["maker"], recording.identity["model"])))
    return f"{who or recording.driver}" + (f" ({recording.made})" if recording.made != "instrument" else "")
