"""Labs that need no twins: nothing behind their addresses, or a console that says nothing and is there."""

import os
import tty
from collections.abc import Callable, Iterator

import pytest

import farm.pytest_plugin.session  # noqa: F401 -- with all that a session imports: pytester forgets what came meanwhile

BOARD = """\
  {name}:
    model: jetson-tx2
    {extra}
    console:
      port: {port}
    ssh:
      host: 127.0.0.1
      port: {ssh}
      user: nvidia
      key: file:id_ed25519
"""


@pytest.fixture
def session(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run a pytest session on the files of ``pytester``: in this process, which has imported what it needs already.

    One that must be ``alone`` has a process of its own, as workers always have.
    """

    def run(*words: str, alone: bool = False) -> pytest.RunResult:
        return (pytester.runpytest_subprocess if alone else pytester.runpytest_inprocess)(*words)

    return run


@pytest.fixture
def silent_lab(pytester: pytest.Pytester) -> Iterator[Callable[[int], list[str]]]:
    """``silent_lab(4)`` writes lab.yaml: boards that can be borrowed, though none of them ever answers."""
    opened: list[int] = []

    def make(boards: int) -> list[str]:
        text = "lab: silent\nboards:\n"
        for n in range(1, boards + 1):
            ours, theirs = os.openpty()
            opened.extend((ours, theirs))
            tty.setraw(theirs)
            text += BOARD.format(name=f"tx2-{n:02}", extra=f"tags: [shelf-{n}]", port=os.ttyname(theirs), ssh=n)
        (pytester.path / "lab.yaml").write_text(text)
        return [f"tx2-{n:02}" for n in range(1, boards + 1)]

    yield make
    for descriptor in opened:
        os.close(descriptor)
