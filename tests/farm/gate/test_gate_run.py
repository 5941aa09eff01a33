"""The engine of a gate on boards and trials that are made up; store and statistics are the real ones."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from devices.errors import Unreachable
from farm.errors import LabFault, UsageFault
from farm.lab import crew, lending
from farm.lab.inventory import Lab
from farm.lab.lease import LeaseLost
from farm.store.consoles import ConsoleLog
from farm.store.database import Store
from farm.store.disk import DiskFull
from farm.store.health import faults_in_a_row, history
from farm.store.record import Record
from farm.store.run import GateVerdict
from farm.trial.trial import Trial
from farm.verdict import keep, seat_run
from farm.verdict.budget import Budget
from farm.verdict.gate_plan import Plan
from farm.verdict.gate_run import new_job, new_run, run_gate
from farm.verdict.policy_file import load_policy
from farm.verdict.seat_run import run_seat
from farm.verdict.seats import seats

POLICY = """
accept_twins: true
provision: false
time_budget_s: 600
retries: {retries}
models:
  atom-e3930:
    count: {count}
    scenario: {{rate_hz: 20, duration_s: 1, idle_s: 0}}
    limits: {{max_p99_ms: 20}}
{against}
"""
AGAINST = """
against_baseline: {joules_per_inference: "+5 %"}
statistics:
  min_pairs: 4
  max_pairs: 6
  max_voids: 2
  noise_floor: {joules_per_inference: {change: 1 %, reason: made up}}
