"""docs/example-project, run as its README says, in a copy of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "docs" / "example-project"
BIN = Path(sys.executable).parent


@pytest.fixture
def shell(tmp_path):
    """Run a line of the README in a copy of the project."""
    project = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns(".farm", "__pycache__"))

    def run(line):
        program, *words = line.split()
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run(
            [BIN / program, *words],
            cwd=project,
            env=kept | {"HOME": str(tmp_path)},
            text=True,
            capture_output=True,
            timeout=250,
            check=False,
        )

    yield run
    run("farm lab down")


@pytest.mark.timeout(900)  # six sessions and a lab, on a busy machine
def test_the_example_does_what_its_readme_says(shell):
    lines = [line.partition("#")[0].strip() for line in (EXAMPLE / "README.md").read_text().splitlines()]
    assert {"farm lab up", "pytest --farm-dry-run", "pytest -v", "pytest -n 2", "farm lab down"} <= set(lines)

    planned = shell("pytest --farm-dry-run")
    assert planned.returncode == 0, planned.stdout
    assert re.search(r"any-atom-e3930\] +atom-01 \(atom-e3930, process twin\)$", planned.stdout, re.MULTILINE)
    assert "impossible: lab 'example' has no jetson-tx2" in planned.stdout

    early = shell("pytest -v")
    assert (early.returncode, "run `farm lab up`" in early.stderr) == (4, True)

    assert shell(f"farm lab up --keeper {os.getpid()}").returncode == 0
    done = shell("pytest -v")
    assert done.returncode == 0, done.stdout
    assert "5 passed, 1 skipped" in done.stdout
    assert "    on atom-01 (process twin)" in done.stdout
    both = shell("pytest -n 2")
    assert both.returncode == 0, both.stdout
    for board in ("atom-01", "zero-01"):
        assert shell(f"farm power status {board}").stdout.startswith(f"{board} (process twin): off"), "as it was"
