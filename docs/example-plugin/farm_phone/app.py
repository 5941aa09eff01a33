"""The test app on the phone, as a :class:`devices.shell.Shell` whose commands are the app's own words.

One connection a request, one JSON object a line: ``{"do": WORD, …}`` is answered by ``{"ok": true, …}`` or by
``{"ok": false, "why": TEXT}``. The app knows ``true``, ``identity``, ``state``, ``put`` and ``get``.
"""

import base64
import json
import socket
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from devices.errors import CommandFailed, ConnectionLost, DeadlineExceeded, Unreachable
from devices.shell import Result, Stream

_CONNECT_S = 5.0
"""The forwarder is on this host."""


class AppConfig(BaseModel):
    """Where the phone's app is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(ge=1, le=65535)
    """On this host, forwarded over USB to the app."""


class PhoneShell:
    """What the app can be asked; a new connection for every request, so that a phone may come and go."""

    Config: ClassVar[type[BaseModel]] = AppConfig

    def __init__(self, name: str, port: int) -> None:
        """Name the phone; nothing is connected yet."""
        self.name, self._port = name, port

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Name the phone; the first request connects."""
        return cls(name, AppConfig.model_validate(config).port)

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Ask the app; its answer is the output, as JSON."""
        del stdin
        answer = self._ask({"do": command}, timeout_s)
        if answer.get("ok") is True:
            return Result(command, 0, json.dumps(answer).encode(), b"")
        why = str(answer.get("why", "it does not say why"))
        if check:
            raise CommandFailed(self.name, f"`{command}`: the app says: {why}", exit_status=1, stderr=why)
        return Result(command, 1, b"", why.encode())

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Refuse: an app is never root."""
        del timeout_s, stdin, check
        self._cannot(command)

    def stream(self, command: str, *, timeout_s: float) -> Stream:
        """Refuse: the app answers once."""
        del timeout_s
        self._cannot(command)

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Write a file into the app's container."""
        del mode
        content = source if isinstance(source, bytes) else source.read_bytes()
        answer = self._ask({"do": "put", "path": path, "base64": base64.b64encode(content).decode()}, timeout_s)
        if answer.get("ok") is not True:
            raise CommandFailed(self.name, f"{path}: the app says: {answer.get('why')}", exit_status=1)
        return len(content)

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return a file of the app's container."""
        answer = self._ask({"do": "get", "path": path}, timeout_s)
        if answer.get("ok") is not True:
            raise CommandFailed(self.name, f"{path}: the app says: {answer.get('why')}", exit_status=1)
        return base64.b64decode(str(answer.get("base64")))

    def close(self) -> None:
        """There is nothing to close between requests."""

    def _cannot(self, command: str) -> NoReturn:
        raise CommandFailed(self.name, f"`{command}`: a phone's app cannot do that", exit_status=126)

    def _ask(self, request: dict[str, str], timeout_s: float) -> dict[str, Any]:
        try:
            with socket.create_connection(("127.0.0.1", self._port), min(_CONNECT_S, timeout_s)) as link:
                link.settimeout(timeout_s)
                link.sendall(json.dumps(request).encode() + b"\n")
                with link.makefile("rb") as lines:
                    line = lines.readline()
        except ConnectionRefusedError as error:
            hint = "is the phone plugged in, and the USB forwarder of this host running?"
            raise Unreachable(self.name, f"nothing listens on port {self._port}", hint=hint) from error
        except TimeoutError as error:
            raise DeadlineExceeded(self.name, f"the app did not answer within {timeout_s:g} s") from error
        except OSError as error:
            raise ConnectionLost(self.name, str(error)) from error
        if not line.endswith(b"\n"):
            hint = "is the app in the foreground, and the phone unlocked?"
            raise ConnectionLost(self.name, "the app hung up in the middle of an answer", hint=hint)
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise ConnectionLost(self.name, f"no JSON from the app: {line[:40]!r}") from error
        if not isinstance(answer, dict):
            raise ConnectionLost(self.name, f"no JSON object from the app: {line[:40]!r}")
        return cast("dict[str, Any]", answer)
