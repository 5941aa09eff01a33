"""Versions, what is installed, and whether the inference runtimes really load."""

import platform
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version

from ..check import DISTRIBUTION, names_taken
from .finding import Finding

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+).*?(?:extra\s*==\s*['\"]([A-Za-z0-9._-]+)['\"])?\s*")
_RUNTIMES = {
    "onnx": ("onnxruntime", "onnxruntime"),
    "litert": ("ai-edge-litert", "ai_edge_litert.interpreter"),
    "openvino": ("openvino", "openvino"),
}
"""Extra → its distribution, and the module that loads the runtime's own library."""
_LOAD_S = 60.0
"""Assumed: a cold cache and a busy disk; warm, both take well under a second."""

_TOPIC = "installed"


def look(twins: list[str]) -> Iterator[Finding]:
    """Look at the installation.

    Args:
        twins: the inventory's boards that are twins: they infer with this machine's runtimes.
    """
    yield Finding(_TOPIC, DISTRIBUTION, "ok", version(DISTRIBUTION))
    yield Finding(_TOPIC, "Python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield Finding(_TOPIC, "system", "ok", f"{_system()}, {platform.machine()}")
    taken = names_taken(packages_distributions())
    if not taken:
        yield Finding(_TOPIC, "import names", "ok", "no other distribution writes into farm, devices or power")
    for line in taken:
        what, _, remedy = line.removeprefix(f"{DISTRIBUTION}: ").partition("; ")
        yield Finding(_TOPIC, "import names", "fail", what, remedy)
    yield from _distributions()
    yield from _runtimes(twins)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _distributions() -> Iterator[Finding]:
    """Say of what is always needed, and of each extra, what is there and what is not."""
    by_extra: dict[str, list[str]] = defaultdict(list)
    for line in requires(DISTRIBUTION) or ():
        if found := _REQUIREMENT.fullmatch(line):
            by_extra[found[2] or ""].append(found[1])
    for extra, names in sorted(by_extra.items()):
        versions = {name: _version(name) for name in names}
        there = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
        missing = ", ".join(name for name, number in versions.items() if not number)
        title = f"extra {extra}" if extra else "libraries"
        if not missing:
            yield Finding(_TOPIC, title, "ok", there)
            continue
        what = f"{DISTRIBUTION}[{extra}]" if extra else f"--force-reinstall {DISTRIBUTION}"
        said = f"{missing} not installed" + f"; {there} is" * bool(there)
        yield Finding(_TOPIC, title, "warn" if extra else "fail", said, f"pip install {_quoted(what)}")


def _quoted(what: str) -> str:
    return f"'{what}'" if "[" in what else what


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _runtimes(twins: list[str]) -> Iterator[Finding]:
    """Load each in a process of its own: one that was built for another processor ends it without a word."""
    loaded = 0
    for extra, (distribution, module) in _RUNTIMES.items():
        if _version(distribution) is None:
            continue
        why = loads(module)
        loaded += why is None
        remedy = "" if why is None else f"reinstall it: pip install --force-reinstall '{DISTRIBUTION}[{extra}]'"
        yield Finding(_TOPIC, f"runtime {extra}", "fail" if why else "ok", why or f"{module} loads", remedy)
    if twins and not loaded:
        remedy = f"pip install '{DISTRIBUTION}[onnx,litert]'"
        yield Finding(_TOPIC, "runtimes", "fail", f"none, and {', '.join(twins)} infer with them", remedy)


def loads(module: str) -> str | None:
    """Return why a module does not load; None when it does."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import {module}"], capture_output=True, text=True, timeout=_LOAD_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{module} has not loaded within {_LOAD_S:g} s"
    if done.returncode == 0:
        return None
    said = done.stderr.strip().rpartition("\n")[2] or "nothing"
    ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
    return f"{module} does not load ({ended}): {said}"
