"""Runs the very runner of the boards on this machine, under limits; what it starts is ended on every path."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from farm import runner

from ...artifact.deploy import Deployment
from ...artifact.document import MANIFEST
from ...artifact.score import EXTRAS
from ...errors import LabFault, UsageFault
from ...store.record import StateFacts
from ..host import Heartbeat
from ..remote import Run, run_on_board
from . import kernels
from .asked import Asked
from .cgroup import Group
from .local import Held, LocalShell
from .mechanism import Mechanism
from .status import numbers, status_of

_QUIET_S = 0.2
"""Before the first frame and after the last, as around a trial without meters."""
_OUT_OF_MEMORY = (
    "memoryerror",
    "bad_alloc",
    "bad allocation",
    "memory allocation",
    "cannot allocate",
    "failed to allocate",
    "out of memory",
    "cannot map",
    "failed to map",
)
"""What numpy, C++, OpenBLAS, the runtimes and, of libraries, glibc's loader say when the memory is used up."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen while it ran."""

    run: Run
    deployment: Deployment
    started_utc: datetime
    started_ns: int
    before: StateFacts
    after: StateFacts
    lateness_max_ns: int
    memory_peak_bytes: int | None


def run_here(asked: Asked, progress: Callable[[str], None]) -> Seen:
    """Run the scenario to its end.

    Raises:
        UsageFault: the model does not fit into the board's memory, or the runtime refuses it.
        LabFault: a limit does not hold, or the runner broke.
    """
    mechanism, limits = asked.mechanism, asked.limits
    started_utc, started_ns, before = datetime.now(UTC), time.monotonic_ns(), _state()
    with ExitStack() as ending:
        folder = Path(ending.enter_context(TemporaryDirectory(prefix="farm-predict-")))
        group = None
        if mechanism.place is not None:
            made = Group(mechanism.place, mechanism.quota, limits.memory_bytes, mechanism.cores)
            group = ending.enter_context(made)
        beat = ending.enter_context(Heartbeat())
        data_bytes = None if mechanism.memory_by_group else limits.memory_bytes
        held = Held(mechanism.cores, data_bytes, () if group is None else (group.joined_by,))
        switches = kernels.environment(asked.artifact.manifest.runtime, asked.more_than_board)
        shell = LocalShell(asked.name, held, _environment(folder, switches))
        watch, deployment = _Watch(shell, mechanism), _laid_out(asked)
        try:
            run = run_on_board(shell, deployment, asked.scenario, quiet_s=_QUIET_S, progress=progress, watch=watch.look)
        except (LabFault, UsageFault) as fault:
            raise _explained(fault, asked, group) from fault
        return Seen(
            run,
            deployment,
            started_utc,
            started_ns,
            before,
            _state(),
            beat.lateness_max_ns(started_ns, time.monotonic_ns()),
            watch.memory_peak_bytes,
        )


class _Watch:
    """Looks at the runner whenever it says something."""

    def __init__(self, shell: LocalShell, mechanism: Mechanism) -> None:
        self._shell, self._mechanism = shell, mechanism
        self.memory_peak_bytes: int | None = None

    def look(self) -> None:
        """Note its memory; LabFault when a thread of it has opened other cores to itself."""
        stream = self._shell.latest
        if stream is None:
            return
        process = Path(f"/proc/{stream.pid}")
        peak = status_of(process / "status").get("VmHWM", "")
        if peak.endswith(" kB"):
            self.memory_peak_bytes = int(peak.removesuffix(" kB")) * 1024
        if self._mechanism.cores_by_group:
            return
        for task in process.glob("task/*/status"):
            cores = numbers(status_of(task).get("Cpus_allowed_list", ""))
            if not cores <= set(self._mechanism.cores):
                detail = f"a thread of the runner has opened the cores {sorted(cores)} to itself"
                raise LabFault(self._shell.name, detail, hint="use a machine with cpuset control groups")


def _laid_out(asked: Asked) -> Deployment:
    """Return where everything lies on this machine: nothing has to be sent."""
    artifact = asked.artifact
    return Deployment(
        artifact,
        asked.dataset,
        model_path=str(artifact.model_path.absolute()),
        images_path=str(asked.dataset.images_path.absolute()),
        runner_path=str(Path(runner.__file__).parent),
        manifest_path=str((artifact.folder / MANIFEST).absolute()),
        bytes_sent=0,
        bytes_reused=0,
    )


def _environment(folder: Path, switches: Mapping[str, str]) -> dict[str, str]:
    """Return this process's own, in which ``python3`` is this very Python, with its inference runtimes."""
    program = folder / "python3"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    if not os.access(program, os.X_OK):  # else the shell would find another Python, and say nothing
        raise LabFault(str(folder), "no program may be run there", hint="set TMPDIR to a folder on another file system")
    own = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # the runner's folder is the installed package's
    return {**own, "PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}", **switches}


def _state() -> StateFacts:
    """Return what this machine says of itself: load and free memory."""
    free = status_of(Path("/proc/meminfo")).get("MemAvailable", "")
    free_bytes = int(free.removesuffix(" kB")) * 1024 if free.endswith(" kB") else None
    return StateFacts(load1=os.getloadavg()[0], memory_free_bytes=free_bytes)


def _explained(fault: LabFault | UsageFault, asked: Asked, group: Group | None) -> LabFault | UsageFault:
    """Return what a runner that broke says of the memory or of what is not installed, where it broke on that."""
    text = str(fault)
    if (group is not None and group.killed_for_memory()) or any(word in text.lower() for word in _OUT_OF_MEMORY):
        bound = f"{asked.limits.memory_bytes:,} bytes ({asked.limits.sources['memory_bytes']})"
        said = text.partition("\n")[0]
        return UsageFault(f"{asked.artifact.manifest.name}: does not fit into {asked.limits.model}'s {bound}: {said}")
    runtime = asked.artifact.manifest.runtime
    if "is not installed" in text and (extra := EXTRAS.get(runtime)) is not None:
        said = text.partition("\n")[0]
        return UsageFault(f"{runtime} cannot be predicted here: pip install 'edge-test-farm[{extra}]'; {said}")
    return fault
