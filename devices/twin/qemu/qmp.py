"""QEMU's machine protocol: one JSON object a line, one answer a command, events in between."""

import json
import socket
import threading
from typing import Any, cast

_ANSWER_S = 30.0
"""QEMU answers within milliseconds; assumed, on a very busy machine."""


class QmpFault(Exception):
    """QEMU refuses a command, or does not answer."""


class Qmp:
    """One connection. Commands may come from several threads."""

    def __init__(self, link: socket.socket) -> None:
        """Take a connected socket; nothing is said on it before the first command."""
        self._link = link
        link.settimeout(_ANSWER_S)
        self._lines = link.makefile("rb")
        self._lock = threading.Lock()
        self._greeted = False

    def execute(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 -- any JSON value
        """Return the answer to one command.

        Raises:
            QmpFault: QEMU refuses, is gone, or does not answer.
        """
        with self._lock:
            try:
                if not self._greeted:
                    self._lines.readline()  # its version
                    self._ask("qmp_capabilities", {})
                    self._greeted = True
                return self._ask(command, arguments)
            except (OSError, ValueError) as error:
                raise QmpFault(f"QEMU does not answer to {command}: {error or type(error).__name__}") from error

    def monitor(self, line: str) -> str:
        """Return what the monitor for people answers: for the few things that QMP itself has not."""
        return str(self.execute("human-monitor-command", **{"command-line": line}))

    def close(self) -> None:
        """Let go of the connection."""
        self._lines.close()
        self._link.close()

    def _ask(self, command: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401 -- any JSON value
        self._link.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = cast("dict[str, Any]", json.loads(self._lines.readline()))
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise QmpFault(f"QEMU refuses {command}: {answer['error'].get('desc', answer['error'])}")
