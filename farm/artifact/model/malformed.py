"""The one error of all readers here."""

from collections.abc import Generator
from contextlib import contextmanager

_BROKEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of fields that a whole file always has, and of numbers that are none."""
_LONGEST = 200


class Malformed(ValueError):
    """A file is not of the format that it should be, or lies about its own sizes."""


@contextmanager
def malformed() -> Generator[None]:
    """Decorates a reader: whatever a damaged file makes of it is told as :class:`Malformed`."""
    try:
        yield
    except Malformed:
        raise
    except _BROKEN as error:
        raise Malformed(f"damaged: {error!r}"[:_LONGEST]) from error
