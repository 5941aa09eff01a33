"""The way back: what was current before is read from the board and proven, and only then made current again."""

import hashlib
import re
from collections.abc import Callable
from shlex import quote

from devices.shell import Shell

from ...errors import LabFault, UsageFault
from ..document import MANIFEST, SIGNATURE
from ..fence import try_fenced
from ..manifest import parse
from .lock import alone, new_deployer
from .names import Kept, deployed, require_done, store

Accept = Callable[[str, bytes, bytes | None], object]
"""Asked with the artifact's folder, its manifest's bytes and its signature; raises UsageFault where unwanted."""

_NOTHING_BEFORE, _DAMAGED = 66, 65
"""EX_NOINPUT and EX_DATAERR of sysexits.h, as ``store.sh`` ends with them."""


def roll_back(shell: Shell, workdir: str, *, accept: Accept | None = None) -> Kept:
    """Make current what was so before, and return it; its manifest and every file are checked first.

    Args:
        shell: The board.
        workdir: The farm's folder on it.
        accept: Asked before anything is changed; None: whatever is whole may be gone back to.

    Raises:
        UsageFault: nothing was deployed before, or it is not accepted.
        LabFault: a file of it is damaged.
        LeaseLost: the shell's lease is over, or the board has seen a later one.
        devices.errors.DeviceError: the board.
    """
    artifact = _there(shell, workdir, f"{store()}\nbefore")
    folder = f"artifacts/{artifact}"
    if not re.fullmatch("[0-9a-f]{64}", artifact):
        raise LabFault(shell.name, f"{workdir}/history: {artifact[:80]!r} is no artifact", hint="deploy again")
    manifest = _content(shell, f"{workdir}/{folder}/{MANIFEST}")
    if manifest is None or hashlib.sha256(manifest).hexdigest() != artifact:
        raise _damaged(shell, workdir, f"{folder}/{MANIFEST} is damaged")
    where = f"{shell.name}: {workdir}/{folder}"
    files = parse(manifest, f"{where}/{MANIFEST}").files
    if accept is not None:
        accept(where, manifest, _content(shell, f"{workdir}/{folder}/{SIGNATURE}"))
    sums = "".join(f"{facts.sha256} {name}\n" for name, facts in files.items())
    _there(shell, workdir, alone(new_deployer(), "first", f"{store()}\nback {artifact} <<'end'\n{sums}end"))
    return next(one for one in deployed(shell, workdir) if one.artifact == artifact)


def _there(shell: Shell, workdir: str, script: str) -> str:
    """Run what calls a function of ``store.sh``; return what it says."""
    done = try_fenced(shell, workdir, script)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.exit_status == _NOTHING_BEFORE:
        raise UsageFault(f"{shell.name}: {said}; `farm deploy {shell.name} --list` shows what is there")
    if done.exit_status == _DAMAGED:
        raise _damaged(shell, workdir, said)
    require_done(shell, workdir, done.exit_status, done.text, said)
    return done.text


def _content(shell: Shell, path: str) -> bytes | None:
    done = shell.run(f"cat {quote(path)}", check=False)
    return done.stdout if done.exit_status == 0 else None


def _damaged(shell: Shell, workdir: str, what: str) -> LabFault:
    return LabFault(shell.name, f"{workdir}: {what}; nothing was changed", hint="deploy that artifact again")
