"""``farm meter read``: one meter by itself, without an inventory."""

from argparse import Namespace
from itertools import islice

from ..errors import Exit, UsageFault
from .meter_options import config_from, faults_told
from .meter_rows import rows, tell

_MOST_READINGS = 1_000_000


def read(args: Namespace) -> int:
    """Open the meter, print as many readings as are wanted, close it."""
    from power.by_itself import some

    if not 1 <= args.count <= _MOST_READINGS:
        raise UsageFault(f"--count {args.count}: give 1 to {_MOST_READINGS:,}")
    kind, config = config_from(args)
    with faults_told(), kind.open(args.driver, config) as meter:
        found = list(islice(rows(some(meter, args.count)), args.count))
    tell(found, as_json=args.json)
    return Exit.PASS
