"""The parts of a look: each asks one component, within a deadline, and names what is wrong with it."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from devices.board import BoardLook
from devices.console import Console, Glance
from devices.errors import (
    AuthenticationRefused,
    BootFault,
    ConnectionLost,
    DeadlineExceeded,
    DeviceError,
    HostKeyMismatch,
    HostKeyUnknown,
    Unreachable,
)
from devices.registry import load_board
from devices.ssh_knock import greeting
from power.errors import PowerError, SwitchBlind

from ..errors import LabFault, UsageFault
from ..lab.identity import identity_fault
from ..lab.inventory import BoardEntry, Lab
from ..lab.reach import open_shell
from ..lab.supply import open_switch

Fault = DeviceError | PowerError | LabFault | UsageFault
"""What is wrong with one component. UsageFault: a password that the inventory names cannot be read."""
FAULTS = (DeviceError, PowerError, LabFault, UsageFault)

SSH_S = 6.0
"""From the first packet to the answer: a Pi Zero W takes 3 s for a login over Wi-Fi (assumed); twice that."""
_STILL_BOOTING = (Unreachable, ConnectionLost, DeadlineExceeded, AuthenticationRefused)
"""A login is refused while systemd is still starting (pam_nologin), so that too may pass."""
_DISK_LEAST_BYTES = 20_000_000
"""Assumed: room for a model, its data set and the log of a day."""
_MOST_CELSIUS = 95.0
"""Assumed: where the TX2 and the Atom begin to hold back; what a model may reach at rest stands in health.yaml."""
_CLOCK_MOST_S = 86_400.0
"""Assumed. The farm trusts no board's date; but one that is a day off refuses certificates and package lists."""


def ask_switch(lab: Lab, switch: str) -> bool | None:
    """Return whether the supply is on, None from a switch that cannot tell; raises SwitchOffline, SupplyTripped."""
    with open_switch(lab, switch) as opened:
        try:
            return opened.state()
        except SwitchBlind:
            return None


def ask_board(lab: Lab, board: str, state: Path, *, doubtful: bool) -> BoardLook:
    """Ask the board itself for everything, in one command.

    Args:
        lab: the inventory.
        board: its name.
        state: the farm's folder.
        doubtful: its server did not greet at once: see first whether it does at all, which needs no thread.

    Raises:
        devices.errors.DeviceError: it does not answer, or not as the one that is trusted.
    """
    entry, deadline_ns = lab.boards[board], time.monotonic_ns() + int(SSH_S * 1e9)
    if doubtful and entry.ssh is not None and entry.ssh.gateway is None:
        address = entry.ssh.host, entry.ssh.port
        if greeting({board: address}, within_s=SSH_S).get(board) == "silent":
            hint = "is the board on, booted and on the network? Its console tells"
            raise Unreachable(board, f"{entry.reached} greets nobody within {SSH_S:g} s", hint=hint)
    with closing(open_shell(lab, board, state)) as shell:
        left_s = (deadline_ns - time.monotonic_ns()) / 1e9
        return load_board(entry.model)(board, shell, root=entry.root).look(timeout_s=max(left_s, 1.0))


def judge_board(entry: BoardEntry, board: str, said: BoardLook) -> Iterator[Fault]:
    """Yield what is wrong by the board's own words; each with its figures."""
    if (wrong := identity_fault(entry, board, said.identity)) is not None:
        yield wrong
    free = said.state.disk_free_bytes
    if free is not None and free < _DISK_LEAST_BYTES:
        hint = "delete what is not needed there; models lie in the inventory's `workdir:`"
        yield LabFault(board, f"only {free / 1e6:.1f} MB of disk are free", hint=hint)
    for sensor, celsius in said.state.celsius.items():
        if celsius >= _MOST_CELSIUS:
            yield LabFault(board, f"{sensor} is at {celsius:.0f} °C", hint="look at its fan, its heat sink, the room")
    if said.state.throttled:
        why = said.state.throttle_detail or "it does not say why"
        yield LabFault(board, f"holds itself back: {why}", hint="look at its cooling and at its supply")
    if said.clock_off_s is not None and abs(said.clock_off_s) > _CLOCK_MOST_S:
        days = abs(said.clock_off_s) / 86_400
        side = "ahead" if said.clock_off_s > 0 else "behind"
        yield LabFault(board, f"its date is {days:.0f} days {side}", hint="does it reach a time server?")


def glance_at(console: Console, *, refused: Fault | None) -> Glance:
    """Return what the console shows, without disturbing it; raises ConsoleFault.

    Args:
        console: open since the look began.
        refused: why the board takes no command; None where it does.
    """
    return console.glance(up=refused is None or isinstance(refused, HostKeyMismatch | HostKeyUnknown))


def judge_links(board: str, refused: Fault | None, seen: Glance | Fault | None) -> list[Fault]:
    """Return what is wrong by SSH and console together; a board that boots just now is no fault.

    ``seen`` is None for a board without a console.
    """
    if not isinstance(seen, Glance):
        if refused is not None and seen is not None:
            refused = _hangs_perhaps(board, refused)
        return [fault for fault in (refused, seen) if fault is not None]
    if refused is None:
        return []
    if seen.fault is not None:
        return [BootFault(board, f"{seen.fault.kind}: {seen.fault.text}", hint=seen.fault.hint)]
    return [] if boots(refused, seen) else [refused]


def _hangs_perhaps(board: str, refused: Fault) -> Fault:
    """Return the fault of a board whose console shows nothing either, with what helps one that hangs."""
    if not isinstance(refused, Unreachable | ConnectionLost | DeadlineExceeded):
        return refused
    said = str(refused).partition("\n")[0].removeprefix(f"{board}: ")
    return type(refused)(board, said, hint=f"{refused.hint}; if it hangs: `farm power cycle {board}`")


def boots(refused: Fault | None, seen: Glance | Fault | None) -> bool:
    """Tell whether a board that takes no command yet is just on its way there."""
    return isinstance(refused, _STILL_BOOTING) and isinstance(seen, Glance) and seen.stage is not None
