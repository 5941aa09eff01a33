"""pytest-xdist: one board's tests stay on one worker, and in order.

The ``xdist_group`` mark would say so too, but xdist reads it only under ``--dist loadgroup`` and, as of 3.8,
not at all with pytest 9.2, which no longer lets it append the group to a test's id.
"""

from collections.abc import Iterable
from typing import Any

from xdist.scheduler import LoadScopeScheduling


def board_of(nodeid: str, ids: Iterable[str]) -> str | None:
    """Return which of the bench's ids a test id holds; None for a test without a bench.

    Other parameters of the test may stand beside it: ``test_it[fast-tx2-01-4]``.
    """
    parameters = f"-{nodeid.partition('[')[2].removesuffix(']')}-"
    return max((name for name in ids if f"-{name}-" in parameters), key=len, default=None)


class ByBoard(LoadScopeScheduling):
    """Hands out all tests of one board at once; tests without a bench one by one."""

    def __init__(self, config: Any, log: Any, ids: Iterable[str]) -> None:  # noqa: ANN401 -- xdist's own
        """Take the ids that a bench can have."""
        super().__init__(config, log)
        self._ids = list(ids)

    def _split_scope(self, nodeid: str) -> str:
        return board_of(nodeid, self._ids) or nodeid
