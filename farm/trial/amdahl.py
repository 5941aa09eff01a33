"""What a faster stage would buy: Amdahl's law on the stages of a record. Pure."""

from collections.abc import Mapping
from math import inf


def gain(share: float, times: float) -> float:
    """Return how many times faster the whole gets when a part of it, ``share`` of its time, gets ``times`` faster."""
    left = 1 - share + share / times
    return inf if left <= 0 else 1 / left


def largest(stages_mean_ms: Mapping[str, float]) -> tuple[str, float] | None:
    """Return the stage that takes longest and its share of a frame's work; None where no stage was timed."""
    whole = sum(stages_mean_ms.values())
    if whole <= 0:
        return None
    name = max(stages_mean_ms, key=lambda stage: stages_mean_ms[stage])
    return name, stages_mean_ms[name] / whole


def line(stages_mean_ms: Mapping[str, float]) -> str:
    """Return what the longest stage at twice its speed, and at none of its time, would buy; empty where unknown."""
    found = largest(stages_mean_ms)
    if found is None:
        return ""
    name, share = found
    most = gain(share, inf)
    limit = "nothing else is left" if most == inf else f"{most:.2f} times at the very most"
    twice = f"twice as fast it makes a frame {gain(share, 2):.2f} times faster"
    return f"{name} is {share:.0%} of a frame's work: {twice}; {limit}"
