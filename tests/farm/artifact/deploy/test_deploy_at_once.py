"""Several boards deployed to at once, a thread each."""

import gc
import sys
import threading

import pytest

from farm.artifact.deploy.source import always


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


def test_the_source_that_goes_to_boards_at_once_is_taken_apart_for_each(restless):
    taken, met = always(), []

    def take():
        try:
            Cycle()
            assert always.__wrapped__() == taken
        except SystemError as error:
            met.append(error)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == []
