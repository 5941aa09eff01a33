"""Faults put into the farm's path on purpose, between sampler and energy: the benchmark must see each."""

from collections.abc import Callable

import numpy as np

from power.block import Block

from .loads import WINDOWS_S

GAIN = 1.03
SHIFT_NS = 50_000_000
DROPPED_S = 1.0


def gain(block: Block, begin_ns: int) -> Block:  # noqa: ARG001 -- all breaks are called alike
    """All currents read 3 % high."""
    return Block(block.t_ns, block.volts, block.amps * GAIN, block.flags)


def clock(block: Block, begin_ns: int) -> Block:  # noqa: ARG001 -- all breaks are called alike
    """All readings are stamped 50 ms late."""
    return Block(block.t_ns + SHIFT_NS, block.volts, block.amps, block.flags)


def block(block: Block, begin_ns: int) -> Block:
    """A second's readings vanish without a flag, in the middle of each window."""
    t_s = (block.t_ns - begin_ns) / 1e9
    keep = np.full(len(block), True)
    for start_s, end_s in WINDOWS_S:
        keep &= np.abs(t_s - (start_s + end_s) / 2) > DROPPED_S / 2
    return Block(block.t_ns[keep], block.volts[keep], block.amps[keep], block.flags[keep])


BREAKS: dict[str, Callable[[Block, int], Block]] = {"gain": gain, "clock": clock, "block": block}
