"""Board models, and ways to reach boards that have no SSH → where the class lives.

A new board is one file, one line here, one test class.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .board import Board
    from .shell import ShellDriver

BOARDS = {
    "atom-e3930": "devices.atom:AtomE3930",
    "atom-e3940": "devices.atom:AtomE3940",
    "coral-dev": "devices.coral_dev:CoralDev",
    "deeplens": "devices.atom:DeepLens",
    "jetson-nano": "devices.jetson_nano:JetsonNano",
    "jetson-tx2": "devices.jetson_tx2:JetsonTX2",
    "pc-gpu": "devices.pc_gpu:PcGpu",
    "pi-zero-aiy": "devices.pi_zero_aiy:PiZeroAIY",
    "raspberry-pi3": "devices.raspberry_pi3:RaspberryPi3",
    "ti-c66x": "devices.ti_c66x:TiC66xServer",
}
"""Boards that ship here. Paths, not classes: loaded on first use."""


@cache
def known_boards() -> dict[str, str]:
    """Ours, then what installed packages add under ``edge_test_farm.boards``."""
    theirs = {entry.name: entry.value for entry in entry_points(group="edge_test_farm.boards")}
    if twice := BOARDS.keys() & theirs.keys():
        raise ImportError(f"board model named twice: {', '.join(sorted(twice))}")
    return BOARDS | theirs


def load_board(model: str) -> "type[Board]":
    """Return the class behind a name of :func:`known_boards`; KeyError for any other."""
    module, _, name = known_boards()[model].partition(":")
    return cast("type[Board]", getattr(import_module(module), name))


@cache
def known_shells() -> dict[str, str]:
    """What installed packages add under ``edge_test_farm.shells``: for boards that do not speak SSH."""
    return {entry.name: entry.value for entry in entry_points(group="edge_test_farm.shells")}


def load_shell(driver: str) -> "type[ShellDriver]":
    """Return the class behind a name of :func:`known_shells`; KeyError for any other."""
    module, _, name = known_shells()[driver].partition(":")
    return cast("type[ShellDriver]", getattr(import_module(module), name))
