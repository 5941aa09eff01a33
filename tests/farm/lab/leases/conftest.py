"""A shelf of four boards that are wired to nothing, and processes that take them."""

import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from farm.lab.inventory import Lab, load
from farm.lab.lease import Leases

MODELS = {"atom-01": "atom-e3930", "atom-02": "atom-e3930", "tx2-01": "jetson-tx2", "tx2-02": "jetson-tx2"}

HEAD = """
import sys
from pathlib import Path
from farm.lab.inventory import load
from farm.lab.lease import Leases, LeaseLost, Wanted
folder = Path(sys.argv[1])
leases = Leases.open(load(folder / "inventory.yaml"), folder / ".farm")

def say(text):
    print(text, flush=True)

"""
HOLD = """
with leases.use(Wanted.parse({wanted!r}), wait_s=60, reason="a test") as lease:
    say(f"has {{lease.board}}")
    sys.stdin.read()
"""
WAIT = """
with leases.use(Wanted.parse({wanted!r}), wait_s=60, progress=say) as lease:
    say(f"has {{lease.board}}")
"""


@dataclass(frozen=True)
class Shelf:
    """The lab, and what a test does with it."""

    folder: Path
    lab: Lab

    def open(self, *, in_name_of: str | None = None) -> Leases:
        """Open its leases."""
        return Leases.open(self.lab, self.folder / ".farm", in_name_of=in_name_of)

    @contextmanager
    def process(self, script: str) -> Generator[subprocess.Popen[str]]:
        """Run a script that has ``leases``, ``folder`` and ``say``; it is killed at the end at the latest."""
        words = [sys.executable, "-c", HEAD + script, str(self.folder)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def holder(self, wanted: str) -> Generator[subprocess.Popen[str]]:
        """A process that has a board, and keeps it until its input ends."""
        with self.process(HOLD.format(wanted=wanted)) as process:
            assert process.stdout.readline().startswith("has ")
            yield process

    @contextmanager
    def waiter(self, wanted: str) -> Generator[subprocess.Popen[str]]:
        """A process that stands in the line for a board; it will say which it has, and return it."""
        with self.process(WAIT.format(wanted=wanted)) as process:
            assert ": place " in process.stdout.readline()
            yield process

    def change(self, statement: str, *values: object) -> None:
        """Change the database behind everybody's back."""
        connection = sqlite3.connect(self.folder / ".farm" / "results.sqlite", timeout=30)
        with connection:
            connection.execute(statement, values)
        connection.close()

    def left_behind(self) -> dict[str, int]:
        """Count what should be gone when nobody has or wants a board."""
        connection = sqlite3.connect(self.folder / ".farm" / "results.sqlite")
        counts = {
            "held": connection.execute("SELECT count(*) FROM leases WHERE ended_ms IS NULL").fetchone()[0],
            "waiting": connection.execute("SELECT count(*) FROM waiters").fetchone()[0],
            "files": len(list((self.folder / ".farm" / "locks").iterdir())),
        }
        connection.close()
        return {what: count for what, count in counts.items() if count}


@pytest.fixture
def shelf(tmp_path):
    """Four boards: two models, each with tags."""
    boards = {
        name: {
            "model": model,
            "tags": ["first"] if name.endswith("1") else ["second"],
            "console": {"port": f"/dev/nowhere-{name}"},
            "ssh": {"host": name, "user": "farm"},
        }
        for name, model in MODELS.items()
    }
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump({"lab": "shelf", "boards": boards}))
    return Shelf(tmp_path, load(tmp_path / "inventory.yaml"))


@pytest.fixture
def leases(shelf):
    """Its leases, open."""
    with shelf.open() as opened:
        yield opened
