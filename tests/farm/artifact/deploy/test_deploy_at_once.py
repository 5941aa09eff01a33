"""Several boards deployed to at once, a thread each."""

import gc
import sys
import threading

import pytest

from farm.artifact.deploy.opening import literal


class Cycle:
    """Garbage that runs Python code when it is collected, at whatever line that happens."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        for _ in range(50):
            pass


@pytest.fixture
def restless():
    """Threads that take turns, and garbage that is collected, as often as can be."""
    interval_s, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    yield
    sys.setswitchinterval(interval_s)
    gc.set_threshold(*threshold)


def test_answers_of_boards_that_come_at_once_are_read(restless):
    answer = {f"file-{number}": [number, "there"] for number in range(100)}
    said, met = repr(answer), []

    def read():
        try:
            for _ in range(8):
                Cycle()
                assert literal(said) == answer
        except (SystemError, ValueError) as error:
            met.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []
