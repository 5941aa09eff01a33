"""One connection to the board's SSH server: who may in, and what may be asked for."""
# ruff: noqa: D102, ARG002 -- ServerInterface says what each method answers, and names its arguments

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_REQUEST,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_RESOURCE_SHORTAGE,
    OPEN_SUCCEEDED,
)

from .sftp import Sftp
from .ssh_job import Job, Place, Pty

_MOST_CHANNELS = 10  # MaxSessions of sshd_config(5)
_ACCEPTED_ENV = ("LANG", "LC_")  # AcceptEnv of Debian's sshd_config; taken, and then not used


@dataclass(frozen=True, slots=True)
class Access:
    """Who may log in."""

    user: str
    password: str
    authorized_keys: Path


class Session(paramiko.ServerInterface):
    """Answers paramiko's questions about one connection."""

    def __init__(self, access: Access, place: Place) -> None:
        self._access, self.place = access, place
        self._lock = threading.Lock()
        self._channels: set[int] = set()
        self._jobs: dict[int, Job] = {}
        self._ptys: dict[int, Pty] = {}
        self._to_start: dict[int, Callable[[], Job]] = {}

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        mine = f"{self._access.user}\0{self._access.password}".encode()
        right = hmac.compare_digest(f"{username}\0{password}".encode(), mine) and bool(self._access.password)
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        try:
            lines = self._access.authorized_keys.read_text().splitlines()
        except OSError:
            lines = []
        known = {tuple(line.split()[:2]) for line in lines}
        right = username == self._access.user and (key.get_name(), key.get_base64()) in known
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        if kind != "session":
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        with self._lock:
            if len(self._channels) >= _MOST_CHANNELS:
                return OPEN_FAILED_RESOURCE_SHORTAGE
            self._channels.add(chanid)
        return OPEN_SUCCEEDED

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        return name.decode("ascii", "replace").startswith(_ACCEPTED_ENV)

    def check_channel_pty_request(
        self,
        channel: paramiko.Channel,
        term: bytes,
        width: int,
        height: int,
        pixelwidth: int,
        pixelheight: int,
        modes: bytes,
    ) -> bool:
        self._ptys[channel.chanid] = Pty(term.decode("ascii", "replace") or "dumb", width or 80, height or 24)
        return True

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, pixelwidth: int, pixelheight: int
    ) -> bool:
        if job := self._jobs.get(channel.chanid):
            job.resize(width, height)
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return self._prepare(channel, command.decode("utf-8", "surrogateescape"))

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return self._prepare(channel, None)

    def request_answered(self, channel: paramiko.Channel) -> None:
        """Start what was granted: the client has the answer, so nothing overtakes it."""
        if start := self._to_start.pop(channel.chanid, None):
            self._jobs[channel.chanid] = start()

    def signal(self, channel: paramiko.Channel, name: str) -> None:
        """Pass a signal on to the channel's process group."""
        if job := self._jobs.get(channel.chanid):
            job.signal(name)

    def channel_closed(self, chanid: int) -> None:
        """End what the channel still ran."""
        with self._lock:
            self._channels.discard(chanid)
        self._ptys.pop(chanid, None)
        if job := self._jobs.pop(chanid, None):
            job.hang_up()

    def hang_up(self) -> None:
        """End everything: the connection is gone."""
        for chanid in list(self._channels):
            self.channel_closed(chanid)

    def _prepare(self, channel: paramiko.Channel, command: str | None) -> bool:
        if channel.chanid in self._jobs or channel.chanid in self._to_start:
            return False
        self._to_start[channel.chanid] = lambda: Job(self.place, channel, command, self._ptys.get(channel.chanid))
        return True


class Connection(paramiko.Transport):
    """A server-side transport that tells its session about signals, closed channels and its own end."""

    def __init__(self, link: Any, session: Session, host_key: paramiko.PKey, root: Path) -> None:  # noqa: ANN401 -- paramiko's socket-like
        super().__init__(link)
        self.set_log_channel("devices.twin.ssh")
        self.daemon = True
        self._session = session
        self.add_server_key(host_key)
        home, faults = session.place.software.home, session.place.faults
        self.set_subsystem_handler("sftp", paramiko.SFTPServer, Sftp, root=root, home=home, faults=faults)

    def serve(self) -> None:
        """Start; returns at once."""
        self.start_server(event=threading.Event(), server=self._session)

    def run(self) -> None:
        """Serve until the link ends; called by the thread."""
        try:
            super().run()
        finally:
            self._session.hang_up()

    def request(self, channel: paramiko.Channel, message: paramiko.Message) -> None:
        """Take the one request that paramiko's server does not know, ``signal``; start jobs after the answer."""
        start = message.packet.tell()
        if message.get_text() == "signal":
            message.get_boolean()  # want_reply is always false: RFC 4254 §6.9
            self._session.signal(channel, message.get_text())
            return
        message.packet.seek(start)
        _HANDLERS[MSG_CHANNEL_REQUEST](channel, message)
        self._session.request_answered(channel)

    def channel_close(self, channel: paramiko.Channel, message: paramiko.Message) -> None:
        """End the channel's job when its client closes it."""
        _HANDLERS[MSG_CHANNEL_CLOSE](channel, message)
        self._session.channel_closed(channel.chanid)


_Handler = Callable[[paramiko.Channel, paramiko.Message], None]
_HANDLERS = cast("dict[int, _Handler]", paramiko.Transport._channel_handler_table)  # noqa: SLF001  # pyright: ignore -- the only hook


def _request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    cast("Connection", channel.transport).request(channel, message)


def _close(channel: paramiko.Channel, message: paramiko.Message) -> None:
    cast("Connection", channel.transport).channel_close(channel, message)


Connection._channel_handler_table = _HANDLERS | {MSG_CHANNEL_REQUEST: _request, MSG_CHANNEL_CLOSE: _close}  # noqa: SLF001  # pyright: ignore -- the only hook
