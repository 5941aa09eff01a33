"""Runs a program and puts the time before each of its lines; tells the time when asked. What is sent to a board.

It needs the standard library of Python 3.5. A line ``text`` becomes ``123456789 text``, the question ``7`` is answered
``? 7 123456789``: both are ns of CLOCK_MONOTONIC. With the end of its input it ends the program, and then itself.
"""

import os
import subprocess
import sys
import threading
import time


def now() -> bytes:
    """Return the time, in digits."""
    read = getattr(time, "clock_gettime_ns", None)  # Python 3.7
    clock = time.CLOCK_MONOTONIC
    return str(read(clock) if read is not None else int(time.clock_gettime(clock) * 1e9)).encode()


def say(line: bytes) -> None:
    """Write a line at once: two that are written at one time do not mix."""
    os.write(1, line)


def answer(program: "subprocess.Popen[bytes]") -> None:
    """Answer until there are no more questions."""
    for question in iter(sys.stdin.readline, ""):
        say(b"? " + question.strip().encode() + b" " + now() + b"\n")
    program.terminate()


def main() -> None:
    """Run what the command line says."""
    words = sys.argv[1:]
    try:
        program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    except OSError as error:
        sys.exit(words[0] + ": " + os.strerror(error.errno or 0))
    threading.Thread(target=answer, args=(program,), daemon=True).start()
    if program.stdout is not None:
        for line in iter(program.stdout.readline, b""):
            say(now() + b" " + line)
    sys.exit(program.wait())


if __name__ == "__main__":
    main()
