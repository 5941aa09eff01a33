"""The whole farm as its users run it: commands and pytest sessions on one board twin, in a folder of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from farm.lab.twins import inject, status
from farm.store.database import Store

from ...held_up import HELD_UP, TRIES

REPOSITORY = Path(__file__).parents[3]
MODELS = REPOSITORY / "tests" / "lab"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Session:
    """A pytest session that has ended."""

    exit: int
    output: str


@dataclass(frozen=True)
class Whole:
    """A lab of one twin that is up, and what a user does with it."""

    folder: Path
    board: str
    models: Path = MODELS
    bin: Path = BIN

    @property
    def environment(self) -> dict[str, str]:
        """What a machine fresh from its installer would have: no HOME of interest, no terminal."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home, temporary = self.folder / "home", self.folder / "tmp"
        return kept | {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}

    def farm(self, *words: str, timeout_s: float = 200) -> subprocess.CompletedProcess[str]:
        """Run one farm command."""
        return subprocess.run(
            [BIN / "farm", *words],
            cwd=self.folder,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    def fault(self, fault: str, *, on: str | None = None) -> None:
        """Inject a fault into the board, or into what is named."""
        assert self.farm("lab", "fault", on or self.board, fault).returncode == 0

    def start(self, source: str, *words: str) -> subprocess.Popen[str]:
        """Start a pytest session on the lab."""
        (self.folder / "test_it.py").write_text(dedent(source))
        command = [BIN / "pytest", "test_it.py", "-p", "no:cacheprovider", "--farm-inventory", "inventory.yaml"]
        return subprocess.Popen(
            [*command, *words],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def pytest(self, source: str, *words: str, timeout_s: float = 250) -> Session:
        """Run a test file on the lab, to its end."""
        with self.start(source, *words) as session:
            try:
                output, _ = session.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                session.send_signal(signal.SIGINT)
                raise
        return Session(session.returncode, output)

    def decided(self, source: str, *words: str, about: str = "") -> Session:
        """The same, until no host under load voids a trial of it, or what the test is ``about`` does."""
        for _ in range(TRIES - 1):
            session = self.pytest(source, *words)
            voids = self.voids()
            if session.exit != 3 or (about and about in voids) or not HELD_UP.search(voids):
                return session
            self.forget()
        return self.pytest(source, *words)

    def voids(self) -> str:
        """Return why trials decide nothing, a reason a line."""
        with Store.open(self.folder / ".farm" / "results.sqlite") as store:
            return "\n".join(reason for stored in store.records() for reason in stored.record.voids)

    def forget(self) -> None:
        """Make the lab what it was when it had just come up: no fault is on, nothing is kept, nothing lies about."""
        for twins in status(self.folder / ".farm"):
            for fault in twins.faults:
                target, _, name = fault.partition(": ")
                inject(self.folder / ".farm", target, name, False)
        for file in (self.folder / ".farm").glob("results.sqlite*"):
            file.unlink()
        for path in self.folder.iterdir():
            if path.name not in ("inventory.yaml", "home", "tmp", ".farm"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def records(self) -> list[dict[str, Any]]:
        """Return what `farm results list --json` shows."""
        listed = self.farm("results", "list", "--json")
        assert listed.returncode == 0, listed.stderr
        return json.loads(listed.stdout)

    def trial(self, *, artifact: str = "lenet-300-100-pruned-int8-onnx", how: str = "", check: str = "") -> str:
        """Return the test that a user would write to run a model for three seconds."""
        settings = how or "rate_hz=10, duration_s=3, idle_s=1.0"
        packed, dataset = MODELS / "artifacts" / f"{artifact}.tar.zst", MODELS / "datasets" / "digits-540"
        return f"""
            import pytest
            import time
            from pathlib import Path
            from threading import Thread, Timer

            from farm.lab.twins import inject
            from farm.playbook import apply, load

            def soon(seconds, target, fault):
                Timer(seconds, inject, (Path(".farm"), target, fault, True)).start()

            def once_it_runs(put, target, fault):
                # while the board's runner lives, however long a busy machine takes to start it
                def runs():
                    for words in Path("/proc").glob("[0-9]*/cmdline"):
                        try:
                            if put.runner_path.encode() in words.read_bytes():
                                return True
                        except OSError:
                            pass
                    return False

                def watch():
                    until = time.monotonic() + 100
                    while not runs() and time.monotonic() < until:
                        time.sleep(0.05)
                    inject(Path(".farm"), target, fault, True)

                Thread(target=watch).start()

            @pytest.mark.board()
            @pytest.mark.artifact({str(packed)!r}, {str(dataset)!r})
            def test_it(bench, board, trial, deploy):
                playbook = load(Path({str(REPOSITORY / "playbooks")!r}) / (bench.entry.model + ".yaml"))
                apply(playbook, board, bench.shell, workdir=bench.workdir)
                put = deploy()
                # FAULT
                outcome = trial(put, {settings})
                outcome.check({check})
            """


def lab_of(board: str) -> dict[str, Any]:
    """Return the repository's inventory with one board left."""
    whole = yaml.safe_load((REPOSITORY / "inventory.yaml").read_text())
    entry = whole["boards"][board]
    return whole | {
        "boards": {board: entry},
        "meters": {name: whole["meters"][name] for name in entry["meters"]},
        "switches": {entry["switch"]: whole["switches"][entry["switch"]]},
    }


@contextmanager
def lent(parent: Path, board: str, lab: dict[str, Any] | None = None) -> Iterator[Whole]:
    """Bring a lab up, of that one board where nothing else is given, and take it down again."""
    folder = parent / "project"
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "inventory.yaml").write_text(yaml.safe_dump(lab or lab_of(board), sort_keys=False))
    whole = Whole(folder, board)
    up = whole.farm("lab", "up", "--inventory", "inventory.yaml", "--keeper", str(os.getpid()))
    assert up.returncode == 0, up.stderr
    yield whole
    assert whole.farm("lab", "down").returncode == 0


@pytest.fixture(scope="package")
def _an_atom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with lent(tmp_path_factory.mktemp("atom"), "atom-01") as whole:
        yield whole


@pytest.fixture
def atom(_an_atom: Whole) -> Iterator[Whole]:
    """An Atom with the wall meter, ten readings a second: one for all tests, which find it off, as after `lab up`.

    What playbooks and deployments have put on its disk stays there.
    """
    yield _an_atom
    _an_atom.forget()


@pytest.fixture
def fresh_atom(tmp_path: Path) -> Iterator[Whole]:
    """The same for one test alone, with nothing on its disk."""
    with lent(tmp_path, "atom-01") as whole:
        yield whole


@pytest.fixture(scope="module")
def _a_zero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with lent(tmp_path_factory.mktemp("zero"), "zero-01") as whole:
        yield whole


@pytest.fixture
def bare_zero(_a_zero: Whole) -> Iterator[Whole]:
    """A Pi Zero W for all tests of a file, none of which puts anything on its disk."""
    yield _a_zero
    _a_zero.forget()


@pytest.fixture
def zero(tmp_path: Path) -> Iterator[Whole]:
    """A Pi Zero W with the UM25C, for one test alone."""
    with lent(tmp_path, "zero-01") as whole:
        yield whole
