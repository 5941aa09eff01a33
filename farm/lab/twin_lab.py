"""Starts and ends a lab of twins: one bench process a board, and a resolved inventory of them all."""

import os
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..errors import LabFault, UsageFault
from . import resolved
from .control import NoAnswer, Refused
from .inventory import Lab, load, resolved_path
from .lock import hold
from .process import ProcessId, spawn
from .twin_state import Running, TwinFolder, folders, write_private
from .words import unknown

Progress = Callable[[str], None]

_START_S = 60.0
"""A bench process imports SSH and opens its ports; assumed, four at once on two busy cores need a third of it."""
_SNAPSHOT_S = 60.0
"""A hundred megabytes are written or read. Measured: 0.2 s and 0.4 s; assumed, on a very busy machine."""
_END_S = 10.0
"""To close servers and end the board's processes; after that the process is killed."""


@dataclass(frozen=True, slots=True)
class TwinStatus:
    """How one board's twins are."""

    board: str
    state: Literal["up", "died", "silent"]
    """``died``: the process is gone; ``silent``: it runs and does not answer."""
    pid: int | None
    powered: bool | None = None
    faults: tuple[str, ...] = ()
    """Injected and not taken back, as ``device: fault``."""
    detail: str = ""


def up(
    source: Path,
    state: Path,
    *,
    only: Sequence[str] | None = None,
    keeper_pid: int | None = None,
    progress: Progress | None = None,
) -> Lab:
    """Start the twins of an inventory that do not run yet, all powered off; return the resolved lab.

    Args:
        source: the inventory that people wrote.
        state: the farm's folder.
        only: start no other boards than these.
        keeper_pid: the twins end when this process does.
        progress: told what is waited for.

    Raises:
        UsageFault: the inventory is wrong or has no twins, or another one's twins are up, or this machine lacks a
            program or an image that one of them needs.
        LabFault: a bench process did not come up; what was started is ended again.
    """
    lab = load(source)
    if lab.resolved is not None:
        raise UsageFault(f"{source}: is written by `farm lab up` itself; name its source, {lab.resolved.source}")
    wanted = list(lab.twins if only is None else only)
    if strange := [name for name in wanted if name not in lab.twins]:
        raise UsageFault([f"{source}: no twin board '{name}'; {unknown(name, lab.twins)}" for name in strange])
    if not wanted:
        raise UsageFault(
            f"{source}: names no twins, so there is nothing to start; give entries `twin: process` or `twin: qemu`"
        )
    from .twins import lacking  # the door to the twins' own packages, which imports us

    if lacks := lacking(lab, wanted):
        raise UsageFault([f"{source}: {fault}" for fault in lacks])
    with hold(state / "lab.lock", "the lab of twins", wait_s=_START_S):
        alive = {folder.board: folder for folder in folders(state) if folder.alive}
        if alive:
            _same_source(lab, state)
        missing = [name for name in wanted if name not in alive]
        started = _start(lab, missing, state, keeper_pid, progress or (lambda _: None))
        deadline_ns = time.monotonic_ns() + int(_START_S * 1e9)
        benches = {
            name: (folder, _wait_until_listening(folder, deadline_ns)) for name, folder in {**alive, **started}.items()
        }
        return resolved.write(lab, benches, state)


def down(state: Path) -> list[str]:
    """End the twins that were started here, and no other process; return the boards.

    Raises:
        LabFault: a process does not end even when it is killed.
    """
    ended: list[str] = []
    with hold(state / "lab.lock", "the lab of twins", wait_s=_START_S):
        resolved_path(state).unlink(missing_ok=True)
        for folder in folders(state):
            _end(folder)
            ended.append(folder.board)
    return ended


def status(state: Path) -> list[TwinStatus]:
    """Tell how the twins are; a board whose process ended by itself is told with its last words."""
    return [_status(folder) for folder in folders(state)]


def inject(state: Path, target: str, fault: str, on: bool = True) -> None:
    """Switch a fault of a board, meter or switch on or off.

    Raises:
        UsageFault: no such twin, or it has no such fault.
        LabFault: its bench process does not answer.
    """
    _ask(state, target, "fault", fault=fault, on=on)


def snapshot(state: Path, board: str) -> None:
    """Keep a running board as it is; it must be a QEMU twin. Take it while nobody is connected.

    Raises:
        UsageFault: no such twin, it is off, or it cannot be kept.
        LabFault: its bench process does not answer.
    """
    _ask(state, board, "snapshot", timeout_s=_SNAPSHOT_S)


def restore(state: Path, board: str) -> None:
    """Make a board what it was at its snapshot, powered and without faults. It has not booted: its boot id stays.

    Raises:
        UsageFault: no such twin, or nothing was kept.
        LabFault: its bench process does not answer.
    """
    _ask(state, board, "restore", timeout_s=_SNAPSHOT_S)


def truth(state: Path, meter: str, start_ns: int, end_ns: int) -> float:
    """Return the joules that really flowed at a twin meter, or into a twin board, between two monotonic times.

    Raises:
        UsageFault: no such twin, or times that it does not remember.
        LabFault: its bench process does not answer.
    """
    return float(_ask(state, meter, "truth", start_ns=start_ns, end_ns=end_ns))


