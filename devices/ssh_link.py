"""One SSH connection to a board, opened by fabric and rid of paramiko's endless waits.

paramiko waits without a limit for the answer to an exec request, for a channel (an hour), and in a write to a
link that does not drain. So every such step runs under :meth:`Link.guard`, which cuts the connection when it
takes too long: what hangs then fails. A keepalive that wants an answer does the same while nobody calls.
"""

import logging
import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import fabric
import paramiko
from paramiko.pkey import UnknownKeyType
from paramiko.ssh_exception import NoValidConnectionsError

from .errors import AuthenticationRefused, ConnectionLost, HostKeyMismatch, Unreachable
from .ssh_keys import Trust, trust_only
from .ssh_transport import tuned_transport
from .ssh_watch import Watch

logging.getLogger("paramiko").addHandler(logging.NullHandler())  # else its tracebacks land on the terminal

BROKEN = (paramiko.SSHException, EOFError, OSError)
"""What paramiko raises when a connection does not do what it should."""

_KEEPALIVE_S = 10.0
_ANSWER_S = 20.0
"""Assumed: a board under load answers a keepalive within this; so a stalled link is found within half a minute."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a board's SSH server is, and who we are to it."""

    name: str
    host: str
    port: int
    user: str
    key: Path | None
    password: str | None = field(repr=False)
    host_key: str | None
    known_hosts: Path | None
    gateway: str | None
    connect_timeout_s: float

    @property
    def where(self) -> str:
        """``user@host:port``."""
        return f"{self.user}@{self.host}:{self.port}"


class Guard:
    """Closes transports that take too long to connect; remembers that it did."""

    def __init__(self, timeout_s: float) -> None:
        """Take how long it may take, from entering the block on."""
        self.fired = False
        self.transports: list[paramiko.Transport] = []
        self._timer = threading.Timer(max(timeout_s, 0.0), self.fire)
        self._timer.daemon = True

    def fire(self) -> None:
        """End the attempt now; from any thread."""
        self.fired = True
        for transport in self.transports:
            transport.close()
            transport.sock.close()  # close() alone does nothing before the first packet

    def factory(self, sock: Any, disabled_algorithms: Any = None) -> paramiko.Transport:  # noqa: ANN401 -- paramiko's
        """Make a tuned transport that this guard watches."""
        transport = tuned_transport(sock, disabled_algorithms)
        self.transports.append(transport)
        if self.fired:
            self.fire()
        return transport

    def __enter__(self) -> "Guard":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()


def _connection(target: Target, guard: Guard) -> Any:  # noqa: ANN401 -- fabric has no types
    make = cast("Any", fabric.Connection)
    timeout_s = target.connect_timeout_s
    kwargs: dict[str, Any] = {
        "banner_timeout": timeout_s,
        "auth_timeout": timeout_s,
        "channel_timeout": timeout_s,
        "transport_factory": guard.factory,
    }
    tcp_timeout_s = math.ceil(timeout_s)  # fabric cuts it down to an integer; 0 would mean for ever
    gateway = None
    if target.gateway is not None:
        gateway = make(target.gateway, connect_timeout=tcp_timeout_s, connect_kwargs=dict(kwargs))
        gateway.client.set_missing_host_key_policy(Trust(target.gateway))
        gateway.client.load_system_host_keys()
        trust_only(gateway.client, gateway.host, gateway.port, None, target.known_hosts)
    if target.key is not None or target.password is not None:  # named credentials only, not whatever lies around
        kwargs |= {"allow_agent": False, "look_for_keys": False}
    if target.key is not None:
        kwargs["pkey"] = _load_key(target.name, target.key)
    if target.password is not None:
        kwargs["password"] = target.password
    connection = make(
        target.host,
        user=target.user,
        port=target.port,
        gateway=gateway,
        connect_timeout=tcp_timeout_s,
        connect_kwargs=kwargs,
    )
    connection.client.set_missing_host_key_policy(Trust(target.name))  # fabric comes with AutoAddPolicy
    trust_only(connection.client, connection.host, connection.port, target.host_key, target.known_hosts)
    return connection


def _load_key(name: str, path: Path) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, TypeError, paramiko.SSHException, UnknownKeyType) as error:
        hint = "the board's ssh key in the inventory; one with a passphrase belongs into ssh-agent"
        raise AuthenticationRefused(name, f"our key file {path} is of no use: {error}", hint=hint) from error


def _open(target: Target, guard: Guard) -> tuple[Any, paramiko.Transport]:
    """Connect and log in within the target's ``connect_timeout_s``; every failure has its name."""
    name, where = target.name, target.where
    with guard:
        connection = _connection(target, guard)
        try:
            connection.open()
            return connection, connection.transport
        except paramiko.BadHostKeyException as error:
            _close(connection)
            said = f"{where} shows {_print(error.key)}, trusted is {_print(error.expected_key)}"
            hint = f"was the board flashed anew, or is another board there? If it is right: `farm trust {name}`"
            raise HostKeyMismatch(name, said, hint=hint) from error
        except paramiko.AuthenticationException as error:
            _close(connection)
            if guard.fired or "shut down" in str(error):  # the connection ended, nobody refused anything
                raise _unreachable(target, guard, error) from error
            hint = f"is {target.user!r} the board's user, and our key in its authorized_keys?"
            raise AuthenticationRefused(name, f"{where} refused the login: {error}", hint=hint) from error
        except BROKEN as error:
            _close(connection)
            raise _unreachable(target, guard, error) from error
        except BaseException:
            _close(connection)
            raise


