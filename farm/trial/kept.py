"""What a runner keeps in a file on the board, so that a link that breaks loses nothing."""

import secrets
from collections.abc import Generator
from contextlib import suppress
from shlex import quote
from time import monotonic_ns, sleep

from devices.errors import ConnectionLost, DeviceError
from devices.shell import Line, Shell

_AGAIN_S = 1.0
"""Between two attempts to reach the board."""
_CLEAR_S = 30.0
_END_S = 10.0

_CLEAR = """\
mkdir -p {folder} && cd {folder} || exit 1
for file in *.pid; do
  [ -e "$file" ] || continue
  grep -qa -- "${{file%.pid}}" "/proc/$(cat "$file")/cmdline" 2>/dev/null && kill -9 "$(cat "$file")"
  rm -f "$file" "${{file%.pid}}"
done
true
"""
"""A process of that number that was started with another file is not the one that wrote it."""


class Kept:
    """One run's file."""

    def __init__(self, shell: Shell, folder: str, runner_path: str) -> None:
        """Name a file in a folder on the board, which only one run at a time may use; "": nothing is kept."""
        self._shell, self._folder, self._runner_path = shell, folder, runner_path
        self.path = f"{folder}/{secrets.token_hex(6)}.jsonl" if folder else ""
        self.away_s = 0.0
        """How long there was no link, in all."""
        self._status = 0
        self._said = b""

    def clear(self) -> None:
        """End what an earlier run, or this one, has left behind, and remove its files."""
        if not self.path:
            return
        self._shell.run(_CLEAR.format(folder=quote(self._folder)), timeout_s=_CLEAR_S)

    def lines(self, command: str, *, timeout_s: float, idle_timeout_s: float) -> Generator[Line]:
        """Yield what the runner says; after a broken link what it has kept, until its end.

        Raises:
            ConnectionLost: the board was not reached again in time.
            DeadlineExceeded: it says nothing, or is not over in time.
        """
        seen, end_ns = 0, monotonic_ns() + int(timeout_s * 1e9)
        lost: ConnectionLost | None = None
        lost_ns = 0
        while True:
            try:
                with self._shell.stream(command, timeout_s=(end_ns - monotonic_ns()) / 1e9) as stream:
                    for line in stream.lines(idle_timeout_s=idle_timeout_s):
                        if lost is not None:
                            self.away_s, lost = self.away_s + (monotonic_ns() - lost_ns) / 1e9, None
                        yield from self._hand_out(line)
                        seen += 1
                    self._status = stream.exit_status(timeout_s=_END_S)
                    self._said = stream.stderr()
                    return
            except ConnectionLost as error:
                if not self.path:
                    raise
                if lost is None:
                    lost, lost_ns = error, monotonic_ns()
            except DeviceError:
                if lost is None:
                    raise
            if monotonic_ns() > end_ns:
                raise lost
            sleep(_AGAIN_S)
            words = ["python3", "-u", f"{self._runner_path}/follow.py", self.path, str(seen)]
            command = "exec " + " ".join(map(quote, words))

    def _hand_out(self, line: Line) -> Generator[Line]:
        """Yield a line; where nobody wants another, end the runner before the stream, whose output it holds open."""
        try:
            yield line
        except GeneratorExit:
            self.end()
            raise

    def ended(self) -> tuple[int, str]:
        """Return exit status and standard error of what ran last."""
        return self._status, self._said.decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End the runner, if it still runs, and remove the file; a board that is away is left as it is."""
        with suppress(DeviceError):  # the next run there ends it
            self.clear()
