"""A port of this machine's that stays one board's."""

import socket


def reserved_port() -> socket.socket:
    """Return a bound socket that never listens: a server may listen there beside it; nobody else is given the port."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved
