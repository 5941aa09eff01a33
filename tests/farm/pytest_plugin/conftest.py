"""Labs that need no twins: nothing behind their addresses, or a console that says nothing and is there."""

import os
import tty
from collections.abc import Callable, Iterator

import pytest

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
