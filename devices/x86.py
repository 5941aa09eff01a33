"""What PCs and PC-like boards share: the processor's own sensors, and throttling as counters since boot."""

from dataclasses import replace
from typing import ClassVar

from .board import Board, BoardState, plausible
from .facts import number, starting


class X86(Board):
    """An x86-64 computer that runs Linux; Intel's ``coretemp`` and AMD's ``k10temp`` are read."""

    state_script: ClassVar[str] = r"""
for h in "$R"/sys/class/hwmon/hwmon*; do
  first "$h/name" || continue
  case $v in coretemp|k10temp) ;; *) continue;; esac
  for l in "$h"/temp*_label; do first "$l" && t=$v && file "coretemp.$t" "${l%_label}_input"; done
done
for c in "$R"/sys/devices/system/cpu/cpu[0-9]*; do
  for k in core package; do file "throttle.${c##*/} $k" "$c/thermal_throttle/${k}_throttle_count"; done
done
"""

    remembers_throttling: ClassVar[bool] = True

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Add the core temperatures and the throttle counters.

        A counter tells that it throttled since boot, not that it does now: ``throttled`` is False while all
        are 0, unknown after, and what changed between two looks stands in ``throttle_detail``.
        """
        state = super().read_state(facts)
        sensors = {label: number(facts, f"coretemp.{label}", 1e-3) for label in starting(facts, "coretemp.")}
        celsius = {label: value for label, value in sensors.items() if value is not None and plausible(value)}
        counts = {k: int(n) for k, n in starting(facts, "throttle.").items() if n.isdigit()}
        counted = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
        return replace(
            state,
            celsius=state.celsius | celsius,
            throttled=False if counts and not counted else None,
            throttle_detail=f"throttle events since boot: {counted}" if counted else None,
        )
