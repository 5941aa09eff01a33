"""What the runner tells the controller apart when it cannot go on."""


class Fault(Exception):
    """The run cannot go on; ``kind`` says who is to look at it."""

    def __init__(self, kind, detail):
        """Name the kind: ``runtime``, ``dataset``, ``preprocess`` are the board's, ``model`` is what was asked for."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
