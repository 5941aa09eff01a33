"""``farm meter read``: one meter by itself, of an inventory or without one."""

from argparse import Namespace
from itertools import islice

from ..errors import Exit, UsageFault
from .meter_named import opened
from .meter_rows import rows, tell
from .output import warn

_MOST_READINGS = 1_000_000


def read(args: Namespace) -> int:
    """Open the meter, print as many readings as are wanted, close it."""
    from power.by_itself import some

    if not 1 <= args.count <= _MOST_READINGS:
        raise UsageFault(f"--count {args.count}: give 1 to {_MOST_READINGS:,}")
    with opened(args, "farm meter read") as (named, _):
        found = list(islice(rows(some(named.meter, args.count)), args.count))
        if named.warning:
            warn(f"warning: {named.name}: {named.warning}")
    tell(found, as_json=args.json)
    return Exit.PASS
