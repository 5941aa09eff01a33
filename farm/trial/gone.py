"""What is known of a run that will not come to its end."""

from time import monotonic_ns


class Gone(Exception):
    """The run is over before its end: said by whoever found out, worded by whoever knows how far it had come."""

    def __init__(
        self, what: str, *, evidence: str = "", hint: str = "", t_ns: int | None = None, board: bool = False
    ) -> None:
        """Say what happened, as the end of a sentence about the board.

        Args:
            what: such as ``rebooted``.
            evidence: what shows it.
            hint: what to look at in the lab.
            board: the board itself is gone, and nothing more can be done there.
            t_ns: when, on the controller's monotonic clock; without it, now.
        """
        self.what, self.evidence, self.hint, self.board = what, evidence, hint, board
        self.t_ns = monotonic_ns() if t_ns is None else t_ns
        super().__init__(f"{what}: {evidence}" if evidence else what)
