"""The text of a log, however it was kept."""

import gzip
from pathlib import Path

from .trace import TraceError

_GZIP = b"\x1f\x8b"


def text_of(path: Path) -> str:
    """Return a file's text, gzipped or not; TraceError where it cannot be read."""
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise TraceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")
