"""How the boards are: a look of seconds, a check of minutes, and which boards nobody may have until they pass one."""

from .board_health import BoardHealth, LastTrial, State
from .look import LOOK_S, look, look_at_all, look_at_each

__all__ = ["LOOK_S", "BoardHealth", "LastTrial", "State", "look", "look_at_all", "look_at_each"]
