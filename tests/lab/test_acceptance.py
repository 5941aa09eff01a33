"""The acceptance suite: runs against any inventory, twins or boards, and against each of its boards.

pytest tests/lab --farm-inventory inventory.yaml
"""

import math

import pytest

from farm.playbook import apply

pytestmark = pytest.mark.board()


def test_it_boots_from_power_off(bench, farm_note):
    report = bench.power_cycle()
    if bench.entry.console is None:
        farm_note("no console to see the boot on")
        return
    farm_note(f"{' → '.join(report.stages)} in {max(report.reached_s.values()):.1f} s")
    assert report.stages[-1] in ("login", "shell")


def test_it_is_the_board_that_the_inventory_says(bench, board):
    identity = board.identity()
    assert identity.boot_id
    if bench.entry.serial_number:
        assert identity.serial_number == bench.entry.serial_number


def test_a_shell_on_the_console_gives_exact_answers(bench, console):
    bench.ensure_up()
    bench.login()
    answer = console.run("printf 'one\\ntwo  \\n'; exit_with() { return 7; }; exit_with", timeout_s=10)
    assert (answer.stdout, answer.exit_status) == (b"one\ntwo  \n", 7)


def test_provisioning_it_again_changes_nothing(bench, board, playbook, farm_note):
    first = apply(playbook, board, bench.shell, workdir=bench.workdir, bench=bench)
    farm_note(f"provisioned: {', '.join(step.name for step in first if step.changed) or 'nothing to do'}")
    again = apply(playbook, board, bench.shell, workdir=bench.workdir, bench=bench)
    assert [step.name for step in again if step.changed] == []


def test_its_meter_reads_a_plausible_supply(meter, board, farm_note):
    reading = meter.read()
    farm_note(f"{meter.name}: {reading.volts[0]:.3f} V at {reading.amps[0]:.4f} A, {reading.watts[0]:.3f} W")
    assert not math.isnan(reading.volts[0])
    assert 4.5 <= reading.volts[0] <= 260
    assert reading.watts[0] > 0


@pytest.mark.timeout(600)  # a release that is far too slow is given up late, and void trials are run again
def test_the_release_meets_its_limits(bench, deploy, trial, release, playbook, board):
    apply(playbook, board, bench.shell, workdir=bench.workdir, bench=bench)
    outcome = trial(deploy(release.artifact, release.dataset), **release.how, attempts=3)
    outcome.check(release.limits)
