"""What is set on a lent board is as it was afterwards: on every path, and after a process that was killed."""

import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from farm.errors import LabFault, UsageFault
from farm.health.lab_faults import of_board
from farm.lab.bench import borrow
from farm.lab.lease import LeaseLost, Leases, Wanted
from farm.lab.restore import SUPPLY, SettingRefused
from farm.store import settings as journal
from farm.store.database import Store

BOARD = "zero-01"
GOVERNOR = "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"


@pytest.fixture
def lend(twin_lab):
    return lambda: borrow(twin_lab.lab, BOARD, state=twin_lab.state)


@pytest.fixture
def off(lend):
    """The board, off to begin with."""
    with lend() as bench:
        bench.power_off()


@pytest.fixture
def on(lend):
    """The board, on to begin with and to end with."""
    with lend() as bench:
        bench.settings.leave_on()
        bench.ensure_up()


def governor(here) -> str:
    return (here.state / "lab" / BOARD / "board" / "root" / GOVERNOR).read_text().strip()


def powered(lend) -> bool:
    with lend() as bench:
        return bench.switch.state()


def noted(here) -> list[str]:
    with Store.open(here.state / "results.sqlite") as store:
        return [noted.name for noted in journal.noted(store, BOARD)]


def test_a_board_that_was_off_is_off_again(lend, off, twin_lab):
    with lend() as bench:
        bench.ensure_up()
        assert noted(twin_lab) == [SUPPLY]
    assert not powered(lend)
    assert noted(twin_lab) == []


def test_a_board_that_was_on_stays_on(lend, on):
    with lend() as bench:
        bench.power_cycle()
    assert powered(lend)


def test_a_board_can_be_left_on(lend, off):
    with lend() as bench:
        bench.settings.leave_on()
        bench.ensure_up()
    assert powered(lend)


def test_a_reserved_board_stays_on_until_the_first_lease_after_the_reservation(lend, off, twin_lab):
    with Leases.open(twin_lab.lab, twin_lab.state) as leases:
        leases.reserve(Wanted(boards=(BOARD,)), 60.0, "a day of tests")
        try:
            with lend() as bench:
                bench.ensure_up()
            assert powered(lend)
        finally:
            leases.give_back(BOARD)
    with lend():
        pass
    assert not powered(lend)


def test_what_is_set_is_noted_first_and_put_back_newest_first(lend, on, twin_lab, monkeypatch):
    before = governor(twin_lab)
    with lend() as bench:
        bench.settings.governor("performance")
        bench.settings.governor("powersave")
        assert governor(twin_lab) == "powersave"
        assert noted(twin_lab) == ["governor", "governor"]
    assert governor(twin_lab) == before
    assert noted(twin_lab) == []


@pytest.mark.parametrize("error", [AssertionError, KeyboardInterrupt])
def test_it_is_put_back_whatever_ends_the_lease(lend, on, twin_lab, error):
    before = governor(twin_lab)

    def broken():
        with lend() as bench:
            bench.settings.governor("performance")
            raise error

    with pytest.raises(error):
        broken()
    assert governor(twin_lab) == before


@pytest.mark.parametrize("error", [None, AssertionError, KeyboardInterrupt])
def test_what_is_set_for_a_while_is_put_back_then_and_what_was_set_before_stays(lend, on, twin_lab, error):
    with lend() as bench:
        bench.settings.governor("performance")
        with suppress(AssertionError, KeyboardInterrupt), bench.settings.held({"governor": "powersave"}):
            assert governor(twin_lab) == "powersave"
            if error is not None:
                raise error
        assert governor(twin_lab) == "performance"
        assert noted(twin_lab) == ["governor"]
    assert governor(twin_lab) != "performance"


def test_what_went_with_a_reboot_is_not_set_again(lend, on, twin_lab):
    with lend() as bench:
        bench.settings.governor("performance")
        bench.power_cycle()
        fresh = governor(twin_lab)
        bench.shell.run(f"echo userspace > {twin_lab.state.resolve()}/lab/{BOARD}/board/root/{GOVERNOR}")
    assert fresh != "performance"
    assert governor(twin_lab) == "userspace", "somebody else's, and none of this lease's business"
    assert noted(twin_lab) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from farm.health.lab_faults import of_board
