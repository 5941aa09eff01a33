"""Several boards at once: one that fails is told with its step and stops no other."""

from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Semaphore
from types import SimpleNamespace
from typing import Any

import pytest

from devices.errors import Unreachable
from farm.cli import provision_each as module
from farm.cli.main import main
from farm.cli.provision_each import Provisioned, provision_each
from farm.errors import Exit, LabFault, UsageFault
from farm.lab.inventory import Lab, load
from farm.lab.way import Way
from farm.playbook.model import Playbook

INVENTORY = "lab: shelf\nboards:\n" + "".join(
    f"  c{n}:\n    model: coral-dev\n    ssh: {{host: 192.0.2.{n}, user: mendel}}\n" for n in (1, 2, 3)
)
RIGHT = {"directory": {"path": "workdir"}}
WRONG = {"packages": {"names": ["nobody-packs-it"]}}
OTHER = {"governor": {"name": "performance"}}


class Shelf:
    """Three boards of the inventory; the programs behind all of them are one twin's."""

    def __init__(self, folder: Path, place: Any) -> None:
        path = folder / "inventory.yaml"
        path.write_text(INVENTORY, encoding="utf-8")
        self.lab: Lab = load(path)
        self.place = place
        self.met: dict[str, Exception] = {}
        self.at_once: Barrier | None = None

    @contextmanager
    def brought_up(self, lab: Lab, board: str, *, bring_up: Any, **_: Any) -> Iterator[Any]:
        entry = lab.boards[board]
        bench = SimpleNamespace(
            name=board, label=board, made="board", entry=entry, lab="shelf", workdir=self.place.workdir, inventory=lab
        )
        bring_up(bench)
        yield bench

    def way_to(self, bench: Any, _over: Any) -> Way:
        if self.at_once is not None:
            self.at_once.wait(timeout=30)
        if bench.name in self.met:
            raise self.met[bench.name]
        return Way("ssh", self.place.board, self.place.shell)

    def provision(self, *, at_once: int = 3, **steps: list[dict[str, Any]]) -> list[Provisioned]:
        books = {board: Playbook.model_validate({"model": "coral-dev", "steps": each}) for board, each in steps.items()}
        return provision_each(
            self.lab, books, Namespace(at_once=at_once, check=False, over=None, leave_on=False, steps=False)
        )


@pytest.fixture
def shelf(tmp_path: Path, place: Any, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf(tmp_path, place)
    monkeypatch.setattr(module, "brought_up", shelf.brought_up)
    monkeypatch.setattr(module, "way_to", shelf.way_to)
    return shelf


def test_a_failing_board_is_told_with_its_step_and_the_others_go_on(shelf) -> None:
    first, broken, last = shelf.provision(c1=[RIGHT], c2=[RIGHT, WRONG, OTHER], c3=[OTHER])
    assert (first.exit, last.exit) == (Exit.PASS, Exit.PASS)
    assert (broken.exit, broken.at) == (Exit.LAB_FAULT, "packages nobody-packs-it")
    assert [step.name for step in broken.steps] == ["directory workdir"]
    assert broken.told.endswith("\n  step: packages nobody-packs-it, 2 of 3")
    assert "Unable to locate package" in broken.fault


def test_a_board_that_does_not_come_up_is_told_without_a_step(shelf) -> None:
    shelf.met = {"c1": Unreachable("c1"), "c2": UsageFault("c2: no user"), "c3": LabFault("c3", "is in use")}
    results = shelf.provision(c1=[RIGHT], c2=[RIGHT], c3=[RIGHT])
    assert [(one.exit, one.at, one.over) for one in results] == [(3, "", ""), (2, "", ""), (3, "", "")]


def test_they_are_worked_on_at_the_same_time(shelf) -> None:
    """Each waits until all three have come as far as it has."""
    shelf.at_once = Barrier(3)
    assert {one.exit for one in shelf.provision(c1=[RIGHT], c2=[RIGHT], c3=[RIGHT])} == {Exit.PASS}


def test_a_bug_is_no_boards_fault_and_comes_out(shelf) -> None:
    shelf.met = {"c2": ZeroDivisionError("a bug")}
    with pytest.raises(ZeroDivisionError):
        shelf.provision(c1=[RIGHT], c2=[RIGHT])


def test_an_interruption_hangs_up_and_tells_what_could_not_be_put_back(shelf, monkeypatch) -> None:
    """The switch stays open: the board is to be switched off again on the way out."""
    hung_up = Event()

    def waits(bench: Any, _over: Any) -> Way:
        bench.hang_up = hung_up.set
        waiting.release()
        assert hung_up.wait(timeout=60)
        fault = Unreachable(bench.name)
        fault.add_note(f"{bench.name}: still set: supply on")
        raise fault

    def interrupted(futures: Any, timeout: float | None = None) -> Any:
        if timeout is not None and not hung_up.is_set() and waiting.acquire(blocking=False):
            raise KeyboardInterrupt
        return wait(futures, timeout=timeout)

    waiting = Semaphore(0)
    monkeypatch.setattr(module, "way_to", waits)
    monkeypatch.setattr(module, "wait", interrupted)
    monkeypatch.setattr(module, "_GRACE_S", 0.0)
    with pytest.raises(KeyboardInterrupt) as seen:
        shelf.provision(c1=[RIGHT], c2=[RIGHT], at_once=1)
    assert seen.value.__notes__ == ["c1: still set: supply on"]


def test_no_board_and_no_width_are_refused(capsys) -> None:
    assert main(["provision", "--at-once", "0"]) == 2
    told = capsys.readouterr().err
    assert "name the boards" in told
    assert "--at-once 0: at least 1" in told
