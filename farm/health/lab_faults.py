"""Where whoever meets a lab fault on a board tells it: enough of them in a row take the board out."""

from pathlib import Path

from devices.errors import DeviceError
from power.errors import PowerError

from ..errors import LabFault
from ..lab.inventory import Lab
from ..lab.lease import LeaseLost, owner
from ..store.database import Store
from ..store.health import QUARANTINE_AFTER, note_fault
from .known import results
from .policy import load_policy, policy_path


def note_lab_fault(lab: Lab, board: str, fault: BaseException, state: Path = Path(".farm")) -> str | None:
    """Keep a lab fault that was met while a board was used; it makes a check due.

    What is no fault of the board, its links, its meters or its switch is not kept: a lost lease, a wrong input,
    a fault that names another component.

    Returns:
        Why the board is in quarantine, if it is now.
    """
    if not of_board(lab, board, fault):
        return None
    path = policy_path(lab)
    after = load_policy(path).quarantine_after if path.exists() else QUARANTINE_AFTER
    with Store.open(results(lab, state)) as store:
        return note_fault(store, board, str(fault), quarantine_after=after, by=owner())


def of_board(lab: Lab, board: str, fault: BaseException) -> bool:
    """Tell whether a fault is one of a board or of what is wired to it."""
    if isinstance(fault, LeaseLost):
        return False
    entry = lab.boards[board]
    component = fault.component if isinstance(fault, LabFault) else getattr(fault, "device", None)
    return isinstance(fault, LabFault | DeviceError | PowerError) and component in (board, entry.switch, *entry.meters)