from farm.lab.bench import borrow
from farm.lab.inventory import usable
with borrow(usable(Path(sys.argv[1])), sys.argv[2]) as bench:
    bench.ensure_up()
    bench.settings.governor("performance")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_holder_puts_back_what_a_killed_one_left(lend, off, here):
    with lend() as bench:
        bench.ensure_up()
        fresh = governor(here)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(here.source), BOARD], cwd=here.folder, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (governor(here), noted(here)) == ("performance", ["governor", SUPPLY])
    with lend() as bench:
        bench.ensure_up()
        assert governor(here) == fresh
        assert noted(here) == [SUPPLY]
    assert not powered(lend)


def test_what_cannot_be_put_back_is_a_lab_fault_that_names_it_and_stays_noted(lend, on, twin_lab):
    governors = twin_lab.state / "lab" / BOARD / "board" / "root" / GOVERNOR

    def stuck():
        with lend() as bench:
            bench.settings.governor("performance")
            governors.unlink()
            governors.mkdir()

    try:
        with pytest.raises(LabFault, match=rf"{BOARD}: still set: governor performance, set by .* \("):
            stuck()
        assert noted(twin_lab) == ["governor"]
    finally:
        governors.rmdir()
        governors.write_text("ondemand\n")
    with lend() as bench:
        bench.ensure_up()
    assert noted(twin_lab) == []


def test_what_was_noted_of_another_model_hides_no_fault_and_keeps_nothing_else_from_being_put_back(lend, on, twin_lab):
    before = governor(twin_lab)
    with Store.open(twin_lab.state / "results.sqlite") as store:
        noted_before = journal.note(store, journal.Noted(0, BOARD, 0, "ann", "power_mode", "MAXN", "x", None))

    def on_another_model():
        with lend() as bench:
            bench.settings.governor("performance")
            raise AssertionError("80 ms")

    try:
        with pytest.raises(AssertionError, match="80 ms") as seen:
            on_another_model()
    finally:
        with Store.open(twin_lab.state / "results.sqlite") as store:
            journal.forget(store, noted_before.number)
    assert "still set: power_mode MAXN, set by ann (a pi-zero-aiy has no power_mode" in seen.value.__notes__[0]
    assert (governor(twin_lab), noted(twin_lab)) == (before, [])


@pytest.mark.parametrize("error", [AssertionError, KeyboardInterrupt])
def test_what_is_on_the_way_out_is_not_hidden_by_what_cannot_be_put_back(lend, on, twin_lab, error):
    governors = twin_lab.state / "lab" / BOARD / "board" / "root" / GOVERNOR

    def twice_unlucky():
        with lend() as bench, bench.settings.held({"governor": "performance"}):
            governors.unlink()
            governors.mkdir()
            raise error("80 ms")

    try:
        with pytest.raises(error, match="80 ms") as seen:
            twice_unlucky()
    finally:
        governors.rmdir()
        governors.write_text("ondemand\n")
    (note,) = seen.value.__notes__  # although it was tried at the end of the lease, too
    assert "still set: governor performance" in note
    with lend() as bench:
        bench.ensure_up()


def test_what_the_model_does_not_have_is_refused_by_name(lend, on):
    with lend() as bench, pytest.raises(UsageFault, match="a pi-zero-aiy has no power_mode to set; there are governor"):
        bench.settings.power_mode("MAXN")


def test_a_value_that_could_be_a_command_is_refused(lend, on):
    with lend() as bench, pytest.raises(UsageFault, match="governor 'x; reboot': wants"):
        bench.settings.governor("x; reboot")


def test_a_value_that_the_board_does_not_have_is_told_is_not_left_set_and_is_no_fault_of_it(lend, on, twin_lab):
    before = governor(twin_lab)
    with (
        lend() as bench,
        pytest.raises(
            SettingRefused, match=r"does not take governor turbo: no governor turbo; there are .*ondemand"
        ) as seen,
        bench.settings.held({"governor": "turbo"}),
    ):
        pytest.fail("nothing runs on a board that is not as was wanted")
    assert (governor(twin_lab), noted(twin_lab)) == (before, [])
    assert not of_board(twin_lab.lab, BOARD, seen.value)
    assert seen.value.__context__ is None  # a test's first fault is looked for there


def test_a_lost_board_is_left_to_its_next_holder(lend, on, twin_lab):
    def stolen():
        with lend() as bench:
            bench.settings.governor("performance")
            with Leases.open(twin_lab.lab, twin_lab.state) as leases:
                leases.steal(BOARD, "a test")

    with pytest.raises(LeaseLost):
        stolen()
    assert governor(twin_lab) == "performance"
    assert noted(twin_lab) == ["governor"]
    with lend() as bench:
        bench.ensure_up()
        assert noted(twin_lab) == []
    with Leases.open(twin_lab.lab, twin_lab.state) as leases:
        leases.give_back(BOARD)
