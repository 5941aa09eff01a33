"""What a trial needs of a bench, whoever lends it."""

from collections.abc import Mapping
from typing import Protocol

from devices.board import Board
from devices.shell import Shell
from power.meter import Meter

from ..store.record import Made


class MeterOnRail(Protocol):
    """A meter, and what of the board it measures."""

    @property
    def name(self) -> str:
        """As in the inventory."""
        ...

    @property
    def driver(self) -> str:
        """As in the inventory."""
        ...

    @property
    def rail(self) -> str:
        """Where in the supply it sits, in words."""
        ...

    @property
    def made(self) -> Made:
        """A real instrument, or what stands for one."""
        ...

    @property
    def meter(self) -> Meter:
        """The open meter."""
        ...


class Bench(Protocol):
    """A board that is up, and the meters on its supply."""

    @property
    def name(self) -> str:
        """The board's name."""
        ...

    @property
    def lab(self) -> str:
        """The lab's name."""
        ...

    @property
    def made(self) -> Made:
        """A real board, or what stands for one."""
        ...

    @property
    def board(self) -> Board:
        """The board."""
        ...

    @property
    def shell(self) -> Shell:
        """The shell on it."""
        ...

    @property
    def meters(self) -> Mapping[str, MeterOnRail]:
        """By name, the one that stands for the board's supply first."""
        ...
