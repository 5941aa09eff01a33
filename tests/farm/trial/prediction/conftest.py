"""Machines that never were: processors, and trees of control groups."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devices.atom import PROCESSORS
from farm.trial.prediction.host import Host

_HYBRID = """\
25 20 0:22 / {root}/unified rw shared:9 - cgroup2 cgroup2 rw
26 20 0:23 / {root}/cpu rw,relatime shared:10 - cgroup cgroup rw,cpu
"""
_UNIFIED = "25 20 0:22 / {root} rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.fixture
def a_host() -> Callable[..., Host]:
    """``a_host(cores=4, clock_hz=2.6e9, …)``: a server."""

    def make(*, cores: int = 4, clock_hz: float | None = 2.6e9, architecture: str = "x86_64") -> Host:
        flags = PROCESSORS["atom-e3930"].flags | {"avx", "avx2", "fpu"}
        return Host("Server", architecture, tuple(range(cores)), clock_hz, "cpufreq", flags, 0.004)

    return make


@pytest.fixture
def tree(tmp_path) -> Callable[..., Path]:
    """``tree(unified=True, own="/a/b", groups={"/a": {"cgroup.procs": ""}})``: what stands in for ``/proc/self``."""

    def make(*, own: str, groups: dict[str, dict[str, str]], unified: bool = True) -> Path:
        root, proc = tmp_path / "sys", tmp_path / "proc"
        for path, files in groups.items():
            folder = root / path.strip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (folder / name).write_text(text)
        proc.mkdir()
        (proc / "mountinfo").write_text((_UNIFIED if unified else _HYBRID).format(root=root))
        (proc / "cgroup").write_text(f"0::{own}\n" if unified else f"0::/\n1:cpu:{own}\n")
        return proc

    return make
