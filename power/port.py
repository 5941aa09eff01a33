"""The cable of one instrument: bytes out, bytes in, and silence as an empty answer."""

from typing import Protocol


class Port(Protocol):
    """An open byte link. A broken one raises OSError; a silent one just returns less."""

    def discard(self) -> None:
        """Forget what has arrived and was not read: it answers an earlier question."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        ...

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``, maybe nothing."""
        ...

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        ...

    def close(self) -> None:
        """Close the link. May be called twice."""
        ...
