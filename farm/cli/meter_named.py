"""One meter that a command line names: of the inventory, its board held meanwhile; or by driver and resource."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UsageFault
from .common import STATE, add_inventory, open_lab
from .meter_options import add_link, add_options, config_from, faults_told

if TYPE_CHECKING:
    from pydantic import BaseModel

    from power.meter import Meter

    from ..lab.inventory import Lab
    from ..store.record import Made


@dataclass(frozen=True, slots=True)
class Named:
    """An open meter, and what is known of it."""

    name: str
    driver: str
    made: "Made | None"
    """None: no inventory says."""
    meter: "Meter"
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    """As the driver took them."""
    secrets: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Those of the options that nobody may see."""
    warning: str = ""
    """What is to be said against its calibration."""


Opener = Callable[[str], Named]
"""Opens one more meter of the inventory that is on the same rail; UsageFault where there is none of that name."""


def add_named(parser: ArgumentParser) -> None:
    """Add both ways to name a meter."""
    parser.add_argument("meter", nargs="?", metavar="METER", help="of the inventory; else give --driver")
    add_link(parser)
    add_options(parser)
    add_inventory(parser)
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="for a board in use [0]")


@contextmanager
def opened(args: Namespace, reason: str) -> Generator[tuple[Named, Opener]]:
    """Open the meter; the board that it is wired to is nobody else's meanwhile, and stays as it is.

    Raises:
        UsageFault: no such meter, or it is named both ways, or neither.
        LabFault: its board is in use.
        power.errors.PowerError: it does not answer, or another unit does.
    """
    if (args.meter is None) == (args.driver is None):
        raise UsageFault("name a meter of the inventory, or give --driver: one of them")
    if args.driver is not None:
        kind, config = config_from(args)
        with faults_told(), kind.open(args.driver, config) as meter:
            options = config.model_dump(mode="json", exclude_none=True)
            yield Named(args.driver, args.driver, None, meter, options, _secrets(config)), _no_other
        return
    if args.resource is not None or args.options:
        raise UsageFault(f"{args.meter}: the inventory says where it is; leave out --resource and -o")
    lab = open_lab(args)
    _require(lab, args.meter)
    board = _board_of(lab, args.meter)
    with ExitStack() as stack:
        opener = _loose(lab, stack) if board is None else _on_bench(lab, board, args.wait, reason, stack)
        with faults_told():
            named = opener(args.meter)
        yield named, opener


def _secrets(config: "BaseModel") -> dict[str, str]:
    from pydantic import SecretStr

    return {name: value.get_secret_value() for name, value in config if isinstance(value, SecretStr)}


def _no_other(name: str) -> Named:
    raise UsageFault(f"{name}: is a meter of an inventory, and the other one was named by --driver; name it too")


def _require(lab: "Lab", name: str) -> None:
    from ..lab.words import unknown

    if name not in lab.meters:
        raise UsageFault(f"{lab.path}: no meter '{name}'; {unknown(name, lab.meters)}")


def _board_of(lab: "Lab", meter: str) -> str | None:
    from ..lab.paired import with_volts

    return next((board for board, entry in lab.boards.items() if meter in with_volts(lab, entry.meters)), None)


def _loose(lab: "Lab", stack: ExitStack) -> Opener:
    """Return what opens a meter that no board has."""
    from power.registry import load_meter

    from ..lab import calibration
    from ..lab.made import made
    from ..lab.paired import open_wired

    def open_it(name: str) -> Named:
        _require(lab, name)
        if (board := _board_of(lab, name)) is not None:
            raise UsageFault(
                f"{name}: sits on {board}, the other one on no board of the inventory; name the rail's own"
            )
        entry = lab.meters[name]
        right = stack.enter_context(
            open_wired(lab, name, lambda one, its: load_meter(its.driver).open(one, its.config()))
        )
        facts = calibration.facts(lab, name)
        warning = "" if facts is None else facts.warning or ""
        return Named(
            name, entry.driver, made(entry.twin), right, dict(entry.options), _secrets(entry.config()), warning
        )

    return open_it


def _on_bench(lab: "Lab", board: str, wait_s: float, reason: str, stack: ExitStack) -> Opener:
    """Return what opens a meter of a board, which is held from now on; or one of no board, held to its rail."""
    from ..lab.bench import borrow

    bench = stack.enter_context(borrow(lab, board, state=STATE, wait_s=wait_s, reason=reason, even_quarantined=True))
    loose = _loose(lab, stack)

    def open_it(name: str) -> Named:
        _require(lab, name)
        other = _board_of(lab, name)
        if other is None:
            return loose(name)
        if other != board:
            raise UsageFault(f"{name}: sits on {other}, not on {board}: they do not read one rail; name another")
        on = bench.meter(name)
        warning = "" if on.calibration is None else on.calibration.warning or ""
        entry = lab.meters[name]
        return Named(name, on.driver, on.made, on.meter, dict(entry.options), _secrets(entry.config()), warning)

    return open_it
