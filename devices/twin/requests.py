"""How a program on the board asks for a restart: it writes a line into a FIFO."""

import os
import threading
from collections.abc import Callable
from pathlib import Path


class Requests:
    """Reads the FIFO; calls back with each line."""

    def __init__(self, path: Path, on_line: Callable[[str], None]) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        self._path, self._on_line = path, on_line
        self._closing = False
        self._fifo = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # a writer too: the reader never sees an end
        self._thread = threading.Thread(target=self._listen, name="twin-requests", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the FIFO."""
        self._closing = True
        os.write(self._fifo, b"\n")  # wakes the reader
        self._thread.join()
        os.close(self._fifo)
        self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        while True:
            lines = os.read(self._fifo, 4096)
            if self._closing:
                return
            for line in lines.decode("ascii", "replace").splitlines():
                self._on_line(line)
