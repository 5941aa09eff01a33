"""A port of this machine's that stays one board's."""

import errno
import random
import socket

_OWN = range(10_000, 32_768)
"""Below what Linux gives to whoever asks for any port (ip_local_port_range, as shipped)."""
_TRIES = 200


def reserved_port() -> socket.socket:
    """Return a bound socket that never listens: a server may listen there beside it; nobody else is given the port."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


def reserved_udp_port() -> socket.socket:
    """Return a TCP socket, bound to a number that is free for UDP too; QEMU binds that when the board is on.

    QEMU shares a UDP port with nobody, so none can be held for it: the number is kept from other twins by the TCP
    socket, and from the rest by being one that is given to nobody who does not ask for it.
    """
    for port in random.sample(_OWN, _TRIES):
        reserved = socket.socket()
        try:
            reserved.bind(("127.0.0.1", port))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", port))
        except OSError as error:
            reserved.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return reserved
    raise RuntimeError(f"none of {_TRIES} UDP ports from {_OWN.start} to {_OWN.stop} is free")
