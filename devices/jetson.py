"""What NVIDIA's Jetson modules share under L4T 32: power modes, pinned clocks, fan, thermal zones."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from .board import Board, BoardState, held_back
from .facts import COOLING, integer
from .settings import Setting, files

_MODE = re.compile(r"NV Power Mode: (\S+)(?:.*?(\d+)\s*$)?")
_KEPT = re.compile(r"pmode:0*(\d+)")
"""Of ``/var/lib/nvpmodel/status``, which a board writes when its mode is set."""

_NO_SENSORS = ("PMIC-Die",)
"""Reads a constant 50 or 100 °C (L4T 32), whatever the chip does."""

_POWER_MODE = Setting(
    save="nvpmodel -q 2>/dev/null | sed -n '$p'",  # the id stands on the last line
    change="""id=$(nvpmodel -p --verbose 2>/dev/null | sed -n "s/.*POWER_MODEL: *ID=\\([0-9]*\\) NAME=$V *$/\\1/p")
[ -n "$id" ] || { echo "no power mode $V; see nvpmodel -p --verbose" >&2; exit 1; }
echo no | nvpmodel -m "$id" """,
    put_back='read -r id && echo no | nvpmodel -m "$id"',
    values="[A-Za-z0-9_]+",
    until_reboot=False,
)
"""A release that wants to reboot for it is told no, and the command fails instead of hanging."""

_MAX_CLOCKS = Setting(
    save='d=$(mktemp -d) && jetson_clocks --store "$d/f" >/dev/null && cat "$d/f"; rm -rf "$d"',
    change="jetson_clocks",
    put_back='d=$(mktemp -d) && cat > "$d/f" && jetson_clocks --restore "$d/f" >/dev/null; s=$?; rm -rf "$d"; exit $s',
    values="max",
    steady=False,
)
"""CPU, GPU and memory clocks at their power mode's maxima, and the fan at full speed."""

_FAN = files(
    "/sys/kernel/debug/tegra_fan/target_pwm",  # the TX2 up to L4T 32
    "/sys/devices/pwm-fan/target_pwm",
    values="[0-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]",
    steady=False,
)


def jetson_state(gpu: str) -> str:
    """Return the script of a Jetson's state, its GPU being a device such as ``17000000.gp10b``.

    The memory clock lies in debugfs: only where the login is root.
    """
    return (
        COOLING
        + f"""
file gpu_hz "$R/sys/devices/{gpu}/devfreq/{gpu}/cur_freq"
"""
        + r"""
file emc_hz "$R/sys/kernel/debug/clk/emc/clk_rate"
file power_mode_kept "$R/var/lib/nvpmodel/status"
[ ! -r "$R/etc/nvpmodel.conf" ] || while read -r k w v n _; do
  case "$k $w $v" in "< POWER_MODEL ID="*) fact "power_mode_id.${v#ID=}" "${n#NAME=}";; esac
done < "$R/etc/nvpmodel.conf"
fact power_mode "$({ nvpmodel -q || sudo -n nvpmodel -q; } 2>/dev/null </dev/null | tr '\n' ' ')"
"""
    )


class Jetson(Board):
    """A module whose power mode decides which cores are on and how fast all may run."""

    settings: ClassVar[Mapping[str, Setting]] = {
        **Board.settings,
        "power_mode": _POWER_MODE,
        "max_clocks": _MAX_CLOCKS,
        "fan": _FAN,
    }

    def read_state(self, facts: dict[str, str]) -> BoardState:
        """Add the power mode, the GPU's and the memory's clock, and what thermal management holds back."""
        state = super().read_state(facts)
        clocks = {name: integer(facts, f"{name}_hz") for name in ("gpu", "emc")}
        throttled, detail = held_back(facts)
        return replace(
            state,
            celsius={zone: celsius for zone, celsius in state.celsius.items() if zone not in _NO_SENSORS},
            clock_hz=state.clock_hz | {name: hz for name, hz in clocks.items() if hz is not None},
            power_mode=_power_mode(facts),
            throttled=throttled,
            throttle_detail=detail,
        )


def _power_mode(facts: dict[str, str]) -> str | None:
    """Return the mode's name; where the file already tells of another one than the program did, that one's.

    Of one that ``/etc/nvpmodel.conf`` does not name, its number.
    """
    if (mode := _MODE.search(facts.get("power_mode", ""))) is None:
        return None
    kept = _KEPT.match(facts.get("power_mode_kept", ""))
    if kept and mode[2] and kept[1] != mode[2]:
        return facts.get(f"power_mode_id.{kept[1]}", f"id {kept[1]}")
    return mode[1]
