"""Fixtures of the project, on top of the plug-in's."""

import pytest


@pytest.fixture
def fast_clocks(bench, board):
    """The board at its highest clocks. It is as it was again once it is given back, also after Ctrl-C."""
    bench.settings.governor("performance")
    return board
