"""What is done to a board before it may run a trial, as data: typed steps that change only what differs."""

from .apply import StepResult, apply
from .model import Playbook, load

__all__ = ["Playbook", "StepResult", "apply", "load"]
