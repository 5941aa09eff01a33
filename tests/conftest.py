"""Shared by the whole suite."""

import pytest

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("power.testing", "devices.testing", "devices.testing_shell", "devices.testing_console")
