"""A reboot only where something asks for it, and none forgotten."""

from typing import Any

import pytest

from devices.errors import CommandFailed
from devices.twin import model as twin_model
from devices.twin import tree
from farm.errors import UsageFault
from farm.playbook import StepResult, each_step, load, target_of
from farm.playbook.model import Playbook

ARGUMENTS = {"kernel_arguments": {"loader": "cmdline.txt", "present": ["isolcpus=3"]}}
REBOOT = {"reboot": {"when": "changed"}}

pytestmark = pytest.mark.parametrize("place", ["pi-zero-aiy"], indirect=True)


class Run:
    """A playbook on the board, with a power button instead of a kernel."""

    def __init__(self, place: Any, *steps: dict[str, Any]) -> None:
        self.place, self.reboots = place, 0
        self.book = Playbook.model_validate({"model": "pi-zero-aiy", "steps": list(steps)})

    def boot(self, _timeout_s: float) -> None:
        self.reboots += 1
        tree.boot(self.place.root, twin_model.load("pi-zero-aiy"))

    def take(self, *, check: bool = False) -> list[StepResult]:
        place = self.place
        target = target_of(
            self.book, place.board, place.shell, workdir=place.workdir, tell=lambda _text: None, restart=self.boot
        )
        return list(each_step(self.book, target, check=check))


def test_what_was_changed_holds_after_the_reboot_and_there_is_no_second_one(place) -> None:
    run = Run(place, ARGUMENTS, REBOOT, {"expect": {"what": "it", "file": "/proc/cmdline", "matches": "isolcpus=3"}})
    assert run.take()[1].detail == "kernel arguments isolcpus=3 changed"
    assert run.reboots == 1
    assert [step.changed for step in run.take()] == [False, False, False]
    assert run.reboots == 1


def test_check_mode_foresees_the_reboot_and_leaves_the_board_alone(place) -> None:
    run = Run(place, ARGUMENTS, REBOOT)
    assert [step.changed for step in run.take(check=True)] == [True, True]
    assert run.reboots == 0
    assert not (place.root / "run/edge-test-farm.reboot").exists()


def test_a_reboot_that_a_broken_run_still_owes_is_made_by_the_next_one(place) -> None:
    breaks = {"packages": {"names": ["nobody-packs-it"]}}
    with pytest.raises(CommandFailed):
        Run(place, ARGUMENTS, breaks, REBOOT).take()
    run = Run(place, ARGUMENTS, REBOOT)
    assert [step.changed for step in run.take(check=True)] == [False, True]
    run.take()
    assert run.reboots == 1


def test_what_changed_after_a_reboot_asks_for_none_of_it(place) -> None:
    run = Run(place, REBOOT, ARGUMENTS)
    assert [step.changed for step in run.take()] == [False, True]
    assert run.reboots == 0


def test_a_named_file_asks_for_one(place) -> None:
    run = Run(place, {"reboot": {"file": "/run/reboot-required"}})
    assert not run.take()[0].changed
    (place.root / "run/reboot-required").touch()
    assert run.take()[0].detail == "/run/reboot-required asks for it"
    assert run.reboots == 1


def test_what_a_reboot_undoes_must_not_stand_before_it(place, tmp_path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("model: pi-zero-aiy\nsteps:\n  - governor: {name: performance}\n  - reboot: {when: changed}\n")
    with pytest.raises(UsageFault, match=r":3: steps\.0\.governor: a reboot further down would undo it; move"):
        load(path)
