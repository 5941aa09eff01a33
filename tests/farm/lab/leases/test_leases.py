"""What a process, a person and the next one in the line see of leases."""

import os
import threading
import time
from pathlib import Path

import pytest

from farm.errors import LabFault, UsageFault
from farm.lab import lease_taking
from farm.lab.lease import LeaseLost, Wanted
from farm.store import leases as rows
from farm.store.database import Store
from farm.store.health import note_fault

ATOM = Wanted(boards=("atom-01",))


def test_a_board_in_use_is_refused_with_who_has_it(leases):
    with leases.use(ATOM, reason="driver work"):
        told = pytest.raises(LabFault, match=rf"^atom-01: in use by process {os.getpid()} of .*\(driver work\)")
        with told, leases.use(ATOM):
            pass


def test_what_was_returned_is_another_s_at_once_with_a_larger_number(leases, shelf):
    tokens = []
    for _ in range(3):
        with leases.use(ATOM) as lease:
            tokens.append(lease.token)
            lease.check()
        assert not lease.held
    assert tokens == sorted(set(tokens))
    assert shelf.left_behind() == {}


def test_a_returned_lease_is_good_for_nothing(leases):
    with leases.use(ATOM) as lease:
        pass
    with pytest.raises(LeaseLost, match="has been returned"):
        lease.check()
    assert lease.lost is None


def test_boards_wear_evenly(leases):
    used = set()
    for _ in range(2):
        with leases.use(Wanted(model="jetson-tx2")) as lease:
            used.add(lease.board)
            time.sleep(0.005)  # a use that takes no time wears nothing
    assert used == {"tx2-01", "tx2-02"}


def test_two_leases_of_one_kind_on_a_board_cannot_even_be_written(leases, shelf):
    with leases.use(ATOM) as lease, Store.open(shelf.folder / ".farm" / "results.sqlite") as store:
        with pytest.raises(Exception, match="UNIQUE"), store.transaction() as connection:
            rows.take(connection, "atom-01", "use", lease.as_taken.holder)
        lease.check()


def test_a_look_makes_no_taker_fail_and_waits_for_nobody(leases, shelf):
    with shelf.process(
        'with leases.use(Wanted(boards=("atom-01",)), kind="look"): say("looks"); sys.stdin.read()'
    ) as look:
        look.stdout.readline()
        with pytest.raises(LabFault, match=r"^atom-01: in use"), leases.use(ATOM, kind="look"):
            pass
        threading.Timer(0.3, look.stdin.close).start()
        with leases.use(ATOM) as lease:
            assert lease.held
        look.wait(60)
    assert [past.held.kind for past in leases.history("atom-01")] == ["use"]


def test_a_look_that_does_not_end_is_not_waited_for_for_ever(leases, monkeypatch):
    monkeypatch.setattr(lease_taking, "LOOK_S", 0.2)
    with leases.use(ATOM, kind="look"), pytest.raises(LabFault, match="in use by process"), leases.use(ATOM):
        pass


def test_waiting_ends_when_time_is_up_and_leaves_nothing_in_the_line(leases):
    with leases.use(ATOM):
        with pytest.raises(LabFault, match=r"waited 0\.2 s"), leases.use(ATOM, wait_s=0.2):
            pass
        assert leases.waiting() == []


def test_one_who_waits_can_be_told_to_give_up_and_leaves_the_line(leases):
    told_to_end = threading.Event()

    def heed():
        if told_to_end.is_set():
            raise InterruptedError

    with leases.use(ATOM):
        threading.Timer(0.2, told_to_end.set).start()
        began_s = time.monotonic()
        with pytest.raises(InterruptedError), leases.use(ATOM, wait_s=60, heed=heed):
            pass
        assert time.monotonic() - began_s < 10
        assert leases.waiting() == []


def test_what_no_board_can_be_is_refused_at_once(leases):
    with pytest.raises(UsageFault, match="no board is model=nano"), leases.use(Wanted(model="nano"), wait_s=60):
        pass


def test_boards_in_quarantine_are_passed_over_and_all_of_them_are_a_fault_at_once(leases, shelf):
    tx2 = Wanted(model="jetson-tx2")
    with Store.open(shelf.folder / ".farm" / "results.sqlite") as store:
        note_fault(store, "tx2-01", "meter silent", quarantine_after=1)
        for _ in range(2):
            with leases.use(tx2) as lease:
                assert lease.board == "tx2-02"
        note_fault(store, "tx2-02", "no boot", quarantine_after=1)
    told = pytest.raises(LabFault, match=r"in quarantine: tx2-01: .*meter silent.*; tx2-02: .*no boot")
    with told, leases.use(tx2, wait_s=60):
        pass
    assert leases.reserve(Wanted(boards=("tx2-01",)), 60).board == "tx2-01", "by name: somebody repairs it"


