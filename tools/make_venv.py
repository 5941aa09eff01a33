"""Make .venv from the lock files with the Python that runs this: standard library only.

Exit 75 (EX_TEMPFAIL) says that a locked package has no wheel for this Python: another one may do.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "made-by-setup"
BACKENDS = ("onnx", "litert", "openvino")
"""Extras with a lock file of their own: a Python without their wheel goes without them."""
NO_WHEEL = 75
_NO_WHEEL_SAID = "No matching distribution found"
_RUNS_UNDER_ANOTHER_PYTHON = (22, 3)
"""The first pip with ``--python``."""


class SetupFault(Exception):
    """The environment cannot be made; the message says why in one line."""


def main() -> int:
    """Make the environment unless it stands already."""
    want = fingerprint()
    if PYTHON.exists() and STAMP.is_file() and STAMP.read_text(encoding="utf-8") == want:
        return 0
    try:
        return make(want)
    except SetupFault as fault:
        print(f"setup: {fault}", file=sys.stderr)
        return 1


def fingerprint() -> str:
    """Return a digest of what .venv is made from, and where: an environment cannot be moved."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project["build-system"], project["project"], project["tool"]["hatch"]]
    digest = hashlib.sha256(f"{ROOT}\n{json.dumps(parts)}\n".encode())
    for path in (Path(__file__), *sorted(ROOT.glob("requirements*.lock"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make(want: str) -> int:
    """Build .venv from nothing; the stamp is the last thing written."""
    if VENV.exists() and not STAMP.exists():
        raise SetupFault(f"{VENV} was not made by this setup: move it away first")
    pip = find_pip()
    say(f"Python {sys.version.split()[0]} ({sys.executable})")
    shutil.rmtree(VENV, ignore_errors=True)
    # Without pip, because Debian keeps what would put pip there in a package of its own (python3-venv).
    run([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    STAMP.write_text("unfinished", encoding="utf-8")

    # A lock names all there is to install: nothing is resolved again, where its overrides would be unknown.
    said = install(pip, "--no-compile", "--no-deps", "--require-hashes", "-r", "requirements.lock")
    if said is not None:
        say(f"Python {sys.version.split()[0]}: {said}")
        return NO_WHEEL
    with compiling():
        for backend in BACKENDS:
            said = install(pip, "--no-deps", "--require-hashes", "-r", f"requirements-{backend}.lock")
            say(f"backend {backend}: " + ("installed" if said is None else f"skipped: {said}"))
    # The project itself: the build backend is in the lock, so nothing is fetched and nothing built apart.
    said = install(pip, "--no-deps", "--no-build-isolation", "--editable", ".")
    if said is not None:
        raise SetupFault(said)
    STAMP.write_text(want, encoding="utf-8")
    say("done: .venv/bin/farm")
    return 0


def find_pip() -> list[str]:
    """Return a command line of a pip that can install into another Python's environment."""
    seen: list[str] = []
    for command in pips():
        answer = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
        words = answer.stdout.split()
        if answer.returncode or len(words) < 2:
            continue
        version = words[1]
        if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) >= _RUNS_UNDER_ANOTHER_PYTHON:
            return command
        seen.append(f"pip {version} of {command[0]}")
    found = f" (found {', '.join(seen)})" if seen else ""
    raise SetupFault(f"needs pip >= 22.3{found}; install one, e.g. apt-get install python3-pip")


def pips() -> Iterator[list[str]]:
    """Yield command lines that may be a pip: this Python's, then any other's on PATH."""
    yield [sys.executable, "-m", "pip"]
    for name in ("python3", *(f"python3.{minor}" for minor in range(20, 6, -1)), "pip3", "pip"):
        if path := shutil.which(name):
            yield [path, "-m", "pip"] if name.startswith("python") else [path]


def install(pip: list[str], *arguments: str) -> str | None:
    """Install into .venv; return what has no wheel here, or None when all is installed."""
    only_wheels = [] if "--editable" in arguments else ["--only-binary", ":all:"]
    command = [*pip, "--python", str(PYTHON), "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    answer = subprocess.run(
        [*command, *only_wheels, *arguments], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return None
    for line in answer.stderr.splitlines():
        if _NO_WHEEL_SAID in line:
            return f"no wheel of {line.rpartition(' ')[2]} for {sysconfig.get_platform()}"
    sys.stderr.write(answer.stderr)
    raise SetupFault(f"pip install {arguments[-1]} failed, see above; is the package index reachable?")


@contextmanager
def compiling() -> Iterator[None]:
    """Compile what is installed, on all processors and beside what follows: pip would do it on one."""
    line = [PYTHON, "-m", "compileall", "-q", "-j", "0", VENV / "lib"]
    # What it cannot compile (templates, other versions' syntax) nobody imports, and pip is silent of it, too.
    with subprocess.Popen(line, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        yield


def environment() -> dict[str, str]:
    """Return the environment for pip: the user's (proxies, mirrors), but nothing that moves the target."""
    moved = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in moved}


def run(command: list[str]) -> None:
    """Run a step that must succeed."""
    answer = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if answer.returncode:
        last = (answer.stderr or answer.stdout).strip().splitlines()[-1:]
        raise SetupFault(f"{' '.join(command[1:4])} failed: {''.join(last) or answer.returncode}")


def say(text: str) -> None:
    """Tell what happens: installing takes a minute and nobody likes silence."""
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
