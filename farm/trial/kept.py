"""What a run keeps on the board, so that a link that breaks loses nothing, and the shell lines that look after it.

In one folder, which only one run at a time may use, under a name that no other run has::

    <name>.leader  the shell that started it: of the run's own session, which no link's end reaches
    <name>.pid     the program itself
    <name>.jsonl   all that it told, and after its end one line more: ``{"event": "exit", "status": 0}``
    <name>.err     what it said on standard error
    <name>.tail    who reads the file for us

Whatever a board has beside a POSIX shell, ``setsid`` and ``tail``, these need nothing of it.
"""

import re
import secrets
from dataclasses import dataclass
from shlex import quote
from typing import Literal

_SAID_BYTES = 2000
"""Of standard error, the last: what a run died of stands at its end."""

_CLEAR = """\
mkdir -p {folder} && cd {folder} || exit 1
for file in *.leader *.tail; do
  [ -e "$file" ] || continue
  name=${{file%.*}} number=$(cat "$file")
  if tr '\\0' '\\n' 2>/dev/null <"/proc/$number/cmdline" | grep -q -- "$name"; then
    kill -9 "-$number" 2>/dev/null || kill -9 "$number" $(cat "$name.pid") 2>/dev/null
  fi
done
for file in *.leader *.tail *.pid *.jsonl *.err; do
  [ -e "$file" ] && rm -f "$file"
done
true
"""
"""A process of that number that was started with another name is not the one that wrote it. Where there was no setsid
the program is in nobody's group, and ended by its own number."""

_START = """\
cd {folder} || exit 1
trap '' 1
setsid=$(command -v setsid)
$setsid sh -c {inner} {name} &
"""
_INNER = """\
set -C; echo $$ >"$0.leader" || exit 75; set +C
{command} &
echo $! >"$0.pid"
wait $!
s=$?
printf '\\n{{"event": "exit", "status": %d}}\\n' $s >>"$0.jsonl"
exit $s"""
"""What was started is not started again: the second one finds the first one's number (75: EX_TEMPFAIL)."""

_FOLLOW = """\
cd {folder} || exit 1
i=0; while [ ! -e {name}.jsonl ] && [ $i -lt 50 ]; do i=$((i+1)); sleep 0.1; done
echo $$ >{name}.tail
exec tail -n +{line} -f {name}.jsonl
"""

_LOOK = """\
cd {folder} 2>/dev/null || {{ echo none 0; exit; }}
number=$(cat {name}.leader 2>/dev/null)
if [ -z "$number" ]; then state=none
elif tr '\\0' '\\n' 2>/dev/null <"/proc/$number/cmdline" | grep -q -- {name}; then state=runs
elif tail -n 1 {name}.jsonl 2>/dev/null | grep -q '^{{"event": "exit"'; then state=ended
else state=gone
fi
echo $state $(($(wc -l <{name}.jsonl 2>/dev/null || echo 0)))
df -Pk . | tail -n 1
tail -c {said} {name}.err 2>/dev/null
"""

_KILLED = """\
cd {folder} 2>/dev/null && number=$(cat {name}.pid) || exit 0
dmesg | grep -E "Kill(ed)? process $number |oom-kill:.*pid=$number," | tail -n 1
"""
"""Linux: mm/oom_kill.c, before and after 5.0."""

State = Literal["none", "runs", "ended", "gone"]
_LOOKED = re.compile(r"(none|runs|ended|gone) (\d+)\n(?:\S+ +\d+ +\d+ +(-?\d+) [^\n]*\n)?", re.ASCII)
_FULL_BYTES = 64 * 1024
"""With less than this free a run cannot keep what it tells (assumed: a few batches of frames)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as it stands on the board."""

    state: State
    """``none``: nothing of it is there; ``gone``: its process is not, and it has left no word of its end."""
    lines: int
    """That it has kept."""
    full: bool
    """Whether the disk that it is kept on has no space left."""
    said: str
    """The end of its standard error."""


class Kept:
    """One run's files."""

    def __init__(self, folder: str) -> None:
        """Name them; nothing is there yet."""
        self._folder, self.name = quote(folder), secrets.token_hex(6)
        self.path = f"{folder}/{self.name}.jsonl"

    def clear(self) -> str:
        """Return how whatever runs is ended that was started here, and its files are removed."""
        return _CLEAR.format(folder=self._folder)

    def start(self, command: str, *, keeps: bool) -> str:
        """Return how a command is started, and its output shown, until its end.

        ``keeps``: it writes what it tells into the file itself. Else it writes there alone, where nobody keeps it
        waiting, and the file is shown.
        """
        run = f"( {command}\n)" + (' 2>"$0.err"' if keeps else ' >"$0.jsonl" 2>"$0.err"')
        inner = _INNER.format(command=run)
        start = _START.format(folder=self._folder, inner=quote(inner), name=self.name)
        return start + "wait $!" if keeps else start + self.follow(0)

    def follow(self, seen: int) -> str:
        """Return how what it has told and tells is shown after so many lines; that ends with whoever reads it."""
        return _FOLLOW.format(folder=self._folder, name=self.name, line=seen + 1)

    def look(self) -> str:
        """Return how the board is asked how the run stands."""
        return _LOOK.format(folder=self._folder, name=self.name, said=_SAID_BYTES)

    def killed(self) -> str:
        """Return how root asks the kernel whether it has killed the run for want of memory."""
        return _KILLED.format(folder=self._folder, name=self.name)

    @staticmethod
    def seen(text: str) -> Seen | None:
        """Read what the board answers; None when that is no answer."""
        if (found := _LOOKED.match(text + "\n")) is None:
            return None
        free_kb = found[3]
        full = free_kb is not None and int(free_kb) * 1024 < _FULL_BYTES
        return Seen(found[1], int(found[2]), full, text[found.end() :].strip())  # pyright: ignore[reportArgumentType] -- of the pattern


def exit_status(line: bytes) -> int | None:
    """Return the status of the line that stands after a run's end; None for any other line, half of that one too."""
    found = re.fullmatch(rb'\{"event": "exit", "status": (\d+)\}', line)
    return None if found is None else int(found[1])
