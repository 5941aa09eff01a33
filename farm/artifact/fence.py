"""The board's own memory of leases: whoever comes with an earlier one than it has seen changes nothing there.

A process can be stopped between its last look at the database and the command that it then sends, and be resumed
when the board is another's. So the board compares too, in the very command that changes it.
"""

from shlex import quote

from devices.errors import CommandFailed
from devices.shell import Result, Shell

from ..lab.fenced import FencedShell
from ..lab.lease import LeaseLost

_REFUSED = 75
"""EX_TEMPFAIL of sysexits.h; nothing that is run here ends with it by itself."""

_ASK = """\
set -e
cd {workdir}
if [ -f lease ]; then
  read -r database token < lease || true
  if [ "$database" = {database} ] && [ "$token" -gt {token} ]; then echo "$token"; exit {refused}; fi
fi
"""
_NOTE = "echo {database} {token} > lease.new && mv lease.new lease"


def fenced(shell: Shell, workdir: str, command: str) -> str:
    """Return a command in the work folder that does nothing where the board has seen a later lease than the shell's.

    A shell that belongs to no lease is not asked for one.

    Raises:
        LeaseLost: by the database's word the lease is not held now.
    """
    ask = f"set -e\ncd {quote(workdir)}\n"
    if isinstance(shell, FencedShell):
        shell.lease.check()
        database, token = shell.lease.database_id(), shell.lease.token
        ask = _ASK.format(workdir=quote(workdir), database=database, token=token, refused=_REFUSED)
    return ask + command + "\n"


def noting(shell: Shell) -> str:
    """Return a command for the work folder that leaves the number of the shell's lease there."""
    if not isinstance(shell, FencedShell):
        return ":"
    return _NOTE.format(database=shell.lease.database_id(), token=shell.lease.token)


def lease_of(shell: Shell) -> str:
    """Return one word for the shell's lease, to be kept on the board; ``-`` where it belongs to none."""
    return f"{shell.lease.database_id()}/{shell.lease.token}" if isinstance(shell, FencedShell) else "-"


def require_taken(shell: Shell, status: int, said: str) -> None:
    """Tell a refusal from every other end of a :func:`fenced` command; raises LeaseLost."""
    if status == _REFUSED and isinstance(shell, FencedShell):
        later = said.strip().splitlines()[-1] if said.strip() else "a later one"
        raise LeaseLost(shell.name, f"lease {shell.lease.token}: lease {later} has deployed to the board since")


def run_fenced(shell: Shell, workdir: str, command: str) -> None:
    """Run a command in the work folder if the shell's lease is held, by the database's word and the board's.

    Raises:
        LeaseLost: the lease has ended, or the board has seen a later one.
        devices.errors.DeviceError: the board.
    """
    done = try_fenced(shell, workdir, command)
    if done.exit_status:
        said = done.stderr.decode("utf-8", "replace").strip() or "nothing"
        what = f"`{command}` in {workdir} ended with status {done.exit_status}: {said}"
        raise CommandFailed(shell.name, what, exit_status=done.exit_status, stderr=said)


def try_fenced(shell: Shell, workdir: str, command: str) -> Result:
    """Run as :func:`run_fenced`, and return also what failed by itself."""
    done = shell.run("sh -s", stdin=fenced(shell, workdir, command).encode(), timeout_s=60, check=False)
    require_taken(shell, done.exit_status, done.text)
    return done
