"""Whose watts a meter measures."""

from typing import Literal

Kind = Literal["wall", "inlet", "rail", "chip"]
"""The outermost first: the mains, with the supply's losses; the board's input; one rail behind it; a chip as it counts
for itself. Each holds those that follow, so watts of two kinds are never added."""
