"""Lets one deployment at a time write where a board's shell does everything: the later one goes on.

With Python the helper's own lock lasts as long as the helper. Here each step is a command of its own, so there are two
parts: which deployment came last, and which step writes just now (``on_board/lock.sh``).
"""

import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from shlex import quote
from typing import Literal

from devices.errors import DeviceError
from devices.shell import Shell

from ...errors import LabFault
from ...lab.lease import owner
from .names import functions

_ANSWER_S = 5.0
"""Whoever has ended us has a link; ours is not waited for any longer (assumed)."""
_MOST_CHARACTERS = 100
"""Of an owner's name on the board, assumed."""

Step = Literal["first", "may be ended", "is waited for"]
"""Of a deployment: its first one, from which on it is the one that came last; one that a later deployment may end, for
it may wait for a link that is gone; one that a later deployment waits for, 10 s at most."""


def new_deployer() -> str:
    """Return one line that names a deployment: whose it is, and a number that no other has."""
    return f"{' '.join(owner().split())[:_MOST_CHARACTERS]} {secrets.token_hex(4)}"


def alone(deployer: str, step: Step, script: str) -> str:
    """Return a script for the work folder, which is run when no other step writes there; not once a later one has come.

    It begins when all of it has arrived: a link that breaks before leaves nothing that holds the lock.
    """
    name = quote(deployer)
    before = {"first": f"claim {name}\n", "may be ended": "", "is waited for": "trap '' TERM\n"}[step]
    return f"{functions('lock.sh')}step() {{\n{before}alone {name}\n{script}\n}}\nstep\n"


@contextmanager
def takeover_told(shell: Shell, workdir: str, deployer: str) -> Generator[None]:
    """Tell of a later deployment where it has ended a step of this one, which itself tells nothing of that.

    Raises:
        LabFault: a later one has come.
    """
    before = _last_deployer(shell, workdir)
    try:
        yield
    except (DeviceError, LabFault) as error:
        last = _last_deployer(shell, workdir)
        if last not in ("", deployer, before):  # before: this one has failed even before it could begin
            what = f"{workdir}: another deployment has taken over, in the name of {last.rpartition(' ')[0]}"
            raise LabFault(shell.name, what) from error
        raise


def _last_deployer(shell: Shell, workdir: str) -> str:
    """Return the deployment that came last; "" where there was none, or the board does not tell."""
    with suppress(DeviceError):
        return shell.run(f"cat {quote(workdir)}/deployer", timeout_s=_ANSWER_S, check=False).text.strip()
    return ""
