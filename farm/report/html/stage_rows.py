"""The stages of a frame as texts, and Amdahl's answer to what a faster one would buy."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from farm.trial.amdahl import gain

from .words import ABSENT, figure


class StageRow(NamedTuple):
    """One stage of the pipeline."""

    name: str
    mean: str
    share: str
    twice: str
    """How many times faster a frame gets with this stage at twice its speed; likewise with it at none of its time."""
    gone: str


def stage_rows(stages_mean_ms: Mapping[str, float]) -> list[StageRow]:
    """Return a row for each stage, in their order; none where none was timed."""
    whole = math.fsum(stages_mean_ms.values())
    if not whole > 0:
        return []
    return [
        StageRow(
            name, figure(ms, 3), f"{ms / whole:.1%}", _times(gain(ms / whole, 2)), _times(gain(ms / whole, math.inf))
        )
        for name, ms in stages_mean_ms.items()
    ]


def _times(faster: float) -> str:
    return ABSENT if faster == math.inf else f"{faster:.2f} \N{MULTIPLICATION SIGN}"
