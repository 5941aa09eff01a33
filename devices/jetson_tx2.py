"""NVIDIA Jetson TX2 developer kit, L4T 32 (Ubuntu 18.04)."""

import re
from dataclasses import replace
from typing import ClassVar

from .board import Board, BoardState, held_back
from .facts import COOLING, integer

_MODE = re.compile(r"NV Power Mode: (\S+)")

_NO_SENSORS = ("PMIC-Die",)
"""Reads a constant 100 °C (L4T 32), whatever the chip does."""


class JetsonTX2(Board):
    """Two Denver and four A57 cores, of which the power mode decides who is on."""

    model: ClassVar[str] = "jetson-tx2"
    state_script: ClassVar[str] = (
        COOLING
        + r"""
file gpu_hz "$R/sys/devices/17000000.gp10b/devfreq/17000000.gp10b/cur_freq"
file emc_hz "$R/sys/kernel/debug/clk/emc/clk_rate"
fact power_mode "$({ nvpmodel -q || sudo -n nvpmodel -q; } 2>/dev/null </dev/null | tr '\n' ' ')"
"""
    )
    """The memory clock lies in debugfs: only where the login is root."""

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Add the power mode, the GPU's and the memory's clock, and what thermal management holds back."""
        state = super().read_state(facts)
        clocks = {name: integer(facts, f"{name}_hz") for name in ("gpu", "emc")}
        mode = _MODE.search(facts.get("power_mode", ""))
        throttled, detail = held_back(facts)
        return replace(
            state,
            celsius={zone: celsius for zone, celsius in state.celsius.items() if zone not in _NO_SENSORS},
            clock_hz=state.clock_hz | {name: hz for name, hz in clocks.items() if hz is not None},
            power_mode=mode[1] if mode else None,
            throttled=throttled,
            throttle_detail=detail,
        )
