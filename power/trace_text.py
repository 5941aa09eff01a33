"""The text of a log, however it was kept."""

import gzip
import os
from pathlib import Path

from .trace import TraceError

_GZIP = b"\x1f\x8b"
_MEMORY_A_BYTE = 20
"""Of text, while its rows are read (measured: 700 MB for a million rows of 33 bytes)."""


def text_of(path: Path) -> str:
    """Return a file's text, gzipped or not; TraceError where it cannot be read, or is too long for the memory."""
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise TraceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if (wanted := len(raw) * _MEMORY_A_BYTE) > (there := memory_bytes()):
        what = f"its {len(raw) / 1e9:.1f} GB of text would take {wanted / 1e9:.0f} GB of memory"
        raise TraceError(f"{what}, and there are {there / 1e9:.0f}; take some of its rows")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")


def memory_bytes() -> int:
    """Return what this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