def test_a_reservation_keeps_others_out_until_its_owner_returns_it(leases, shelf):
    leases.reserve(ATOM, 3600, "demo")
    with leases.use(ATOM):
        pass
    with shelf.open(in_name_of="carl") as carl:
        with pytest.raises(LabFault, match=r"who has reserved it until .* \(demo\)"), carl.use(ATOM):
            pass
        with pytest.raises(UsageFault, match="is not yours"):
            carl.give_back("atom-01")
        leases.give_back("atom-01")
        with carl.use(ATOM):
            pass
    with pytest.raises(UsageFault, match="nobody has it"):
        leases.give_back("atom-01")


def test_a_reservation_ends_by_the_database_s_clock(leases, shelf):
    leases.reserve(ATOM, 3600)
    shelf.change("UPDATE leases SET expires_ms = expires_ms - 3600 * 1000")
    with shelf.open(in_name_of="carl") as carl, carl.use(ATOM):
        assert [lease.kind for lease in carl.held()] == ["use"]
    assert [past.how for past in leases.history("atom-01")] == ["returned", "expired"]


def test_a_reservation_by_name_is_prolonged_and_by_wish_another_board_is_taken(leases):
    first = leases.reserve(ATOM, 60, "demo")
    again = leases.reserve(ATOM, 7200)
    assert (again.token, again.reason) == (first.token, "demo")
    assert again.expires_utc > first.expires_utc
    assert leases.reserve(Wanted(model="atom-e3930"), 60).board == "atom-02"


def test_a_reservation_for_a_process_ends_with_it(leases, shelf):
    with shelf.open(in_name_of="job 7") as job, job.reserved(ATOM):
        with job.use(ATOM):
            pass
        with pytest.raises(LabFault), leases.use(ATOM):
            pass
        with pytest.raises(UsageFault, match="is used by your process"):
            job.give_back("atom-01")
    with leases.use(ATOM):
        pass


def test_stealing_tells_the_loser_who_and_why_closes_his_handles_and_is_recorded(leases, shelf):
    closed = threading.Event()

    def lose():
        with leases.use(ATOM) as lease:
            lease.when_lost(closed.set)
            with shelf.open(in_name_of="carl") as carl:
                stolen = carl.steal("atom-01", "the release is tonight")
            assert (stolen.let_go, [loser.token for loser in stolen.losers]) == (True, [lease.token])
            assert closed.is_set()
            assert not lease.held
            raise OSError("the link broke")

    with pytest.raises(LeaseLost, match="taken by carl: the release is tonight") as lost:
        lose()
    assert (lost.value.by, str(lost.value.__cause__)) == ("carl", "the link broke")
    new, old = leases.history("atom-01")
    assert (new.held.kind, new.held.owner) == ("reservation", "carl")
    assert (old.how, old.by, old.why) == ("stolen", "carl", "the release is tonight")


def test_a_loser_who_notices_nothing_else_is_told_at_the_end(leases):
    with pytest.raises(LeaseLost, match="taken by"), leases.use(ATOM):
        leases.steal("atom-01", "a test")


def test_stealing_wants_a_reason_and_somebody_to_steal_from(leases):
    with pytest.raises(UsageFault, match="nobody has it"):
        leases.steal("atom-01", "a test")
    with leases.use(ATOM) as lease:
        with pytest.raises(UsageFault, match="say why"):
            leases.steal("atom-01", "  ")
        lease.check()


def test_repeated_borrowing_leaks_neither_threads_nor_files(leases, shelf):
    def ours():
        """Twins of other tests may live in this process."""
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith(("lease", "waits"))]
        files = [os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
        return threads, sorted(file for file in files if file.startswith(str(shelf.folder)))

    with shelf.open() as opened, opened.use(ATOM):  # SQLite keeps a file of a closed connection for the next one
        assert ours()[0]
    before = ours()
    for _ in range(20):
        with shelf.open() as opened, opened.use(ATOM):
            pass
    assert ours() == before
    assert shelf.left_behind() == {}


def test_what_others_wait_for_is_listed_with_positions(leases, shelf):
    with (
        leases.use(ATOM),
        leases.use(Wanted(boards=("tx2-01",))),
        shelf.waiter("atom-01"),
        shelf.waiter("tx2-01"),
        shelf.waiter("board=tx2-01,board=atom-01"),
    ):
        seen = [(waiter.position, waiter.wanted) for waiter in leases.waiting()]
    assert seen == [(1, "atom-01"), (1, "tx2-01"), (3, "board=tx2-01,board=atom-01")]
