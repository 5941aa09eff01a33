"""The one error of all readers here."""


class Malformed(ValueError):
    """A file is not of the format that it should be, or lies about its own sizes."""
