"""MLPerf's log lines, ``:::MLLOG {…}``: of its load generator, and of trainings."""

import json
from collections.abc import Iterator
from typing import Any, cast

MARKER = ":::MLLOG"


def entries(text: str) -> Iterator[dict[str, Any]]:
    """Yield MLLOG's entries; lines may begin with what a launcher put before them. What is none is passed over."""
    for line in text.splitlines():
        _, marker, rest = line.partition(MARKER)
        if not marker:
            continue
        try:
            entry = json.loads(rest)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield cast("dict[str, Any]", entry)
