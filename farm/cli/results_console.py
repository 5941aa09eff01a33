"""``farm results console``: what a board's console said during a trial, line by line with the time."""

from argparse import Namespace
from typing import TYPE_CHECKING

from devices.console_text import plain

from ..errors import Exit, UsageFault
from .output import print_json, say

if TYPE_CHECKING:
    from ..store.database import Store


def show(store: "Store", args: Namespace) -> int:
    """Print a record's console log, from the board's lease to its release.

    Raises:
        UsageFault: there is no such record, it has no log, or an older farm kept it without times.
        LabFault: it is damaged.
    """
    record_id = store.load(args.id).record.id
    log = store.console_log(record_id)
    if not log.data:
        raise UsageFault(f"record {record_id}: has no console log")
    if log.first_utc is None:
        raise UsageFault(f"record {record_id}: its console log has no times; `farm report` shows it")
    if args.json:
        lines = [
            {"t_ns": line.t_ns, "utc": line.utc.isoformat(), "text": plain(line.data).rstrip("\r")}
            for line in log.lines()
        ]
        print_json(lines)
    else:
        for line in log.lines():
            say(f"{line.utc.astimezone():%H:%M:%S.%f}  {plain(line.data)}")
    return Exit.PASS