"""
STATE = Path(".farm")
Behaviour = Callable[[str, int], dict[str, object]]
"""Role and number of the trial on its board → what its record says; or it raises."""


@dataclass
class World:
    """Boards that do as they are told, and what was done with them."""

    store: Store
    make: Callable[..., Record]
    boards: dict[str, Behaviour] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    patient: bool = False
    """Whether a busy board is waited for, which nobody returns."""
    ran: list[tuple[str, str]] = field(default_factory=list)
    """Board and role of each trial."""
    returned: list[str] = field(default_factory=list)
    saved_before: list[int] = field(default_factory=list)
    """How many records the store held when each trial began."""
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def borrow_any(self, lab, wanted, *, state, wait_s, reason, progress, heed) -> Iterator[SimpleNamespace]:
        with self.lock:
            name = next((board for board in wanted.boards if board not in self.busy), None)
            self.busy.update({name} - {None})
        while name is None and wait_s and self.patient:
            heed()
            time.sleep(0.01)
        if name is None:
            raise LabFault(str(wanted), "in use by somebody else")
        try:
            yield SimpleNamespace(
                name=name,
                ensure_up=lambda heed: heed("in stage kernel"),
                hang_up=self.closed.set,
                console_log=lambda: ConsoleLog(b"login:"),
                shell=None,
                workdir="/opt",
            )
        finally:
            with self.lock:
                self.busy.remove(name)
                self.returned.append(name)

    def run_trial(self, bench, role: str, scenario, *, conditions, progress, heed, spool) -> Trial:
        with self.lock:
            nth = sum(board == bench.name for board, _ in self.ran)
            self.ran.append((bench.name, role))
            number = len(self.ran)
            self.saved_before.append(len(self.store.records(limit=1000)))
        progress("frame 1 of 20")
        changes = self.boards[bench.name](role, nth)
        facts = {"board__name": bench.name, "board__serial_number": f"S-{bench.name}", "artifact__name": role}
        record = self.make(
            **{"id": f"{number:016x}", "artifact__id": role[0] * 64, "power__0__serial_number": "7", **facts, **changes}
        )
        return Trial(record, {}, None)

    def records(self, run_id: str) -> list[Record]:
        return [stored.record for stored in reversed(self.store.records(run_id=run_id, limit=1000))]


def good(role: str, nth: int) -> dict[str, object]:
    return {"power__0__joules_per_inference": 0.06}


def hungry(role: str, nth: int) -> dict[str, object]:
    """A candidate that needs a fifth more."""
    return {"power__0__joules_per_inference": 0.072 if role == "candidate" else 0.06}


def dead(role: str, nth: int) -> dict[str, object]:
    raise Unreachable("atom-01", "nothing answers", hint="is it on?")


def after(trials: int, then: Behaviour, first: Behaviour = good) -> Behaviour:
    return lambda role, nth: (first if nth < trials else then)(role, nth)


@pytest.fixture
def world(tmp_path, a_record, monkeypatch) -> Iterator[World]:
    with Store.open(tmp_path / "results.sqlite") as store:
        world = World(store, a_record)
        monkeypatch.setattr(lending, "borrow_any", world.borrow_any)
        monkeypatch.setattr(keep, "run_trial", world.run_trial)
        monkeypatch.setattr(seat_run, "deploy_to", lambda _bench, artifact, *_, **__: artifact)
        yield world


def planned(tmp_path: Path, boards: int = 1, count: int = 1, against: str = AGAINST, retries: int = 1) -> Plan:
    entry = {
        "model": "atom-e3930",
        "console": {"port": "/dev/null"},
        "ssh": {"host": "192.0.2.1", "user": "farm"},
    }
    lab = Lab.model_validate({"lab": "made-up", "boards": {f"atom-0{n + 1}": entry for n in range(boards)}})
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(count=count, against=against, retries=retries))
    policy = load_policy(path)
    releases = SimpleNamespace(
        of=lambda role, _: SimpleNamespace(artifact=role, dataset=None),
        ids=lambda: {"candidate": {"atom-e3930": "c"}},
    )
    return Plan(lab, policy, seats(policy, lab), releases, {})


def gate(world: World, plan: Plan, told: list[str] | None = None) -> tuple[GateVerdict, str]:
    run = new_run(plan, ["farm", "gate"])
    world.store.begin(run)
    told = [] if told is None else told
    return run_gate(plan, world.store, run.id, lambda text, of: told.append(f"{of}: {text}"), state=STATE), run.id


def test_every_trial_is_kept_before_the_next_begins_and_says_whose_release_it_ran(world, tmp_path):
    world.boards["atom-01"] = good
    verdict, run_id = gate(world, planned(tmp_path))
    assert verdict.outcome == "pass"
    assert world.saved_before == list(range(12))
    roles = [record.role for record in world.records(run_id)]
    assert roles == [role for _, role in world.ran]
    assert (roles.count("candidate"), roles.count("baseline")) == (6, 6)
    assert roles != sorted(roles)
    assert world.returned == ["atom-01"]


def test_a_hungrier_release_is_a_regression(world, tmp_path):
    world.boards["atom-01"] = hungry
    verdict, _ = gate(world, planned(tmp_path))
    assert verdict.outcome == "regression"
    assert [c.name for c in verdict.criteria if c.outcome == "regression"] == ["joules_per_inference"]


def test_a_void_trial_is_repeated_in_its_place(world, tmp_path):
    world.boards["atom-01"] = lambda role, nth: good(role, nth) | {"voids": ["host: stopped for 2 s"] * (nth == 2)}
    verdict, run_id = gate(world, planned(tmp_path))
    assert verdict.outcome == "pass"
    records = world.records(run_id)
    assert len(records) == 13
    assert records[2].role == records[3].role


def test_more_voids_than_the_policy_bears_are_no_verdict(world, tmp_path):
    world.boards["atom-01"] = lambda role, nth: good(role, nth) | {"voids": ["host: stopped for 2 s"]}
    verdict, run_id = gate(world, planned(tmp_path))
    assert verdict.outcome == "no verdict"
    assert any("host: stopped for 2 s" in reason for reason in verdict.reasons)
    assert len(world.records(run_id)) == 3


def test_a_lab_fault_moves_the_seat_to_a_neighbour_where_the_baseline_runs_too(world, tmp_path):
    world.boards |= {"atom-01": after(3, dead), "atom-02": good}
    verdict, run_id = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "pass"
    (fault,) = verdict.faults
    assert (fault.board, fault.what, fault.retried_on) == ("atom-01", "atom-01: nothing answers", "atom-02")
    assert {c.board for c in verdict.criteria} == {"atom-02"}
    moved = [record for record in world.records(run_id) if record.board.name == "atom-02"]
    assert {record.role for record in moved} == {"candidate", "baseline"}
    assert {(m.board, m.why) for record in moved for m in record.moved} == {("atom-01", "atom-01: nothing answers")}
    assert all(record.moved for record in moved)
    assert [entry.what for entry in history(world.store, "atom-01")] == ["fault"]


def test_without_a_free_neighbour_a_lab_fault_is_no_verdict(world, tmp_path):
    world.boards |= {"atom-01": dead, "atom-02": good}
    world.busy.add("atom-02")
    verdict, _ = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "no verdict"
    (fault,) = verdict.faults
    assert (fault.retried_on, fault.hint) == (None, "is it on?")
    assert any("atom-02: in use by somebody else" in reason for reason in verdict.reasons)


def test_retries_end_where_the_policy_says(world, tmp_path):
    world.boards |= {"atom-01": dead, "atom-02": dead, "atom-03": good}
    verdict, _ = gate(world, planned(tmp_path, boards=3, retries=1))
    assert verdict.outcome == "no verdict"
    assert [(fault.board, fault.retried_on) for fault in verdict.faults] == [("atom-01", "atom-02"), ("atom-02", None)]


def test_a_board_that_was_taken_away_counts_no_fault_against_it(world, tmp_path):
    def stolen(role: str, nth: int) -> dict[str, object]:
        raise LeaseLost("atom-01", "taken by somebody")

    world.boards |= {"atom-01": stolen, "atom-02": good}
    verdict, _ = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "pass"
    assert history(world.store, "atom-01") == []


def test_one_boards_fault_never_hides_anothers_regression(world, tmp_path):
    world.boards |= {"atom-01": dead, "atom-02": hungry}
    verdict, _ = gate(world, planned(tmp_path, boards=2, count=2))
    assert verdict.outcome == "regression"
    assert [fault.board for fault in verdict.faults] == ["atom-01"]


def test_what_regressed_before_the_fault_stays_a_regression(world, tmp_path):
    slow = {"latency__p99_ms": 90.0}
    world.boards |= {"atom-01": after(3, dead, lambda role, nth: good(role, nth) | slow), "atom-02": good}
    verdict, _ = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "regression"
    assert "atom-02" not in world.returned


def test_seats_run_at_the_same_time_and_each_on_a_board_of_its_own(world, tmp_path):
    meet = threading.Barrier(3, timeout=60)

    def together(role: str, nth: int) -> dict[str, object]:
        if nth == 0:
            meet.wait()
        return good(role, nth)

    world.boards = dict.fromkeys(("atom-01", "atom-02", "atom-03"), together)
    verdict, _ = gate(world, planned(tmp_path, boards=3, count=3))
    assert verdict.outcome == "pass"
    assert sorted(world.returned) == ["atom-01", "atom-02", "atom-03"]


def test_the_board_that_another_seat_prefers_is_no_neighbour(world, tmp_path):
    world.boards |= {"atom-01": dead, "atom-02": good}
    verdict, _ = gate(world, planned(tmp_path, boards=2, count=2))
    assert verdict.outcome == "no verdict"
    assert sorted(world.returned) == ["atom-01", "atom-02"]


def test_two_seats_never_run_on_one_board(world, tmp_path):
    """Both fail, one after the other, and there is one spare board."""
    spare_done = threading.Event()

    def late(role: str, nth: int) -> dict[str, object]:
        assert spare_done.wait(60)
        return dead(role, nth)

    def told(text: str, of: str) -> None:
        if not text and of.endswith("1 of 2"):
            spare_done.set()

    world.boards |= {"atom-01": dead, "atom-02": late, "atom-03": good}
    plan = planned(tmp_path, boards=3, count=2)
    run = new_run(plan, [])
    world.store.begin(run)
    verdict = run_gate(plan, world.store, run.id, told, state=STATE)
    assert verdict.outcome == "no verdict"
    assert world.returned == ["atom-01", "atom-03", "atom-02"]
    assert any("all have run other seats of this gate" in reason for reason in verdict.reasons)


def test_a_release_that_the_boards_runtime_refuses_is_no_verdict_and_tried_nowhere_else(world, tmp_path):
    def refused(role: str, nth: int) -> dict[str, object]:
        raise UsageFault("lenet: atom-01 cannot load it")

    world.boards |= {"atom-01": refused, "atom-02": good}
    verdict, _ = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "no verdict"
    assert "lenet: atom-01 cannot load it" in verdict.reasons
    assert world.returned == ["atom-01"]


def test_a_disk_that_fills_ends_the_gate_and_no_neighbour_is_tried(world, tmp_path):
    def fills(role: str, nth: int) -> dict[str, object]:
        raise DiskFull(".farm", "the disk has 0.01 GB left", hint="make room: `farm results prune`")

    world.boards |= {"atom-01": fills, "atom-02": good}
    verdict, _ = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "no verdict"
    assert any("the disk has 0.01 GB left" in reason and "farm results prune" in reason for reason in verdict.reasons)
    assert world.returned == ["atom-01"]
    assert verdict.faults == []


def test_a_full_disk_here_is_no_fault_of_the_board(world, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise LabFault("results.sqlite", "results: database or disk is full")

    monkeypatch.setattr(Store, "save", full)
    world.boards |= {"atom-01": good, "atom-02": good}
    verdict, _ = gate(world, planned(tmp_path, boards=2))
    assert verdict.outcome == "no verdict"
    assert "atom-e3930: a trial could not be kept: results.sqlite: results: database or disk is full" in verdict.reasons
    assert history(world.store, "atom-01") == []
    assert world.returned == ["atom-01"]


def test_faults_of_the_board_count_for_its_quarantine_and_those_of_others_do_not(world, tmp_path):
    def elsewhere(role: str, nth: int) -> dict[str, object]:
        raise LabFault("dns", "no address")

    world.boards["atom-01"] = elsewhere
    gate(world, planned(tmp_path))
    assert faults_in_a_row(world.store, "atom-01") == 0
    world.boards["atom-01"] = dead
    gate(world, planned(tmp_path))
    assert faults_in_a_row(world.store, "atom-01") == 1


def test_a_bug_in_the_farm_is_no_verdict_of_any_kind(world, tmp_path):
    def broken(role: str, nth: int) -> dict[str, object]:
        raise ZeroDivisionError

    world.boards["atom-01"] = broken
    with pytest.raises(ZeroDivisionError):
        gate(world, planned(tmp_path))
    assert world.returned == ["atom-01"]


def test_when_time_is_up_the_reason_says_so_and_what_ran_is_judged(world, tmp_path):
    plan = planned(tmp_path)
    run = new_run(plan, [])
    world.store.begin(run)
    clock = iter(range(0, 10_000, 100))
    job = new_job(plan, world.store, run.id, lambda *_: None, state=STATE)
    late = seat_run.Job(
        job.policy,
        job.seats,
        job.releases,
        {},
        job.store,
        run.id,
        job.lending,
        Budget(1000, lambda: next(clock)),
        job.progress,
    )
    world.boards["atom-01"] = good
    ended = run_seat(late, plan.seats[0])
    assert 0 < len(ended.records) < 8
    (reason,) = ended.reasons
    assert reason.startswith("atom-e3930: time was up: the gate has 1000 s")
    assert f"{len(ended.records)} trials ran on atom-01, and one more takes 100 s" in reason
    assert ended.verdict(plan.policy).outcome == "no verdict"


def test_a_board_that_hangs_at_boot_ends_with_the_gates_time_and_no_neighbour_is_tried(world, tmp_path):
    plan = planned(tmp_path, boards=2)
    run = new_run(plan, [])
    world.store.begin(run)
    clock = iter((0, 0, 1000, 1000))
    budget = Budget(1000, lambda: next(clock))
    job = replace(new_job(plan, world.store, run.id, lambda *_: None, state=STATE), budget=budget)
    ended = run_seat(job, plan.seats[0])
    assert ended.reasons == ("atom-e3930: atom-01: was not up yet, in stage kernel: time was up: 1000 s",)
    assert (ended.faults, world.returned, history(world.store, "atom-01")) == ((), ["atom-01"], [])
    assert ended.verdict(plan.policy).outcome == "no verdict"


def seats_at_work() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("board of ")]


def interrupted(role: str, nth: int) -> dict[str, object]:
    os.kill(os.getpid(), signal.SIGINT)
    return good(role, nth)


def test_an_interruption_lets_every_seat_leave_its_board_and_keeps_what_ran(world, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_GRACE_S", 60.0)  # no seat needs so long; a busy machine may
    at_work = threading.Event()

    def works(role: str, nth: int) -> dict[str, object]:
        at_work.set()
        return good(role, nth)

    def interrupted_once_both_work(role: str, nth: int) -> dict[str, object]:
        assert at_work.wait(60)
        return interrupted(role, nth)

    world.boards |= {"atom-01": after(2, interrupted_once_both_work), "atom-02": works}
    plan = planned(tmp_path, boards=2, count=2)
    run = new_run(plan, [])
    world.store.begin(run)
    with pytest.raises(KeyboardInterrupt):
        run_gate(plan, world.store, run.id, lambda *_: None, state=STATE)
    assert sorted(world.returned) == ["atom-01", "atom-02"]
    kept = [record for record in world.records(run.id) if record.board.name == "atom-01"]
    assert len(kept) >= 2
    assert not world.closed.is_set()
    assert seats_at_work() == []
    assert world.store.run(run.id).verdict is None


def test_an_interruption_ends_the_wait_of_a_seat_that_stands_in_the_line(world, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_GRACE_S", 60.0)
    world.boards["atom-01"] = after(1, interrupted)
    world.busy.add("atom-02")
    world.patient = True
    with pytest.raises(KeyboardInterrupt):
        gate(world, planned(tmp_path, boards=2, count=2))
    assert world.returned == ["atom-01"]
    assert seats_at_work() == []


def test_what_waits_on_a_link_is_ended_by_closing_it(world, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_GRACE_S", 0.05)
    monkeypatch.setattr(crew, "_CLOSED_S", 60.0)

    def stuck(role: str, nth: int) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGINT)
        assert world.closed.wait(60)
        raise Unreachable("atom-01", "closed")

    world.boards["atom-01"] = stuck
    with pytest.raises(KeyboardInterrupt):
        gate(world, planned(tmp_path))
    assert world.returned == ["atom-01"]
    assert history(world.store, "atom-01") == []  # closed on purpose: no fault of the lab


def test_a_board_that_does_not_end_in_time_is_named_and_nothing_is_said_to_be_undone(world, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_GRACE_S", 0.05)
    monkeypatch.setattr(crew, "_CLOSED_S", 0.05)
    left = threading.Event()

    def hangs(role: str, nth: int) -> dict[str, object]:
        os.kill(os.getpid(), signal.SIGINT)
        assert left.wait(60)
        raise Unreachable("atom-01", "closed")

    world.boards["atom-01"] = hangs
    with pytest.raises(KeyboardInterrupt) as seen:
        gate(world, planned(tmp_path))
    assert seen.value.__notes__ == ["atom-01: did not end in time: whoever has it next puts back what was set on it"]
    left.set()
    for thread in threading.enumerate():
        if thread.name in seats_at_work():
            thread.join(60)


def test_an_interruption_between_the_starts_of_two_seats_leaves_no_board_behind(world, tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "_GRACE_S", 0.05)
    monkeypatch.setattr(crew, "_CLOSED_S", 60.0)
    at_work = threading.Event()

    def waits_on_its_link(role: str, nth: int) -> dict[str, object]:
        at_work.set()
        assert world.closed.wait(60)
        raise Unreachable("atom-01", "closed")

    def start_and_be_interrupted(thread: threading.Thread) -> None:
        threading.Thread.start(thread)
        assert at_work.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(crew._Part, "start", start_and_be_interrupted)
    world.boards |= {"atom-01": waits_on_its_link, "atom-02": good}
    with pytest.raises(KeyboardInterrupt):
        gate(world, planned(tmp_path, boards=2, count=2))
    assert world.returned == ["atom-01"]
    assert seats_at_work() == []


def test_without_a_baseline_only_the_candidate_runs(world, tmp_path):
    world.boards["atom-01"] = good
    verdict, _ = gate(world, planned(tmp_path, against="statistics: {trials: 3}"))
    assert verdict.outcome == "pass"
    assert world.ran == [("atom-01", "candidate")] * 3


def test_progress_names_the_seat_and_ends_with_it(world, tmp_path):
    world.boards["atom-01"] = good
    told: list[str] = []
    gate(world, planned(tmp_path), told)
    assert "atom-e3930: atom-01: trial 2, candidate: frame 1 of 20" in told
    assert told[-1] == "atom-e3930: "
