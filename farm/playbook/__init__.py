"""What is done to a board before it may run a trial, as data: typed steps that change only what differs."""

from .apply import StepResult, apply, each_step, target_of
from .model import Playbook, load

__all__ = ["Playbook", "StepResult", "apply", "each_step", "load", "target_of"]
