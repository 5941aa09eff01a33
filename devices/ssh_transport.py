"""paramiko's transport without two of its habits: waiting for Nagle, and keeping a command's signal to itself."""

import signal
import socket
from collections.abc import Callable
from typing import Any, cast

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST


class Transport(paramiko.Transport):
    """A command that a signal ended has the status that a shell gives it, 128 + n.

    paramiko drops ``exit-signal`` (RFC 4254, section 6.10), so a killed command would look like a link that broke.
    """


def tuned_transport(
    sock: Any,  # noqa: ANN401 -- paramiko's: a socket, or the channel of a gateway
    disabled_algorithms: Any = None,  # noqa: ANN401 -- paramiko's
) -> Transport:
    """Make a transport without Nagle's delay (44 ms a command) and with the cheapest safe cipher first."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = Transport(sock, disabled_algorithms=disabled_algorithms)
    options = transport.get_security_options()
    # AES-GCM doubles the rate of a transfer over CTR with its separate MAC; CBC and 3DES no board needs
    offered = [c for c in options.ciphers if "cbc" not in c]
    options.ciphers = sorted(offered, key=lambda cipher: "gcm" not in cipher)
    return transport


_Handler = Callable[[paramiko.Channel, paramiko.Message], None]
_HANDLERS = cast("dict[int, _Handler]", paramiko.Transport._channel_handler_table)  # noqa: SLF001  # pyright: ignore -- the only hook


def _request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    start = message.packet.tell()
    if message.get_text() != "exit-signal":
        message.packet.seek(start)
        _HANDLERS[MSG_CHANNEL_REQUEST](channel, message)
        return
    message.get_boolean()  # want_reply is always false
    number = getattr(signal, f"SIG{message.get_text()}", 0)  # 0: one that RFC 4254 has no name for
    channel.exit_status = 128 + number
    channel.status_event.set()


Transport._channel_handler_table = _HANDLERS | {MSG_CHANNEL_REQUEST: _request}  # noqa: SLF001  # pyright: ignore -- the only hook
