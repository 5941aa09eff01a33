# pyright: standard
"""What is done to boards from the screen: what the commands do, told step by step."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devices.boot import BootReport, BootWatcher
from devices.console_text import plain
from devices.errors import ConsoleFault

from ..errors import LabFault
from ..health.check import check_board
from ..health.check_plan import planned
from ..health.policy import load_policy, policy_path
from ..lab.bench import Bench, borrow
from ..lab.inventory import Lab
from ..lab.lease import Leases, Wanted
from ..playbook import apply, load
from .source import Piece, Show, Tell, Wish

_LISTEN_S = 0.2


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears how an action goes."""

    tell: Tell
    show: Show


def act(lab: Lab, state: Path, leases: Leases, wish: Wish, told: Told) -> str:
    """Do it and return what came of it in one line.

    Raises:
        FarmError, DeviceError, PowerError: whatever it met; the component comes first.
    """
    if wish.name == "take":
        held = leases.reserve(Wanted((wish.board,)), wish.for_s, wish.reason)
        until = f" until {held.expires_utc.astimezone():%H:%M}" if held.expires_utc else ""
        return f"reserved for {held.owner}{until}"
    if wish.name == "return":
        leases.give_back(wish.board)
        return "returned"
    return _ON_BENCH[wish.name](lab, state, wish, told)


def _on(lab: Lab, state: Path, wish: Wish, told: Told) -> str:
    with (
        borrow(lab, wish.board, state=state, reason="power on", even_quarantined=True) as bench,
        _listening(bench, told),
    ):
        bench.settings.leave_on()
        report = bench.power_on()
    return "was on and up already" if report is None else _booted(report)


def _cycle(lab: Lab, state: Path, wish: Wish, told: Told) -> str:
    with (
        borrow(lab, wish.board, state=state, reason="power cycle", even_quarantined=True) as bench,
        _listening(bench, told),
    ):
        bench.settings.leave_on()
        report = bench.power_cycle()
    return _booted(report)


def _off(lab: Lab, state: Path, wish: Wish, told: Told) -> str:
    del told
    with borrow(lab, wish.board, state=state, reason="power off", even_quarantined=True) as bench:
        return str(bench.power_off())


def _health(lab: Lab, state: Path, wish: Wish, told: Told) -> str:
    policy = load_policy(policy_path(lab))
    with planned(policy, lab, [wish.board]) as plans:
        plan = plans[lab.boards[wish.board].model]
        result = check_board(lab, wish.board, plan, state=state, progress=told.tell)
    if result.outcome != "passed":
        undecided = next((step.detail for step in result.steps if step.outcome == "undecided"), "nothing was decided")
        raise LabFault(wish.board, f"health check {result.outcome}: {result.fault or undecided}")
    return f"health check passed, {len(result.steps)} steps"


def _provision(lab: Lab, state: Path, wish: Wish, told: Told) -> str:
    source = Path(lab.resolved.source) if lab.resolved else lab.path
    playbook = load(source.parent / "playbooks" / f"{lab.boards[wish.board].model}.yaml")
    with borrow(lab, wish.board, state=state, reason="provision", even_quarantined=True) as bench:
        with _listening(bench, told):
            bench.ensure_up()
        done = apply(playbook, bench.board, bench.shell, workdir=bench.workdir, bench=bench, progress=told.tell)
    changed = [step.name for step in done if step.changed]
    return f"provisioned, {len(done)} steps: " + (f"changed {', '.join(changed)}" if changed else "all as wanted")


def _booted(report: BootReport) -> str:
    if not report.stages:
        return "booted; no console to see how"
    last = next(reversed(report.reached_s.values()), None)
    return f"booted: {' → '.join(report.stages)}" + ("" if last is None else f" in {last:.1f} s")


_ON_BENCH: dict[str, Callable[[Lab, Path, Wish, Told], str]] = {
    "on": _on,
    "off": _off,
    "cycle": _cycle,
    "health": _health,
    "provision": _provision,
}


@contextmanager
def _listening(bench: Bench, told: Told) -> Iterator[None]:
    """Tell each boot stage as its first line comes over the console, and show what the board prints."""
    if bench.entry.console is None:
        yield
        return
    stop = threading.Event()
    since_ns = time.monotonic_ns()

    def listen() -> None:
        watcher, stage = BootWatcher(since_ns), None
        told.show(Piece(note="live"))
        try:
            for data in bench.console.follow(since=since_ns, idle_s=_LISTEN_S):
                watcher.feed(data, time.monotonic_ns())
                if data:
                    told.show(Piece(text=plain(data)))
                if watcher.stage not in (None, stage):
                    stage = watcher.stage
                    told.show(Piece(stage=str(stage)))
                    told.tell(str(stage))
                if stop.is_set():
                    return
        except ConsoleFault:  # whoever waits for the boot meets it too, and tells it
            return

    thread = threading.Thread(target=listen, name=f"boot of {bench.name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
