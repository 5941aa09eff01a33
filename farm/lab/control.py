"""How the farm talks to a bench process of twins: one JSON line each way, on loopback, with a token."""

import hmac
import json
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

_LONGEST_LINE = 65_536
_LOOPBACK = "127.0.0.1"

Request = dict[str, Any]
Answer = Callable[[Request], Any]
"""Takes a request without its token; returns what JSON can carry, or raises ValueError with what is wrong."""


class Refused(Exception):
    """The bench process refuses the request: its words."""


class NoAnswer(Exception):
    """The bench process does not answer."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a bench process listens, and the token it wants."""

    port: int
    token: str

    def ask(self, op: str, *, timeout_s: float = 10.0, **arguments: object) -> Any:  # noqa: ANN401 -- any JSON value
        """Return the answer to one request.

        Raises:
            Refused: the request is wrong.
            NoAnswer: nobody is there, or not within ``timeout_s``.
        """
        line = json.dumps({"token": self.token, "op": op, **arguments}).encode() + b"\n"
        try:
            with socket.create_connection((_LOOPBACK, self.port), timeout_s) as link, link.makefile("rb") as answers:
                link.sendall(line)
                answer = json.loads(answers.readline(_LONGEST_LINE))
        except (OSError, ValueError) as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer["value"]


class ControlServer:
    """Answers requests from threads of its own, until closed."""

    def __init__(self, token: str, answer: Answer) -> None:
        """Listen on a free port."""
        self._server = _Server((_LOOPBACK, 0), _Handler)
        self._server.token, self._server.answer = token, answer
        self.door = Door(self._server.server_address[1], token)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False  # one who connects and says nothing must not hold us
    token: str
    answer: Answer


class _Handler(socketserver.StreamRequestHandler):
    timeout = 10.0

    def handle(self) -> None:
        server = cast("_Server", self.server)
        try:
            request = cast("Request", json.loads(self.rfile.readline(_LONGEST_LINE)))
            token = str(request.pop("token"))
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return  # not one of ours: no word to it
        if not hmac.compare_digest(token.encode(), server.token.encode()):
            return
        try:
            reply = {"value": server.answer(request)}
        except (ValueError, KeyError) as error:
            reply = {"refused": str(error)}
        self.wfile.write(json.dumps(reply).encode() + b"\n")
