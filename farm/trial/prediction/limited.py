"""Limits the process that it runs in, and becomes a command of the shell. A program: nobody imports this.

The first argument is JSON: ``join``, files to write the process's id to; ``cores``, numbers of processors;
``data_bytes``, or null. The second is the command line.
"""

import json
import os
import resource
import sys
from pathlib import Path

_REFUSED = 125
"""As ``env`` and ``timeout`` end when they themselves fail."""


def main(given: str, command: str) -> None:
    """Set the limits, then become the command."""
    limits = json.loads(given)
    try:
        for path in limits["join"]:
            Path(path).write_text(str(os.getpid()), encoding="ascii")
        os.sched_setaffinity(0, limits["cores"])
        if limits["data_bytes"] is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (limits["data_bytes"], limits["data_bytes"]))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"limits refused: {error}\n")
        sys.exit(_REFUSED)
    os.execv("/bin/sh", ["sh", "-c", command])  # noqa: S606 -- a shell is what is wanted


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
