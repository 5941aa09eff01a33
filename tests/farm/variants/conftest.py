"""Variants, boards and trials that are made up; store, order and statistics are the real ones."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from farm.lab import lending
from farm.lab.inventory import Lab
from farm.lab.lease import NotFree
from farm.lab.new_run import new_run
from farm.store.comparison_facts import ComparisonFacts
from farm.store.consoles import ConsoleLog
from farm.store.database import Store
from farm.store.record import Record
from farm.trial.scenario import SingleStream
from farm.trial.trial import Trial
from farm.verdict import keep
from farm.verdict.variants import stay
from farm.verdict.variants.engine import run_comparison
from farm.verdict.variants.plan import Plan

NAMES = ("float", "pruned", "shared")
JOULES = {"float": 0.100, "pruned": 0.080, "shared": 0.0801}
FPS = {"float": 100.0, "pruned": 130.0, "shared": 130.1}
SIZES = {"float": 240_000, "pruned": 21_000, "shared": 30_000}
Behaviour = Callable[[str, int], dict[str, object]]
"""Variant's name and number of the trial on its board → what its record says; or it raises."""


@pytest.fixture
def facts() -> Callable[..., ComparisonFacts]:
    """``facts(boards=2, figures=[…])``: what is to be compared."""

    def make(*, names: tuple[str, ...] = NAMES, boards: int = 2, **changes: object) -> ComparisonFacts:
        usual = {
            "model": "atom-e3930",
            "boards": {f"atom-0{n + 1}": "process twin" for n in range(boards)},
            "variants": [
                {"id": name[0] * 64, "name": name, "size_bytes": SIZES[name], "dataset": "d" * 64} for name in names
            ],
            "figures": ["fps", "accuracy", "joules_per_inference", "size_bytes"],
            "scenario": {"name": "single-stream", "duration_s": 1.0},
            "seed": 7,
            "alpha": 0.05,
            "resolution": 0.01,
            "most_rounds": 12,
            "most_voids": 3,
            "time_budget_s": 600.0,
            "until": "pairs",
        }
        return ComparisonFacts.model_validate(usual | changes)

    return make


@pytest.fixture
def trial_of(a_record) -> Callable[..., Record]:
    """``trial_of("pruned", board="atom-01", …)``: what one trial says, a board's and an hour's own factor included."""

    def make(name: str, board: str, *, number: int = 0, factor: float = 1.0, **changes: object) -> Record:
        correct = 352 if name == "float" else 354
        usual = {
            "id": f"{number:016x}",
            "board__name": board,
            "board__serial_number": f"S-{board}",
            "artifact__id": name[0] * 64,
            "artifact__name": name,
            "artifact__size_bytes": SIZES[name],
            "power__0__serial_number": f"M-{board}",
            "power__0__joules_per_inference": JOULES[name] * factor,
            "deadlines__fps": FPS[name] * factor,
            "accuracy": {"correct": correct, "total": 360, "fraction": correct / 360},
        }
        return a_record(**(usual | changes))

    return make


def hang(heed: Callable[[str], object]) -> None:
    """Boot and never come up; only what is heeded ends it."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        heed("in stage kernel")
        time.sleep(0.01)


@dataclass
class World:
    """Boards that do as they are told, and what was done with them."""

    store: Store
    make: Callable[..., Record]
    boards: dict[str, Behaviour] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    """Boards that hang at boot."""
    ran: list[tuple[str, str]] = field(default_factory=list)
    """Board and variant of each trial."""
    put: list[tuple[str, str]] = field(default_factory=list)
    """Board and variant of each deployment."""
    returned: list[str] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def borrow_any(self, lab, wanted, **_: object) -> Iterator[SimpleNamespace]:
        (name,) = wanted.boards
        if name in self.busy:
            raise NotFree(name, "in use by somebody else")
        bench = SimpleNamespace(
            name=name,
            ensure_up=lambda heed: hang(heed) if name in self.stuck else None,
            hang_up=self.closed.set,
            console_log=lambda: ConsoleLog(b"login:"),
        )
        try:
            yield bench
        finally:
            with self.lock:
                self.returned.append(name)

    def deploy_to(self, bench, artifact: str, dataset, **_: object) -> str:
        with self.lock:
            self.put.append((bench.name, artifact))
        return artifact

    def run_trial(self, bench, name: str, scenario, *, conditions, progress, heed, spool) -> Trial:
        with self.lock:
            nth = sum(board == bench.name for board, _ in self.ran)
            self.ran.append((bench.name, name))
            number = len(self.ran)
        progress("frame 1 of 20")
        changes = self.boards[bench.name](name, nth)
        return Trial(self.make(name, bench.name, number=number, **changes), {}, None)

    def compare(self, facts: ComparisonFacts) -> tuple[ComparisonFacts, list[Record]]:
        """Run a comparison, and return how it ended and what is kept of it."""
        plan = planned(facts)
        run = new_run(plan.lab, "compare", ["farm", "compare"], comparison=facts)
        self.store.begin(run)
        try:
            run_comparison(plan, self.store, run.id, lambda *_: None, state=Path(".farm"))
        finally:
            self.kept = [stored.record for stored in self.store.records(run_id=run.id, limit=10_000)][::-1]
            self.ended = self.store.run(run.id).run.comparison
        return self.ended, self.kept


def planned(facts: ComparisonFacts) -> Plan:
    """Return a plan of these facts, in a lab of their boards."""
    entry = {"model": facts.model, "console": {"port": "/dev/null"}, "ssh": {"host": "192.0.2.1", "user": "farm"}}
    lab = Lab.model_validate({"lab": "made-up", "boards": dict.fromkeys(facts.boards, entry)})
    packed = [SimpleNamespace(artifact=variant.name, dataset=None) for variant in facts.variants]
    return Plan(lab, SingleStream(1.0), facts, packed)


@pytest.fixture
def world(tmp_path, trial_of, monkeypatch) -> Iterator[World]:
    (tmp_path / ".farm").mkdir()
    with Store.open(tmp_path / ".farm" / "results.sqlite") as store:
        world = World(store, trial_of)
        monkeypatch.setattr(lending, "borrow_any", world.borrow_any)
        monkeypatch.setattr(keep, "run_trial", world.run_trial)
        monkeypatch.setattr(stay, "deploy_to", world.deploy_to)
        yield world


def noisy(size: float = 0.001) -> Behaviour:
    """A board whose trials scatter by so much, the same each time."""
    steps = (0.3, -0.8, 0.5, 1.0, -0.6, 0.1, -0.4, 0.9, -1.0, 0.2, 0.7, -0.9, 0.4)
    return lambda _name, nth: {"factor": 1 + size * steps[nth % len(steps)]}
