"""What `make setup` says on machines that lack something. Nothing is downloaded here."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What setup reads, and a PATH with nothing but the shell's helpers."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    for path in (ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(path, tmp_path)
    (tmp_path / "bin").mkdir()
    for program in ("sh", "dirname", "sed"):
        (tmp_path / "bin" / program).symlink_to(str(shutil.which(program)))
    return tmp_path


def setup(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(tree / "bin"), "HOME": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "PIP_NO_INDEX": "1"}
    return subprocess.run(
        [tree / "tools/setup"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def put(tree: Path, name: str, script: str) -> None:
    program = tree / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def test_without_a_python_one_line_says_so(tree: Path) -> None:
    done = setup(tree)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no Python >= 3.11 on PATH" in line


def test_a_python_that_is_on_path_but_does_not_run_is_passed_over(tree: Path) -> None:
    """A pyenv shim of a version that is not switched on."""
    put(tree, "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    put(tree, "python3.13", '[ "$1" = -c ] || echo "used $1"')
    assert setup(tree).stdout == "used tools/make_venv.py\n"


def test_a_python_that_some_package_has_no_wheel_for_makes_way_for_the_next(tree: Path) -> None:
    put(tree, "python3.15", '[ "$1" = -c ] || exit 75')
    put(tree, "python3.12", '[ "$1" = -c ] || echo "used $1"')
    done = setup(tree)
    assert (done.returncode, done.stdout) == (0, "used tools/make_venv.py\n")


def test_a_setup_that_fails_for_another_reason_is_not_tried_with_an_older_python(tree: Path) -> None:
    put(tree, "python3.15", '[ "$1" = -c ] || exit 1')
    put(tree, "python3.12", '[ "$1" = -c ] || echo used')
    done = setup(tree)
    assert (done.returncode, done.stdout) == (1, "")


def test_an_environment_that_setup_did_not_make_is_left_alone(tree: Path) -> None:
    put(tree, "python3", f'exec {sys.executable} "$@"')
    (tree / ".venv").mkdir()
    (tree / ".venv/precious").touch()
    done = setup(tree)
    assert done.returncode == 1
    assert "was not made by this setup: move it away first" in done.stderr
    assert (tree / ".venv/precious").exists()


def test_a_machine_without_pip_is_told_so(tree: Path) -> None:
    venv.create(tree / "bare", with_pip=False)
    put(tree, "python3", f'exec {tree}/bare/bin/python "$@"')
    done = setup(tree)
    assert done.returncode == 1
    assert "setup: needs pip >= 22.3" in done.stderr
    assert not (tree / ".venv").exists()


def test_an_environment_that_stands_is_not_touched(tree: Path) -> None:
    program = "import make_venv; print(make_venv.fingerprint(), end='')"
    environment = {**os.environ, "PYTHONPATH": str(tree / "tools"), "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    put(tree, "python3", f'exec {sys.executable} "$@"')
    (tree / ".venv/bin").mkdir(parents=True)
    (tree / ".venv/bin/python").touch()
    (tree / ".venv/made-by-setup").write_text(told.stdout, encoding="utf-8")
    done = setup(tree)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