def _same_source(lab: Lab, state: Path) -> None:
    path = resolved_path(state)
    running = load(path).resolved if path.exists() else None
    if running is None:
        raise UsageFault(f"{state / 'lab'}: holds twins and no inventory of them; run `farm lab down` first")
    if (running.source, running.sha256) != (str(lab.path.resolve()), lab.sha256):
        what = "it has changed since" if running.source == str(lab.path.resolve()) else f"those of {running.source}"
        raise UsageFault(f"{lab.path}: twins are up already: {what}; run `farm lab down` first")


def _start(
    lab: Lab, names: Sequence[str], state: Path, keeper_pid: int | None, progress: Progress
) -> dict[str, TwinFolder]:
    started: dict[str, TwinFolder] = {}
    try:
        for name in names:  # all at once: most of the time goes into imports
            started[name] = _spawn(lab, name, state, keeper_pid)
        deadline_ns = time.monotonic_ns() + int(_START_S * 1e9)
        for name, folder in started.items():
            progress(f"{name}: starting its twins")
            _wait_until_listening(folder, deadline_ns)
    except BaseException:
        for folder in started.values():
            _end(folder)
        raise
    return started


def _spawn(lab: Lab, board: str, state: Path, keeper_pid: int | None) -> TwinFolder:
    folder = TwinFolder(state.resolve() / "lab" / board)
    _end(folder)
    shutil.rmtree(folder.path, ignore_errors=True)
    folder.path.mkdir(parents=True, mode=0o700)
    _make_key(folder.path.parent / resolved.KEY)
    arguments = ["serve", "--source", str(lab.path.resolve()), "--board", board, "--folder", str(folder.path)]
    if keeper_pid is not None:
        keeper = ProcessId.of(keeper_pid)
        if keeper is None:
            raise UsageFault(f"no process {keeper_pid} to keep the twins for")
        arguments += ["--keeper", str(keeper.pid), "--keeper-started", str(keeper.started)]
    try:
        folder.note_process(spawn("farm.lab.twins", arguments, log=folder.log))
    except RuntimeError as error:
        raise _died(folder) from error
    return folder


def _make_key(path: Path) -> None:
    if path.exists():
        return
    private = Ed25519PrivateKey.generate()
    openssh = serialization.PrivateFormat.OpenSSH
    text = private.private_bytes(serialization.Encoding.PEM, openssh, serialization.NoEncryption()).decode()
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    write_private(path.with_suffix(".pub"), f"{public.decode()} edge-test-farm\n")
    write_private(path, text)


def _wait_until_listening(folder: TwinFolder, deadline_ns: int) -> Running:
    while (running := folder.running()) is None:
        if not folder.alive:
            raise _died(folder)
        if time.monotonic_ns() > deadline_ns:
            raise LabFault(folder.board, f"its twins did not come up in {_START_S:g} s", hint=f"look at {folder.log}")
        time.sleep(0.02)
    return running


def _died(folder: TwinFolder) -> LabFault:
    hint = f"look at {folder.log}, then run `farm lab up` again"
    return LabFault(folder.board, f"its twins' process has ended; it last said: {folder.last_words()}", hint=hint)


def _end(folder: TwinFolder) -> None:
    if (process := folder.process()) is not None:
        _end_process(folder, process)
    for left_behind in folder.left_behind():  # by a bench process that was killed
        _end_process(folder, left_behind)
    folder.forget()


def _end_process(folder: TwinFolder, process: ProcessId) -> None:
    process.end(_END_S)
    if process.alive:
        hint = "is a disk or a driver that it waits for stuck? Then run `farm lab down` again"
        raise LabFault(folder.board, f"process {process.pid} of its twins does not end when killed", hint=hint)


def _status(folder: TwinFolder) -> TwinStatus:
    process, running = folder.process(), folder.running()
    pid = process.pid if process else None
    if process is None or not process.alive:
        return TwinStatus(folder.board, "died", pid, detail=folder.last_words())
    if running is None:
        return TwinStatus(folder.board, "silent", pid, detail="its twins do not listen yet")
    try:
        now: dict[str, Any] = running.door.ask("status")
    except (NoAnswer, Refused) as error:
        return TwinStatus(folder.board, "silent", pid, detail=str(error))
    return TwinStatus(folder.board, "up", pid, now["powered"], tuple(now["faults"]))


def _ask(state: Path, target: str, op: str, **arguments: Any) -> Any:  # noqa: ANN401 -- any JSON value
    known: dict[str, TwinFolder] = {}
    for folder in folders(state):
        running = folder.running()
        known |= dict.fromkeys([folder.board, *(running.devices if running else ())], folder)
    folder = known.get(target)
    if folder is None:
        raise UsageFault(f"no twin '{target}' is up; {unknown(target, known)}")
    running = folder.running()
    if running is None or not folder.alive:
        raise _died(folder)
    try:
        return running.door.ask(op, target=target, **arguments)
    except Refused as refused:
        raise UsageFault(f"{target}: {refused}") from refused
    except NoAnswer as error:
        raise LabFault(target, f"its twins' process does not answer: {error}", hint=f"look at {folder.log}") from error


def twin_fault(board: str, state: Path) -> LabFault | None:
    """Return why a twin board cannot be used at all; None when its process runs."""
    folder = TwinFolder(state / "lab" / board)
    return None if folder.alive else _died(folder)


@contextmanager
def running(source: Path, state: Path, *, only: Sequence[str] | None = None) -> Generator[Lab]:
    """Twins for the length of a ``with`` block; they end with this process at the latest."""
    try:
        yield up(source, state, only=only, keeper_pid=os.getpid())
    finally:
        down(state)
