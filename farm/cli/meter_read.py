"""``farm meter read``: one meter by itself, without an inventory."""

from argparse import Namespace
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .meter_options import config_from, faults_told
from .meter_rows import rows, tell

if TYPE_CHECKING:
    from power.block import Block
    from power.meter import Meter

_MOST_READINGS = 1_000_000
_TRIES = 4
"""As in opening a meter: then it is silent, and not just slow."""


def read(args: Namespace) -> int:
    """Open the meter, print as many readings as are wanted, close it."""
    if not 1 <= args.count <= _MOST_READINGS:
        raise UsageFault(f"--count {args.count}: give 1 to {_MOST_READINGS:,}")
    kind, config = config_from(args)
    with faults_told(), kind.open(args.driver, config) as meter:
        found = list(islice(rows(blocks(meter, args.count)), args.count))
    tell(found, as_json=args.json)
    return Exit.PASS


def blocks(meter: "Meter", count: int) -> "Iterator[Block]":
    """Yield readings; a lost answer or two end nothing, and the reading after them says so."""
    from power.errors import PowerError
    from power.polling import again

    if count == 1:
        yield again(meter.read)
        return
    faults = 0
    while True:
        try:
            for block in meter.stream():
                yield _lost_before(block) if faults else block
                faults = 0
        except PowerError as error:
            faults += 1
            if not error.transient or faults >= _TRIES:
                raise


def _lost_before(block: "Block") -> "Block":
    from dataclasses import replace

    from power.block import Flag

    flags = block.flags.copy()
    flags[:1] |= int(Flag.LOST_BEFORE)
    return replace(block, flags=flags)
