"""The runner's own modules, in this process."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = Path(__file__).parents[3] / "farm" / "runner"
STAND_INS = Path(__file__).parent / "stand_ins"


def ours(module: ModuleType) -> bool:
    return any(folder in Path(getattr(module, "__file__", None) or "/").parents for folder in (RUNNER, STAND_INS))


@pytest.fixture
def of_runner(monkeypatch) -> Iterator[Callable[[str], ModuleType]]:
    """``of_runner(name)``: a module of the runner, or a stand-in for one of a board; gone after the test."""
    monkeypatch.syspath_prepend(str(RUNNER))
    yield importlib.import_module
    for name in [name for name, module in list(sys.modules.items()) if ours(module)]:
        del sys.modules[name]
