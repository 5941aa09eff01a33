"""Tells somebody of a change of state by a command of his own."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ..errors import UsageFault
from ..store.health import Turn

DEADLINE_S = 30.0
"""Assumed: a mail or a chat message is on its way by then."""
_AT_ONCE = 8
_END_S = 2.0


class Notifier:
    """Runs a command for each change, beside whatever else goes on. A command that fails is told, and no more."""

    def __init__(self, command: str, warn: Callable[[str], None], *, deadline_s: float = DEADLINE_S) -> None:
        """Take the command line, as a shell would read it; no shell runs it.

        Raises:
            UsageFault: there is no such program.
        """
        self._words = _words(command)
        self._warn, self._deadline_s = warn, deadline_s
        self._pool = ThreadPoolExecutor(_AT_ONCE, "notify")

    def tell(self, turns: Iterable[Turn]) -> None:
        """Run the command for each: FARM_BOARD, FARM_STATE, FARM_WAS and FARM_REASON tell it what happened."""
        for turn in turns:
            self._pool.submit(self._run, turn)

    def close(self) -> None:
        """Wait for the commands that run; each ends by its deadline."""
        self._pool.shutdown()

    def __enter__(self) -> "Notifier":
        """Return the notifier itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what runs."""
        self.close()

    def _run(self, turn: Turn) -> None:
        told = {"FARM_BOARD": turn.board, "FARM_STATE": turn.state, "FARM_WAS": turn.was, "FARM_REASON": turn.why}
        what = f"--notify {self._words[0]}, for {turn.board}"
        try:
            child = subprocess.Popen(
                self._words,
                env=os.environ | told,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._warn(f"{what}: cannot be started: {error.strerror}")
            return
        with child:
            try:
                output, _ = child.communicate(timeout=self._deadline_s)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)  # with whatever it has started
                self._warn(f"{what}: is not over after {self._deadline_s:g} s, and was ended")
                return
        if child.returncode:
            last = output.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"
            self._warn(f"{what}: ended with status {child.returncode}: {last[:200]}")


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageFault(f"--notify {command!r}: {error}; quote it as for a shell") from error
    if not words or shutil.which(words[0]) is None:
        raise UsageFault(f"--notify {command!r}: there is no such program; give its path, or sh -c '…'")
    return words
