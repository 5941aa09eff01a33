"""The text of a log, however it was kept."""

import gzip
import os
from importlib import import_module
from pathlib import Path

from .trace import TraceError

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_MEMORY_A_BYTE = 20
"""Of text, while its rows are read (measured: 700 MB for a million rows of 33 bytes)."""


def text_of(path: Path) -> str:
    """Return a file's text, gzipped or not; Parquet as CSV.

    Raises:
        TraceError: it cannot be read, or is too long for the memory.
    """
    try:
        raw = path.read_bytes()
        if raw.startswith(_GZIP):
            raw = gzip.decompress(raw)
        if raw.startswith(_PARQUET):
            raw = _csv_of(raw)
    except (OSError, EOFError) as error:
        raise TraceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if (wanted := len(raw) * _MEMORY_A_BYTE) > (there := memory_bytes()):
        what = f"its {len(raw) / 1e9:.1f} GB of text would take {wanted / 1e9:.0f} GB of memory"
        raise TraceError(f"{what}, and there are {there / 1e9:.0f}; take some of its rows")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")


def _csv_of(raw: bytes) -> bytes:
    """Return a Parquet file as CSV; what has no value is an empty cell."""
    try:
        arrow, csv, parquet = (import_module(name) for name in ("pyarrow", "pyarrow.csv", "pyarrow.parquet"))
    except ImportError:
        raise TraceError("Parquet needs pyarrow: pip install 'edge-test-farm[parquet]'") from None
    written = arrow.BufferOutputStream()
    try:
        csv.write_csv(parquet.read_table(arrow.BufferReader(raw)), written)
    except arrow.ArrowException as error:
        raise TraceError(f"cannot be read as Parquet: {str(error).partition(chr(10))[0]}") from error
    return written.getvalue().to_pybytes()


def memory_bytes() -> int:
    """Return what this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
