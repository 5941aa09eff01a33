"""Coral Dev Board (i.MX 8M with an Edge TPU), Mendel."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from .board import Board, BoardState, held_back, plausible
from .facts import COOLING, number
from .settings import Setting, files


class CoralDev(Board):
    """Four A53 cores and an Edge TPU whose driver halves its clock at each temperature trip."""

    model: ClassVar[str] = "coral-dev"
    verified: ClassVar[tuple[str, ...]] = ("qemu twin", "process twin", "published bytes")
    supply_volts: ClassVar[tuple[float, float] | None] = (4.75, 5.25)
    """5 V over USB-C and no other profile (maker's data sheet); the tolerance is USB's."""
    state_script: ClassVar[str] = (
        COOLING
        + r"""
for f in temp trip_point0_temp; do file "apex.$f" "$R/sys/class/apex/apex_0/$f"; done
"""
    )
    settings: ClassVar[Mapping[str, Setting]] = {
        **Board.settings,
        "fan": files("/sys/devices/platform/gpio_fan/hwmon/hwmon*/fan1_target", values="[0-9]{1,5}", steady=False),
    }
    """The fan's target in turns a minute; its thermal zone moves it too."""

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Add the Edge TPU's temperature, and whether it or the processor is clocked down.

        The driver looks every 5 s (gasket-driver: ``temp_poll_interval``), so this may be that late.
        """
        state = super().read_state(facts)
        apex, trip = (number(facts, f"apex.{file}", 1e-3) for file in ("temp", "trip_point0_temp"))
        throttled, detail = held_back(facts)
        told = [detail] if detail else []
        if apex is not None and plausible(apex):
            state = replace(state, celsius=state.celsius | {"apex": apex})
            if trip is not None:
                hot = apex >= trip
                throttled = bool(throttled) or hot
                told += [f"Edge TPU at or above its first trip, {trip:g} °C"] * hot
        return replace(state, throttled=throttled, throttle_detail="; ".join(told) or None)
