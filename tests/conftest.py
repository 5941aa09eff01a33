"""Shared by the whole suite."""

import os
import signal

import pytest

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("power.testing", "devices.testing", "devices.testing_shell", "devices.testing_console")

# What runs in the background of a script, or under nohup, ignores these, and hands that down to what it starts;
# the tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

DEAR = (
    "tests/farm/whole/",
    "tests/farm/artifact/test_sample_artifacts.py",
    "tests/farm/gate/test_gate_tests.py",
    "tests/farm/pytest_plugin/test_workers.py",
)
"""What takes some ten seconds a test."""
ALONE = "test_a_host_under_load_is_never_a_regression"
"""Loads the host, so it stays away from the dear ones, which would have to measure again."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the dear tests out to xdist's workers and let them begin with these: what comes last is to be short.

    ``--dist worksteal`` gives each worker one run of the list, and later the end of another's.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    dear = [item for item in items if item.nodeid.startswith(DEAR) and ALONE not in item.nodeid]
    rest = [item for item in items if not item.nodeid.startswith(DEAR) or ALONE in item.nodeid]
    if workers > 1 and rest:
        ends = [len(rest) * n // workers for n in range(workers + 1)]
        parts = [dear[n::workers] + rest[ends[n] : ends[n + 1]] for n in range(workers)]
        items[:] = [item for part in parts for item in part]
