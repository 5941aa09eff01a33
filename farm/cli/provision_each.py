"""Several boards provisioned at the same time: one that fails stops no other, and is told with its step."""

import time
from argparse import Namespace
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event

from devices.errors import DeviceError
from power.errors import PowerError

from ..errors import Exit, FarmError, UsageFault
from ..lab.bench import Bench
from ..lab.inventory import Lab
from ..lab.way import Over, Way, way_to
from ..playbook import Playbook, StepResult, each_step, target_of
from . import output
from .bring_up import brought_up

_GRACE_S = 10.0
"""After an interruption, for the steps that run; then the boards' links are closed (assumed)."""
_GLANCE_S = 0.2


@dataclass(slots=True)
class Provisioned:
    """What became of one board."""

    board: str
    label: str
    """As it is called in print."""
    made: str
    over: str = ""
    """The way onto it: ``ssh`` or ``console``; empty where there was none."""
    steps: list[StepResult] = field(default_factory=list[StepResult])
    """Those that ended."""
    at: str = ""
    """The step that failed."""
    fault: str = ""
    told: str = ""
    """The fault with the step that met it, for people."""
    exit: Exit = Exit.PASS


class _Stopped(Exception):
    """The others were interrupted: not another step."""


class _Run:
    """The boards of one command: which are open, and whether to go on."""

    def __init__(self, lab: Lab, playbooks: Mapping[str, Playbook], args: Namespace) -> None:
        self._lab, self._playbooks, self._args = lab, playbooks, args
        self._open: dict[str, Bench] = {}
        self._left: list[str] = []
        """What could not be put back after an interruption."""
        self._stop = Event()

    def one(self, board: str) -> Provisioned:
        """Provision one board; whatever is wrong with it, its lab or its playbook becomes its result."""
        twin = self._lab.boards[board].twin
        done = Provisioned(board, board, "board" if twin is None else f"{twin} twin")
        try:
            self._provision(done)
        except _Stopped as stopped:
            self._left += getattr(stopped, "__notes__", ())
            raise
        except (FarmError, DeviceError, PowerError) as fault:
            done.exit = Exit.USAGE if isinstance(fault, UsageFault) else Exit.LAB_FAULT
            notes: list[str] = getattr(fault, "__notes__", [])
            self._left += notes
            done.fault = "\n".join([str(fault), *notes])
            done.told = done.fault + f"\n  step: {done.at}, {_count(done, self._playbooks[board])}" * bool(done.at)
        finally:
            self._open.pop(board, None)
            output.progress("", of=board)
        return done

    def all(self, boards: list[str], at_once: int) -> list[Provisioned]:
        """Provision them, so many at a time, in the order of the command line; an interruption ends all of them."""
        with ThreadPoolExecutor(min(at_once, len(boards)), "provision") as pool:
            futures = [pool.submit(self.one, board) for board in boards]
            try:
                while wait(futures, timeout=_GLANCE_S).not_done:
                    pass
            except BaseException as interruption:
                self._end(futures)
                wait(futures)  # each gives its board back
                for note in self._left:
                    interruption.add_note(note)
                raise
        return [future.result() for future in futures]

    def _provision(self, done: Provisioned) -> None:
        board, playbook, args = done.board, self._playbooks[done.board], self._args
        ways: list[Way] = []

        def bring_up(bench: Bench) -> None:
            done.label, done.made = bench.label, bench.made
            self._open[board] = bench
            self._go_on()
            way, why = (way_to(bench, args.over), "") if args.check else _or_golden(bench, args.over)
            if why:
                output.note(f"{bench.label}: {why}")
            ways.append(way)

        leave_on, reason = args.leave_on, "farm provision"
        with brought_up(
            self._lab, board, leave_on=leave_on, reason=reason, even_quarantined=True, bring_up=bring_up
        ) as bench:
            way = ways[0]
            done.over = way.over
            if way.why:
                output.note(f"{bench.label}: over its console: {way.why}")

            def tell(text: str) -> None:
                self._go_on()
                output.progress(f"{len(done.steps) + 1} of {len(playbook.steps)}: {text}", of=board)

            target = target_of(
                playbook,
                way.board,
                way.shell,
                workdir=bench.workdir,
                bench=bench,
                over=way.over,
                tell=tell,
                heed=self._go_on,
                restart=way.restart,
            )
            titles = [entry.step.title for entry in playbook.steps]
            done.at = titles[0]
            for n, result in enumerate(each_step(playbook, target, check=args.check), start=1):
                done.steps.append(result)
                done.at = titles[n] if n < len(titles) else ""

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _end(self, futures: list[Future[Provisioned]]) -> None:
        """Let the steps that run end, then close what they wait on; the switches stay, to switch off again."""
        self._stop.set()
        for future in futures:
            future.cancel()
        deadline_s = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline_s and wait(futures, timeout=_GLANCE_S).not_done:
            pass
        for bench in list(self._open.values()):
            with suppress(Exception):
                bench.hang_up()


def provision_each(lab: Lab, playbooks: Mapping[str, Playbook], args: Namespace) -> list[Provisioned]:
    """Provision every board with its playbook, and return what became of each."""
    run, boards = _Run(lab, playbooks, args), list(playbooks)
    if len(boards) == 1:  # here, where an interruption ends a wait at once
        return [run.one(boards[0])]
    return run.all(boards, args.at_once)


def _or_golden(bench: Bench, over: Over | None) -> tuple[Way, str]:
    """Return the way onto a board, and what had to be done for it to boot."""
    from ..playbook.flash import or_golden

    return or_golden(bench, lambda: way_to(bench, over), lambda text, _share: output.progress(text, of=bench.name))


def _count(done: Provisioned, playbook: Playbook) -> str:
    return f"{len(done.steps) + 1} of {len(playbook.steps)}"
