"""Why a trial cannot decide, although it ran to its end."""

from ..store.record import DeadlineFacts, StateFacts, VoidKind

_CLOCK_BOUND_NS = 5_000_000
"""A tenth of the frame period at 20 fps (assumed); a quiet link gives 0.1 ms, Wi-Fi 2 ms."""
_HOST_LATE_NS = 1_000_000_000
"""Assumed. Less is inside the stated uncertainty of energy; a controller that was stopped this long proves nothing."""
_STARVED_FRACTION = 0.1
"""Assumed: above this the board's load, and with it the watts, was not that of the model alone."""


def voids(
    before: StateFacts,
    after: StateFacts,
    deadlines: DeadlineFacts,
    *,
    frames: int,
    clock_bound_ns: int,
    lateness_max_ns: int,
    short: str | None = None,
    decided: frozenset[str] = frozenset(),
) -> list[str]:
    """Return every reason that holds; see :data:`farm.store.record.VOIDS`.

    ``short``: what was done of a scenario that was not carried out to its least duration and count.
    ``decided``: fields of the state that were watched throughout, of which what they are after the trial says no more.
    """
    found = _before_and_after(before, after, decided)
    if deadlines.missed is None:
        if deadlines.fps_unstarved is not None and deadlines.fps < (1 - _STARVED_FRACTION) * deadlines.fps_unstarved:
            rates = f"{deadlines.fps:.4g} frames a second, {deadlines.fps_unstarved:.4g}"
            found.append(("starved", f"{rates} had none waited for a processor"))
    elif deadlines.missed_unstarved is not None:
        starved = deadlines.missed - deadlines.missed_unstarved
        if starved > _STARVED_FRACTION * frames:
            found.append(("starved", f"{starved} of {frames} frames were late only for want of a processor"))
    if clock_bound_ns > _CLOCK_BOUND_NS:
        found.append(("clock", f"board time is known to ± {clock_bound_ns / 1e6:.1f} ms only"))
    if lateness_max_ns > _HOST_LATE_NS:
        found.append(("host", f"the controller was stopped for {lateness_max_ns / 1e9:.1f} s"))
    if short is not None:
        found.append(("short", f"{short} are fewer than the scenario asks for; ask for less, or look at the board"))
    return [f"{kind}: {what}" for kind, what in found]


def _before_and_after(before: StateFacts, after: StateFacts, decided: frozenset[str]) -> list[tuple[VoidKind, str]]:
    """Return what two looks tell, where nothing better does."""
    found: list[tuple[VoidKind, str]] = []
    if before.throttled or (after.throttled and "throttled" not in decided):
        found.append(("throttled", after.throttle_detail or before.throttle_detail or "the board says so"))
    elif before.throttle_detail != after.throttle_detail and "throttled" not in decided:
        found.append(
            ("throttled", f"{before.throttle_detail or 'nothing'} before, {after.throttle_detail or 'nothing'} after")
        )
    for name in ("power_mode", "governor"):
        was, is_now = getattr(before, name), getattr(after, name)
        if None not in (was, is_now) and was != is_now and name not in decided:
            found.append(("settings", f"{name} was {was} before, {is_now} after"))
    links = {one.port: one.link_mbps for one in after.accelerators}
    for one in before.accelerators if "accelerators" not in decided else ():
        if one.link_mbps is not None and one.link_mbps != (now := links.get(one.port)):
            now_is = "gone" if now is None else f"{now} Mbit/s"
            found.append(("link", f"{one.kind} on port {one.port}: {one.link_mbps} Mbit/s before, {now_is} after"))
    return found
