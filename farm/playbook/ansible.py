"""Hands a board over to the user's own Ansible playbook."""

import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import Field

from ..errors import LabFault, UsageFault
from ..lab.ansible import of_one
from .ansible_output import Outcome
from .files import Source
from .step import Reading, Step, Target

PROGRAM = "ansible-playbook"
_MISSING = f"wants {PROGRAM}, which is not on PATH; install ansible-core: `pipx install ansible-core`, or its package"
_Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
_Value = str | int | float | bool
_SETTINGS = {
    "ANSIBLE_STDOUT_CALLBACK": "default",  # the only one whose lines are read here
    "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_FORCE_COLOR": "0",
    "ANSIBLE_DISPLAY_OK_HOSTS": "1",
    "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_NOCOWS": "1",
    "PYTHONUNBUFFERED": "1",
}
_END_S = 10.0
"""From being told to end until it has; then it is killed. It ends its own SSH connections meanwhile (assumed)."""


class Ansible(Step):
    """The user's own Ansible playbook, run on this board alone by ``ansible-playbook`` of this machine.

    It is always run, for only Ansible can tell what it would change; under ``--check`` with Ansible's own ``--check``,
    which skips tasks that run a command (``command``, ``shell`` and their like): which those are is said.
    """

    playbook: Source
    """The file, seen from this playbook's folder; ``ansible.cfg`` and roles beside it hold."""
    tags: list[_Tag] = Field(default_factory=list[_Tag])
    """Only tasks with one of these tags."""
    extra_vars: dict[str, _Value] = Field(default_factory=dict[str, _Value])
    """Variables that it gets besides; no secrets: Ansible has lookups and its vault for them."""
    timeout_s: Annotated[float, Field(gt=0)] = 3600.0
    """How long it may take."""

    @property
    def title(self) -> str:
        """What it is about."""
        return f"ansible {self.playbook}"

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """See that the playbook is there, and the program that runs it."""
        if not (reading.folder / self.playbook).is_file():
            yield "playbook", f"no file {reading.folder / self.playbook}; its name is seen from this playbook's folder"
        if shutil.which(PROGRAM) is None:
            yield "playbook", _MISSING

    def differs(self, target: Target) -> str:
        """Ask Ansible what it would change."""
        return self.take(target, check=True)

    def change(self, target: Target) -> None:
        """Have Ansible change it."""
        self.take(target, check=False)

    def take(self, target: Target, *, check: bool) -> str:
        """Run it once and return the names of the tasks that changed, or would change, something.

        Raises:
            UsageFault: Ansible cannot read the playbook, or finds this board in none of its plays.
            LabFault: a task failed, the board was not reached, or it took too long.
        """
        if target.bench is None:
            raise UsageFault(f"{target.board.name}: {self.title}: needs the board's inventory entry")
        if target.over != "ssh":
            hint = "give it a network with steps before this one, and provision it again"
            raise LabFault(
                target.board.name, f"{self.title}: Ansible needs SSH, and the way was the console", hint=hint
            )
        with TemporaryDirectory(prefix="farm-ansible-") as folder:
            said = self._run(target, self._command(target, Path(folder), check=check), check=check)
        outcome = Outcome.of(said.lines, target.bench.name)
        if outcome.count and not check:  # only now is it known; a note before would ask for a reboot every time
            target.about_to_change(self.title)
        self._judge(target, said, outcome)
        if check and outcome.unchecked:
            named = ", ".join(outcome.unchecked)
            target.history.remarks.append(f"not checked, for Ansible's check mode does not run them: {named}")
        if check and (others := outcome.skipped - len(outcome.unchecked)) > 0:
            target.history.remarks.append(f"others skipped: {others}")
        return ", ".join(outcome.changed) if outcome.changed else f"{outcome.count} tasks" * bool(outcome.count)

    def _command(self, target: Target, folder: Path, *, check: bool) -> list[str]:
        bench = target.bench
        assert bench is not None  # noqa: S101 -- looked at by the caller
        known = of_one(bench.inventory, bench.name, bench.state)
        (folder / "inventory.json").write_text(json.dumps(known), encoding="utf-8")
        (folder / "vars.json").write_text(json.dumps(self.extra_vars), encoding="utf-8")
        words = [PROGRAM, "-i", str(folder / "inventory.json"), "--limit", bench.name]
        words += ["--extra-vars", f"@{folder / 'vars.json'}"] if self.extra_vars else []
        words += ["--tags", ",".join(self.tags)] if self.tags else []
        return [*words, *(["--check"] if check else []), str((target.folder / self.playbook).resolve())]

    def _run(self, target: Target, command: list[str], *, check: bool) -> "_Said":
        """Run it, telling each task, for as long as the board is ours."""
        said = _Said()
        deadline_s = time.monotonic() + self.timeout_s
        with subprocess.Popen(
            command,
            cwd=(target.folder / self.playbook).resolve().parent,
            env={**os.environ, **_SETTINGS, **({"ANSIBLE_VERBOSITY": "1"} if check else {})},  # else no task says why
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # with its workers and their ssh, it ends as one
        ) as process:
            try:
                for line in _lines(process, target, deadline_s):
                    said.lines.append(line)
                    if line.startswith("TASK ["):
                        target.tell(f"{self.title}: {line[6:].partition(']')[0]}")
            except BaseException:
                _end(process)
                raise
        if time.monotonic() >= deadline_s:
            hint = "give the step a longer `timeout_s:`, or look where it waits"
            raise LabFault(target.board.name, f"{self.title}: not over after {self.timeout_s:g} s", hint=hint)
        said.status = process.returncode
        return said

    def _judge(self, target: Target, said: "_Said", outcome: Outcome) -> None:
        last = target.values.masked(" | ".join(line for line in said.lines[-5:] if line.strip()))
        if outcome.unreachable:
            hint = "ansible-playbook goes its own way to the board: does `ssh` reach it from here?"
            raise LabFault(target.board.name, f"{self.title}: not reached: {outcome.unreachable}", hint=hint)
        if outcome.failed:
            raise LabFault(target.board.name, f"{self.title}: {outcome.failed}")
        if said.status:
            raise UsageFault(f"{target.folder / self.playbook}: ansible-playbook ended with {said.status}: {last}")
        if not outcome.met:
            raise UsageFault(
                f"{target.folder / self.playbook}: none of its plays is for {target.board.name}; see `hosts:`"
            )


@dataclass(slots=True)
class _Said:
    """What it printed, and how it ended."""

    lines: list[str] = field(default_factory=list[str])
    status: int = 0


def _lines(process: "subprocess.Popen[bytes]", target: Target, deadline_s: float) -> Iterator[str]:
    """Yield lines as they come; ends it when its time is up; every second it asks whether to go on."""
    output = process.stdout
    assert output is not None  # noqa: S101 -- it was asked for
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while time.monotonic() < deadline_s:
            if target.bench is not None:
                target.bench.lease.require()
            target.heed()
            if not selector.select(timeout=1.0):
                continue
            if not (data := os.read(output.fileno(), 65536)):
                break
            *whole, rest = (rest + data).split(b"\n")
            yield from (re.sub(r"\x1b\[[0-9;]*m", "", line.decode("utf-8", "replace")).rstrip() for line in whole)
        else:
            _end(process)
    process.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                continue
