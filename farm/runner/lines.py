"""Events to the controller: JSON lines, in batches, and never while a frame waits.

Where they are kept in a file as well, a link that breaks ends nothing: they can be read there afterwards. And where
the file takes no more, for its disk is full, the link alone has them.
"""

import collections
import json
import os
import select

from boardclock import now_ns

_PIECE_BYTES = 4096
"""A pipe that polls writable takes this much without blocking (PIPE_BUF on Linux)."""
_BATCH_NS = 500 * 1000 * 1000
"""Two lines a second keep the controller's reader idle, and its deadline far away."""
_SLACK_NS = 3 * 1000 * 1000
"""Assumed: writing half a second of frames takes well under 1 ms on the slowest board."""
_PATIENCE_S = 1.0
"""What has to be said at once waits so long for its listener; he has gone then, where a file keeps what he misses
(assumed)."""
_BEHIND_BYTES = 1 << 20
"""A listener that is behind by so much has gone, too: several minutes of frames, on the busiest board (assumed)."""
_LATEST_NS = 5 * 1000 * 1000 * 1000
"""A runner that is behind has no slack; after this long it writes all the same, to show that it lives."""


class Lines:
    """The runner's standard output, and the file that keeps the same."""

    def __init__(self, descriptor, kept=None):
        """Write to an open descriptor, and to another one that is a file's."""
        self._descriptor, self._kept = descriptor, kept
        self._deaf = False
        self._rows = []
        self._pending = collections.deque()
        self._pending_bytes = 0
        self._written_ns = now_ns()
        self.spent_ns = 0
        """On writing while there were frames to come."""

    def event(self, name, **values):
        """Write one event at once, blocking."""
        values["event"] = name
        self._say(json.dumps(values, sort_keys=True))
        self._push(blocking=True)

    def row(self, values):
        """Keep one row of the coming ``frames`` or ``scored`` event."""
        self._rows.append(values)

    def breathe(self, due_ns):
        """Write what has gathered, if the next frame is far enough away; None: it waits for this."""
        now = now_ns()
        age_ns = now - self._written_ns
        slack = due_ns is None or due_ns - now >= _SLACK_NS
        if age_ns < _BATCH_NS or (not slack and age_ns < _LATEST_NS):
            return
        if self._rows:
            self._gather("frames")
        self._written_ns = now
        self._push(blocking=False)
        self.spent_ns += now_ns() - now

    def flush(self, name):
        """Write all rows that are left, blocking."""
        if self._rows:
            self._gather(name)
        self._push(blocking=True)
        self._written_ns = now_ns()

    def _gather(self, name):
        self._say(json.dumps({"event": name, "rows": self._rows}, separators=(",", ":")))
        self._rows = []

    def _say(self, text):
        line = text.encode("ascii") + b"\n"
        self._keep(line)
        if not self._deaf:
            self._pending.extend(line[at : at + _PIECE_BYTES] for at in range(0, len(line), _PIECE_BYTES))
            self._pending_bytes += len(line)

    def _keep(self, line):
        """Write to the file; where that is not to be done, go on without it, and say so to whoever listens."""
        try:
            while self._kept is not None and line:
                line = line[os.write(self._kept, line) :]
        except OSError as error:
            if self._deaf:
                raise  # nobody will ever know what is said from here on
            os.close(self._kept)
            self._kept = None
            self._say(json.dumps({"event": "unkept", "why": str(error)}))

    def _push(self, blocking):
        patience_s = (None if self._kept is None else _PATIENCE_S) if blocking else 0
        while self._pending:
            if not select.select([], [self._descriptor], [], patience_s)[1]:
                if self._kept is not None and (blocking or self._pending_bytes > _BEHIND_BYTES):
                    self._give_up()
                return
            piece = self._pending.popleft()
            try:
                written = os.write(self._descriptor, piece)
            except OSError:
                if self._kept is None:
                    raise
                self._give_up()
                return
            self._pending_bytes -= written
            if written < len(piece):
                self._pending.appendleft(piece[written:])

    def _give_up(self):
        """Nobody listens any more: from here on the file alone has it."""
        self._deaf, self._pending_bytes = True, 0
        self._pending.clear()
