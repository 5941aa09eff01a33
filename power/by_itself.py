"""A few readings of a meter, where nothing else runs beside it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count as counting

from .block import Block, Flag
from .errors import PowerError
from .meter import Meter
from .polling import again

_TRIES = 4
"""As in opening a meter: then it is silent, and not just slow."""


def some(meter: Meter, count: int) -> Iterator[Block]:
    """Yield at least so many readings; a lost answer or two end nothing, and the reading after them says so.

    Raises:
        PowerError: as the meter's ``stream``: four times in a row, or for good.
    """
    if count == 1:
        yield again(meter.read)
        return
    faults, got = 0, 0
    for _ in counting():
        try:
            for block in meter.stream():
                yield _lost_before(block) if faults else block
                faults, got = 0, got + len(block)
                if got >= count:
                    return
        except PowerError as error:
            faults += 1
            if not error.transient or faults >= _TRIES:
                raise


def _lost_before(block: Block) -> Block:
    flags = block.flags.copy()
    flags[:1] |= int(Flag.LOST_BEFORE)
    return replace(block, flags=flags)
