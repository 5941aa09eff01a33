# pyright: standard
"""What can be done to a board from the screen, as data: the menu, the keys, the help and the dialogs read it."""

from dataclasses import dataclass

from .source import ActionName


@dataclass(frozen=True, slots=True)
class Action:
    """One action."""

    name: ActionName
    key: str
    title: str
    doing: str
    """In the row while it runs."""
    warning: str
    """What a person should know before saying yes."""


ACTIONS: tuple[Action, ...] = (
    Action("on", "o", "Power on", "switching on", "Switches its supply on and waits until the right board is up."),
    Action("off", "f", "Power off", "switching off", "Cuts its supply at once; what runs on it is lost."),
    Action("cycle", "c", "Power cycle", "cycling", "Cuts its supply, switches it on again and waits for the boot."),
    Action("take", "t", "Take a lease", "taking", "Keeps everybody else off the board until it is returned or ends."),
    Action("return", "r", "Return the lease", "returning", "Others may use the board again."),
    Action("health", "h", "Health check", "health check", "Powers it on if needed and runs the longer check."),
    Action("provision", "p", "Provision", "provisioning", "Powers it on if needed; its playbook changes what differs."),
)
BY_NAME = {action.name: action for action in ACTIONS}
