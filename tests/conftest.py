"""Shared by the whole suite."""

import gc
import os
import signal
from collections.abc import Iterator
from itertools import islice

import pytest

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("power.testing", "devices.testing", "devices.testing_shell", "devices.testing_console")

# What runs in the background of a script, or under nohup, ignores these, and hands that down to what it starts;
# the tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without looking for garbage, and leave what was collected out of every later look: it stays to the end.

    A worker holds half a million objects of thousands of tests, so each look took a good part of a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


SESSIONS = "tests/farm/whole/"
"""Whole sessions with trials, which wait more than they compute, and disturb each other: half the workers do nothing
else at first, so that never more run at once; the others have the processors meanwhile."""
DEAR = (
    "tests/farm/artifact/test_sample_artifacts.py",
    "tests/farm/gate/test_gate_tests.py",
    "tests/farm/pytest_plugin/test_workers.py",
    "tests/farm/pytest_plugin/test_manners.py",
)
"""What takes seconds of processor time a test: the other half begins with it."""
ALONE = "test_a_host_under_load_is_never_a_regression"
"""Takes the processors from all others, so it comes when the dear ones are over."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the dear tests out to xdist's workers and let them begin with these: what comes last is to be short.

    ``--dist worksteal`` gives each worker one run of the list, and later the end of another's.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    sessions = [item for item in items if item.nodeid.startswith(SESSIONS) and ALONE not in item.nodeid]
    for item in sessions:
        item.add_marker(pytest.mark.timeout(900))  # on a busy machine it may measure again; one of its own counts first
    dear = [item for item in items if item.nodeid.startswith(DEAR)]
    taken = {*sessions, *dear}
    rest = iter([item for item in items if item not in taken])
    if workers < 2:
        return
    dealt: list[pytest.Item] = []
    for n in range(workers):
        first = (sessions if n % 2 else dear)[n // 2 :: (workers + 1 - n % 2) // 2]
        share = (len(items) - len(dealt)) // (workers - n)  # as worksteal reckons
        dealt += [*first, *islice(rest, max(0, share - len(first)))]
    items[:] = [*dealt, *rest]
