"""Print what a runner keeps in a file, from a line on, until it has ended: for a controller that was away."""

import os
import sys
import time

_EVERY_S = 0.25
_GONE_STATUS = 4
_LAST = (b'"event": "end"', b'"event": "error"')


def follow(path, skip, out):
    """Copy lines after the first ``skip``; return 0 after the last one, else 4: its process is gone."""
    with open(path + ".pid") as file:
        process = int(file.read())
    with open(path, "rb") as kept:
        part = b""
        while True:
            running = os.path.exists("/proc/{}".format(process))  # asked first: what it wrote last is read after it
            part += kept.read()
            *lines, part = part.split(b"\n")
            for line in lines[skip:]:
                out.write(line + b"\n")
            out.flush()
            skip = max(0, skip - len(lines))
            if lines and any(last in lines[-1] for last in _LAST):
                return 0
            if not running:
                return _GONE_STATUS
            time.sleep(_EVERY_S)


if __name__ == "__main__":
    sys.exit(follow(sys.argv[1], int(sys.argv[2]), sys.stdout.buffer))
