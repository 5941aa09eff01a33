"""A board's switch and shell in the hands of one lease: once it is lost, they do nothing more."""

import logging
from collections.abc import Callable
from pathlib import Path

from devices.shell import Result, Shell, Stream
from power.switch import Supply

from .lease_held import Lease

_log = logging.getLogger(__name__)


class FencedSwitch:
    """A :class:`power.switch.Supply` that asks the database before it switches."""

    def __init__(self, switch: Supply, lease: Lease) -> None:
        """Take the switch, and the lease that it needs."""
        self._switch, self._lease = switch, lease
        self.name, self.min_off_s = switch.name, switch.min_off_s

    def on(self) -> None:
        """Switch on; raises LeaseLost, and what the switch raises."""
        with self._lease.acting():
            self._switch.on()
        _log.info("%s: the switch %s says on", self._lease.board, self.name)

    def off(self) -> None:
        """Switch off; raises LeaseLost, and what the switch raises."""
        with self._lease.acting():
            self._switch.off()
        _log.info("%s: the switch %s says off", self._lease.board, self.name)

    def state(self) -> bool:
        """Ask the switch; that harms nobody."""
        return self._switch.state()


class FencedShell:
    """A :class:`devices.shell.Shell` that looks at its lease before every command: that costs microseconds.

    What may change the board waits for the proof that it is the right one.
    """

    def __init__(
        self, shell: Shell, lease: Lease, prove: Callable[[], object] = lambda: None, *, every_command: bool = False
    ) -> None:
        """Take the shell, the lease that it needs, and what proves the board's identity where that is not done yet.

        ``every_command``: the commands of :meth:`run` may change something too, as those of users do.
        """
        self.name, self.lease = shell.name, lease
        self._shell, self._prove, self._every_command = shell, prove, every_command

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run a command line; raises LeaseLost, and as the shell."""
        self.lease.require()
        if self._every_command:
            self._prove()
        return self._shell.run(command, timeout_s=timeout_s, stdin=stdin, check=check)

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run as root; raises LeaseLost, and as the shell."""
        self.lease.require()
        self._prove()
        return self._shell.sudo(command, timeout_s=timeout_s, stdin=stdin, check=check)

    def stream(self, command: str, *, timeout_s: float) -> Stream:
        """Start a command; raises LeaseLost, and as the shell."""
        self.lease.require()
        self._prove()
        return self._shell.stream(command, timeout_s=timeout_s)

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Write a file on the board; raises LeaseLost, and as the shell."""
        self.lease.require()
        self._prove()
        return self._shell.upload(source, path, mode=mode, timeout_s=timeout_s)

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return a file's content; raises LeaseLost, and as the shell."""
        self.lease.require()
        return self._shell.download(path, timeout_s=timeout_s)

    def close(self) -> None:
        """Close the connection."""
        self._shell.close()
