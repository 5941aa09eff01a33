"""Who this process is to others: owner, host, and the kernel that knows its locks."""

import getpass
import os
import socket
from functools import cache
from pathlib import Path

from ..store.leases import Holder

OWNER = "FARM_OWNER"
"""Environment: in whose name boards are taken. A CI job sets it to its own name and number."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def owner() -> str:
    """Return in whose name this process takes boards: FARM_OWNER, else ``user@host``."""
    return os.environ.get(OWNER) or f"{_user()}@{socket.gethostname()}"


def this_process(owner: str, reason: str, lock: str) -> Holder:
    """Return what a row says of a lease that this process holds."""
    return Holder(owner, reason, socket.gethostname(), kernel(), os.getpid(), lock)


def no_process(owner: str, reason: str) -> Holder:
    """Return what a row says of a reservation that stands without a process."""
    return Holder(owner, reason, socket.gethostname(), kernel(), None, None)


@cache
def kernel() -> str:
    """Return this boot of this machine's kernel: where a lock can be seen. Containers of one machine share it."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:  # not Linux
        return socket.gethostname()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())
