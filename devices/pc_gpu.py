"""PC with an NVIDIA GPU."""

from dataclasses import replace
from typing import ClassVar

from .board import BoardState, plausible
from .facts import number, starting
from .x86 import X86

# nvml.h, nvmlClocksThrottleReason*
_HELD_BACK = {
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
_TOLD = {0x04: "power cap"}
"""Clocks move at the card's power limit as they should; it is told, for two runs may differ by it."""

_GPUS = r"""
nvidia-smi --query-gpu=index,temperature.gpu,clocks.sm,clocks.mem,clocks_throttle_reasons.active \
  --format=csv,noheader,nounits 2>/dev/null |
  while IFS=', ' read -r n t sm mem why; do fact "gpu.$n" "$t $sm $mem $why"; done
"""


class PcGpu(X86):
    """The reference column: x86-64 and CUDA. What the GPUs say comes from ``nvidia-smi``, in one call."""

    model: ClassVar[str] = "pc-gpu"
    verified: ClassVar[tuple[str, ...]] = ("published bytes",)
    boot_timeout_s: ClassVar[float] = 240.0
    """Assumed: a desktop's firmware and its services."""
    state_script: ClassVar[str] = X86.state_script + _GPUS
    watch_script: ClassVar[str] = _GPUS

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Add each GPU's temperature and clocks, and what holds its clocks back now."""
        state = super().read_state(facts)
        celsius, clock_hz = dict(state.celsius), dict(state.clock_hz)
        throttled, told = state.throttled, [state.throttle_detail] if state.throttle_detail else []
        for index, answer in starting(facts, "gpu.").items():
            said: dict[str, str] = dict(zip(("celsius", "sm", "mem", "why"), answer.split(), strict=False))
            if (read := number(said, "celsius")) is not None and plausible(read):
                celsius[f"gpu{index}"] = read
            clocks = {f"gpu{index}.{domain}": number(said, domain, 1e6) for domain in ("sm", "mem")}
            clock_hz |= {name: round(hz) for name, hz in clocks.items() if hz}
            reasons = _reasons(said.get("why", ""))
            if reasons is None:
                continue
            if any(name in _HELD_BACK.values() for name in reasons):
                throttled = True
            elif state.throttle_detail is None:  # else the processor's counters leave it open
                throttled = bool(throttled)
            told += [f"gpu{index}: {', '.join(reasons)}"] * bool(reasons)
        detail = "; ".join(told) or None
        return replace(state, celsius=celsius, clock_hz=clock_hz, throttled=throttled, throttle_detail=detail)


def _reasons(mask: str) -> list[str] | None:
    """Decode the mask of reasons; None where the card tells none."""
    try:
        bits = int(mask, 16)
    except ValueError:
        return None
    return [name for bit, name in (_HELD_BACK | _TOLD).items() if bits & bit]