def _print(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.fingerprint}"


def _unreachable(target: Target, guard: Guard, error: Exception) -> Unreachable:
    if isinstance(error, NoValidConnectionsError):  # one for each address of the host; its own text names none of them
        error = next(iter(error.errors.values()))
    if guard.fired or isinstance(error, TimeoutError):
        why = str(error) or "no answer"
        said = f"{target.where} accepts no SSH session within {target.connect_timeout_s:.2g} s ({why})"
    else:
        said = f"{target.where} cannot be reached: {str(error) or type(error).__name__}"
    return Unreachable(target.name, said, hint="is the board on, booted and on the network? Its console tells")


def _close(connection: Any) -> None:  # noqa: ANN401 -- fabric has no types
    connection.close()
    connection.client.close()
    if connection.gateway is not None:
        _close(connection.gateway)


class Link:
    """One live connection. Once cut it stays cut; :attr:`why` says what was seen."""

    def __init__(self, target: Target, guard: Guard) -> None:
        """Connect; the guard bounds that, and may end it sooner.

        Raises:
            Unreachable, HostKeyMismatch, HostKeyUnknown, AuthenticationRefused: as named.
        """
        self.name = target.name
        self.why = "the connection broke"
        self._where = target.where
        self._connection, self._transport = _open(target, guard)
        self._asking = threading.Lock()
        self._closed = threading.Event()
        self._watch = Watch(f"{target.name}: ssh deadlines")
        self._pulse = threading.Thread(target=self._keep_alive, name=f"{target.name}: ssh keepalive", daemon=True)
        self._pulse.start()

    @property
    def alive(self) -> bool:
        """False once the connection is known to be gone."""
        return self._transport.is_active()

    def lost(self, doing: str) -> ConnectionLost:
        """Return the error for a connection that went while we were doing something."""
        hint = "did the board reboot or lose power? Look at its console and its network link"
        return ConnectionLost(self.name, f"{self._where}: {self.why} during {doing}", hint=hint)

    @contextmanager
    def guard(self, timeout_s: float, why: str) -> Generator[None]:
        """Cut the connection if the block takes longer: whatever hangs in it then fails."""
        with self._watch.guard(timeout_s, lambda: self.cut(why)):
            yield

    def channel(self, timeout_s: float) -> paramiko.Channel:
        """Open a channel.

        Raises:
            paramiko.ChannelException: the server takes no more channels on this connection.
            BROKEN: the connection is of no use any more; it has been cut.
        """
        try:
            with self.guard(timeout_s, f"no channel within {timeout_s:.1f} s"):
                return self._transport.open_session(timeout=timeout_s)
        except paramiko.ChannelException:
            raise
        except BROKEN as error:
            self.cut(str(error))
            raise

    def start(self, channel: paramiko.Channel, command_line: str, timeout_s: float) -> None:
        """Start a command on a channel. After a failure nobody knows whether it was started.

        Raises:
            ConnectionLost: no word from the server within ``timeout_s``.
        """
        try:
            with self.guard(timeout_s, f"no answer to a command within {timeout_s:.1f} s"):
                channel.exec_command(command_line)
        except BROKEN as error:
            self.cut(str(error))
            raise self.lost("the start of a command") from error

    def answers(self, timeout_s: float) -> bool:
        """Ask the board's SSH server for a sign of life; a server that gives none is cut off."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        why = f"no answer to a keepalive within {timeout_s:g} s"
        if not self._asking.acquire(timeout=timeout_s):
            self.cut(why)
            return False
        try:
            with self.guard((deadline_ns - time.monotonic_ns()) / 1e9, why):
                self._transport.global_request("keepalive@openssh.com", wait=True)
        except BROKEN as error:
            self.cut(str(error) or why)
        finally:
            self._asking.release()
        return self.alive

    def cut(self, why: str) -> None:
        """Close at once, from any thread; what waits on this connection fails."""
        if self.alive:
            self.why = why
        self._transport.close()
        self._closed.set()

    def close(self) -> None:
        """Close in order, and wait for the threads. May be called twice."""
        self.cut("closed by its user")
        _close(self._connection)
        for thread in (self._pulse, self._transport):
            if thread is not threading.current_thread():
                thread.join(_ANSWER_S)
        self._watch.close(_ANSWER_S)

    def _keep_alive(self) -> None:
        while not self._closed.wait(_KEEPALIVE_S) and self.answers(_ANSWER_S):
            pass
