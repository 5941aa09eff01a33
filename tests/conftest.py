"""Shared by the whole suite."""

import signal

import pytest

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("power.testing", "devices.testing", "devices.testing_shell", "devices.testing_console")

# What runs in the background of a script, or under nohup, ignores these, and hands that down to what it starts;
# the tests send them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
