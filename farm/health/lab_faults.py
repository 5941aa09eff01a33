"""Where whoever meets a lab fault on a board tells it: enough of them in a row take the board out."""

import logging

from devices.errors import DeviceError
from power.errors import PowerError

from ..artifact.deploy import NoAccelerator
from ..errors import LabFault, UsageFault
from ..lab.inventory import Lab
from ..lab.lease import LeaseLost, owner
from ..lab.lending import CutShort
from ..lab.restore import SettingRefused
from ..store.database import Store
from ..store.health import QUARANTINE_AFTER, note_fault
from ..trial.state.demands import NotAsDemanded
from .policy import load_policy, policy_path

_log = logging.getLogger(__name__)


def note_lab_fault(store: Store, lab: Lab, board: str, fault: BaseException) -> str | None:
    """Keep a lab fault that was met while a board was used; it makes a check due.

    What is no fault of the board, its links, its meters or its switch is not kept: a lost lease, a wrong input,
    a demand or setting of a plan, an accelerator that nobody said it had, a boot that nobody waited for, a fault that
    names another component.

    Returns:
        Why the board is in quarantine, if it is now.

    Raises:
        LabFault: the database refuses.
    """
    if not of_board(lab, board, fault):
        return None
    return note_fault(store, board, str(fault), quarantine_after=_quarantine_after(lab), by=owner())


def _quarantine_after(lab: Lab) -> int:
    path = policy_path(lab)
    try:
        return load_policy(path).quarantine_after if path.exists() else QUARANTINE_AFTER
    except UsageFault as wrong:  # whoever meets a fault is in the middle of a trial, and did not come for this file
        _log.warning("%s; until it is mended, %d faults in a row count", wrong, QUARANTINE_AFTER)
        return QUARANTINE_AFTER


def of_board(lab: Lab, board: str, fault: BaseException) -> bool:
    """Tell whether a fault is one of a board or of what is wired to it."""
    if isinstance(fault, LeaseLost | NotAsDemanded | SettingRefused | CutShort | NoAccelerator):
        return False
    entry = lab.boards[board]
    component = fault.component if isinstance(fault, LabFault) else getattr(fault, "device", None)
    return isinstance(fault, LabFault | DeviceError | PowerError) and component in (board, entry.switch, *entry.meters)
