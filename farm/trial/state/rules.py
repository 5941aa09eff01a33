"""What each demand looks at in a board's state, and how it is told. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from devices.accelerator import KINDS

from ...store.board_facts import StateFacts

_CLOCK_SLACK = 0.01
"""Assumed: drivers that count cycles (intel_pstate) tell a clock of 1300 MHz as 1299.8."""
_LINKS_MBPS = {"usb2": 480, "usb3": 5000}
_ON_USB = {kind.name for kind in KINDS.values() if kind.bus == "usb"}


@dataclass(frozen=True, slots=True)
class Got:
    """What a board says of one thing."""

    value: Any
    whose: str = ""
    """The core, sensor or port that it is of."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one demand is looked at."""

    got: Callable[[StateFacts], Got | None]
    """None where the board does not tell."""
    keeps: Callable[[Any, Any], bool]
    """(got, wanted)"""
    told: Callable[[Any], str]
    sign: str
    """Before what is wanted."""
    remedy: str
    during: bool = True
    """Whether it must hold while frames run, too."""


def _governor(state: StateFacts) -> Got | None:
    return None if state.governor is None else Got(state.governor)


def _power_mode(state: StateFacts) -> Got | None:
    return None if state.power_mode is None else Got(state.power_mode)


def _cpu(state: StateFacts) -> Got | None:
    return _least({name: hz for name, hz in state.clock_hz.items() if name.startswith("cpu")})


def _gpu(state: StateFacts) -> Got | None:
    return _least({name: hz for name, hz in state.clock_hz.items() if name.startswith("gpu") and not _is_memory(name)})


def _memory(state: StateFacts) -> Got | None:
    return _least({name: hz for name, hz in state.clock_hz.items() if _is_memory(name)})


def _is_memory(clock: str) -> bool:
    return clock == "emc" or clock.endswith(".mem")


def _hottest(state: StateFacts) -> Got | None:
    if not state.celsius:
        return None
    zone = max(state.celsius, key=lambda name: state.celsius[name])
    return Got(state.celsius[zone], zone)


def _edge_tpu(state: StateFacts) -> Got | None:
    return Got(state.celsius["apex"]) if "apex" in state.celsius else None


def _least(values: Mapping[str, float]) -> Got | None:
    if not values:
        return None
    name = min(values, key=lambda one: values[one])
    return Got(values[name], name)


def _number(name: str) -> Callable[[StateFacts], Got | None]:
    def got(state: StateFacts) -> Got | None:
        value = getattr(state, name)
        return None if value is None else Got(value)

    return got


def _slowest_link(state: StateFacts) -> Got | None:
    usb = [one for one in state.accelerators if one.kind in _ON_USB]
    if not usb or any(one.link_mbps is None for one in usb):
        return None
    slowest = min(usb, key=lambda one: one.link_mbps or 0)
    return Got(slowest.link_mbps, f"{slowest.kind} on port {slowest.port}")


def rule_of(name: str, wanted: object, *, remembers: bool = False) -> Rule:
    """Return how a demand is looked at; ``remembers``: the board's throttling tells of the time since boot."""
    return _unthrottled(str(wanted), remembers=remembers) if name == "unthrottled" else _RULES[name]


def _unthrottled(wanted: str, *, remembers: bool) -> Rule:
    """Return the rule of one that looks at two things the board may tell."""

    def now(state: StateFacts) -> Got | None:
        return None if state.throttled is None else Got(state.throttle_detail or "yes" if state.throttled else "now")

    def ever(state: StateFacts) -> Got | None:
        if not remembers or (state.throttled is None and state.throttle_detail is None):
            return None
        return Got(state.throttle_detail or ("throttled now" if state.throttled else "since boot"))

    def told(when: str) -> str:
        return f"nothing {when}" if when == wanted else when

    remedy = "let it cool, and look at its fan and its supply" + "; a reboot forgets" * (wanted == "since boot")
    return Rule(now if wanted == "now" else ever, str.__eq__, told, "", remedy)


def _at_least(got: float, wanted: float) -> bool:
    return got >= wanted


def _at_most(got: float, wanted: float) -> bool:
    return got <= wanted


def _clock_kept(got: float, wanted: float) -> bool:
    return got >= wanted * (1 - _CLOCK_SLACK)


def _link_kept(got: int, wanted: str) -> bool:
    return got >= _LINKS_MBPS[wanted]


def _mhz(hz: float) -> str:
    return f"{hz / 1e6:g} MHz"


def _degrees(celsius: float) -> str:
    return f"{celsius:.1f} °C"


def _bytes(count: int) -> str:
    return f"{count:,} bytes"


def percent(share: float) -> str:
    """Return a share in whole per cent."""
    return f"{share:.0%}".replace("%", " %")


def _link(value: object) -> str:
    return f"{value} Mbit/s" if isinstance(value, int) else f"{value} ({_LINKS_MBPS[str(value)]} Mbit/s)"


def _plain(value: float) -> str:
    return f"{value:g}"


_FASTER = "`--set governor=performance` pins it, on a Jetson `--set max_clocks=max`"
_COOL = "let it cool; start_celsius waits for that"

_RULES: dict[str, Rule] = {
    "governor": Rule(_governor, str.__eq__, str, "", "`--set governor={wanted}` sets it for the trial"),
    "power_mode": Rule(_power_mode, str.__eq__, str, "", "`--set power_mode={wanted}` sets it for the trial"),
    "min_cpu_hz": Rule(_cpu, _clock_kept, _mhz, ">= ", _FASTER),
    "min_gpu_hz": Rule(_gpu, _clock_kept, _mhz, ">= ", _FASTER),
    "min_memory_hz": Rule(_memory, _clock_kept, _mhz, ">= ", _FASTER),
    "max_celsius": Rule(_hottest, _at_most, _degrees, "<= ", _COOL),
    "max_edge_tpu_celsius": Rule(_edge_tpu, _at_most, _degrees, "<= ", _COOL),
    "min_memory_free_bytes": Rule(_number("memory_free_bytes"), _at_least, _bytes, ">= ", "end what has it there"),
    "min_disk_free_bytes": Rule(_number("disk_free_bytes"), _at_least, _bytes, ">= ", "make room", during=False),
    "max_load1": Rule(
        _number("load1"), _at_most, _plain, "<= ", "wait a minute; `top` there tells what runs", during=False
    ),
    "max_other_load": Rule(_number("other_load"), _at_most, percent, "<= ", "`top` there tells what runs"),
    "usb_link": Rule(_slowest_link, _link_kept, _link, ">= ", "another port, or a shorter or a real USB 3 cable"),
}
"""By name; what is left out looks at two things: see :func:`_unthrottled`."""
