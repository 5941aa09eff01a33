"""The board's own memory of leases: whoever comes with an earlier one than it has seen changes nothing there.

A process can be stopped between its last look at the database and the command that it then sends, and be resumed
when the board is another's. So the board compares too, in the very command that changes it.
"""

from shlex import quote

from devices.errors import CommandFailed
from devices.shell import Shell

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


def note_lease(shell: Shell, workdir: str) -> None:
    """Leave the number of a shell's lease on its board; raises LeaseLost where the board has seen a later one."""
    if isinstance(shell, FencedShell):
        database, token = shell.lease.database_id(), shell.lease.token
        run_fenced(shell, workdir, _NOTE.format(database=database, token=token))


def run_fenced(shell: Shell, workdir: str, command: str) -> None:
    """Run a command in the work folder if the shell's lease is held, by the database's word and the board's.

    A shell that belongs to no lease is not asked for one.

    Raises:
        LeaseLost: the lease has ended, or the board has seen a later one.
        devices.errors.DeviceError: the board.
    """
    ask = f"set -e\ncd {quote(workdir)}\n"
    if isinstance(shell, FencedShell):
        shell.lease.check()
        database, token = shell.lease.database_id(), shell.lease.token
        ask = _ASK.format(workdir=quote(workdir), database=database, token=token, refused=_REFUSED)
    done = shell.run("sh -s", stdin=(ask + command + "\n").encode(), timeout_s=60, check=False)
    if done.exit_status == _REFUSED and isinstance(shell, FencedShell):
        raise LeaseLost(shell.name, f"lease {shell.lease.token}: lease {done.text} has deployed to the board since")
    if done.exit_status:
        said = done.stderr.decode("utf-8", "replace").strip() or "nothing"
        what = f"`{command}` in {workdir} ended with status {done.exit_status}: {said}"
        raise CommandFailed(shell.name, what, exit_status=done.exit_status, stderr=said)
