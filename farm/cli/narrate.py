"""What the packages log, as steps that a verbose command prints: component by component."""

import logging
from collections.abc import Callable

_PACKAGES = ("farm", "devices", "power")


def narrate(step: Callable[[str], None]) -> None:
    """Print what our three packages log, from now on; other libraries' logs stay theirs."""
    for name in _PACKAGES:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.handlers = [other for other in logger.handlers if not isinstance(other, _Steps)]
        logger.addHandler(_Steps(step))


class _Steps(logging.Handler):
    """Hands each message on."""

    def __init__(self, step: Callable[[str], None]) -> None:
        super().__init__()
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message; logging itself keeps faults of it away from the work."""
        self._step(record.getMessage())
