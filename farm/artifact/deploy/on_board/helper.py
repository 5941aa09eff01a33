"""Runs on the board: finds out which contents are there, takes the missing ones, puts each in place when it is right.

Python >= 3.5, standard library alone. It is sent over for every deployment and leaves nothing of itself. Messages in
are literals of Python behind a length of four bytes, some with raw bytes after them; answers are JSON, one a line, and
written by hand: to load ``json`` takes a board as long as Python's own start.
"""

import errno
import fcntl
import os
import signal
import struct
import sys
import threading
import time
import zlib

from arriving import opened, receive
from chunks import fill, note
from contents import survey

_PIPE = 1 << 20
_SETPIPE_SZ = 1031
_TAKEOVER_S = 10.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ESCAPED = {code: "\\u%04x" % code for code in [*range(32), ord('"'), ord("\\")]}
_WORDS = {None: "null", True: "true", False: "false"}


class Wire:
    """What the controller sends."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        try:
            fcntl.fcntl(descriptor, _SETPIPE_SZ, _PIPE)  # fewer switches between the SSH server and this process
        except OSError:
            pass  # no pipe, or more than the board allows

    def some(self, size):
        data = os.read(self.descriptor, min(size, 1 << 17))
        if not data:
            raise EOFError("the link broke")
        return data

    def exactly(self, size):
        pieces = []
        while size:
            pieces.append(self.some(size))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def number(self):
        return struct.unpack("<I", self.exactly(4))[0]

    def numbers(self, kinds, count):
        """Return so many tuples of numbers: as text they would be taken apart a hundred times as slowly."""
        form = struct.Struct("<" + kinds)
        return list(form.iter_unpack(self.exactly(form.size * count)))

    def message(self):
        text = zlib.decompress(self.exactly(self.number())).decode()
        return eval(text, {"__builtins__": {}})  # noqa: S307 -- by whom this program was written, too


def alone():
    """See that no other deployment works here. An earlier one belongs to a controller that lost its link, or its lease.

    Returns the descriptor that keeps others out: it ends with this process, and with the script that it runs.
    """
    descriptor = os.open("deploying", os.O_RDWR | os.O_CREAT, 0o644)
    until = time.monotonic() + _TAKEOVER_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).strip()
            if time.monotonic() > until:
                raise OSError(errno.EBUSY, "another deployment runs here, process %s" % holder.decode()) from None
            try:
                if os.path.samefile("/proc/%d/cwd" % int(holder), "."):  # none that got the number of a dead one
                    os.kill(int(holder), signal.SIGTERM)
            except (OSError, ValueError):
                pass  # it has just ended, or not yet said its number
            time.sleep(0.02)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def written(answer):
    """Return an answer as JSON, which may hold anything but numbers that are none."""
    if isinstance(answer, dict):
        return "{%s}" % ",".join(written(str(key)) + ":" + written(answer[key]) for key in answer)
    if isinstance(answer, (list, tuple)):
        return "[%s]" % ",".join(map(written, answer))
    if isinstance(answer, str):
        return '"%s"' % answer.translate(_ESCAPED)
    return _WORDS[answer] if answer is None or isinstance(answer, bool) else repr(answer)


def link(links):
    """Put the names in place, each by a rename where another is there."""
    for path, target in links:
        try:
            if os.readlink(path) == target:
                continue
        except OSError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.islink("link.new"):
            os.unlink("link.new")
        os.symlink(target, "link.new")
        os.rename("link.new", path)


def load():
    """Load what is needed at the end while the link is waited for: it takes as long as all the rest."""
    import subprocess  # noqa: F401


def run(script, lock):
    """Run commands; they keep others out, too: whoever takes over ends this process, and not them."""
    import subprocess

    pipe = subprocess.PIPE
    process = subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, pass_fds=(lock,)
    )
    out, err = process.communicate()
    return {"status": process.returncode, "out": out.decode("utf-8", "replace"), "err": err.decode("utf-8", "replace")}


def talk(wire, say, lock):
    """Do what is asked until nothing more is."""
    wanted = []
    while True:
        asked = wire.message()
        what = asked["do"]
        if what == "survey":
            wanted = asked["blobs"]
            say(survey(wanted, asked["large"]))
            threading.Thread(target=load).start()
        elif what == "more":
            exec(zlib.decompress(wire.exactly(asked["size"])), globals())  # noqa: S102 -- the rest of this program
        elif what == "fill":
            recipes = [(name, wire.exactly(size)) for name, size in asked["recipes"]]
            begun = time.monotonic()
            say({"missing": {name: fill(name, recipe) for name, recipe in recipes}, "s": time.monotonic() - begun})
        elif what == "receive":
            plan = [(name, wire.numbers("QQ", count)) for name, count in asked["plan"]]
            say(receive(plan, dict(wanted), opened(wire, asked["codec"])))
        elif what == "note":
            for name, count in asked["lengths"]:
                note(name, [length for (length,) in wire.numbers("I", count)])
        elif what == "run":
            link([(path, "../" * path.count("/") + "blobs/" + wanted[number][0]) for path, number in asked["links"]])
            say(run(asked["script"], lock))
        else:
            return


def main(stdin, stdout):
    """Serve one deployment in the work folder; 0 when it was told the end, 1 otherwise."""

    def say(answer):
        write = written(answer).encode("utf-8", "replace") + b"\n"
        while write:
            write = write[os.write(stdout, write) :]

    def taken_over(*_):
        say({"error": "another deployment has taken over", "errno": 0})
        os._exit(1)

    lock = None
    try:
        lock = alone()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, taken_over)
        say({"ready": "%d.%d" % sys.version_info[:2]})
        talk(Wire(stdin), say, lock)
    except EOFError:
        return 1
    except (OSError, ValueError, zlib.error) as error:
        if getattr(error, "errno", None) in _FULL:
            for name in os.listdir("incoming"):
                os.unlink("incoming/" + name)  # what else runs on the board needs the space
        say({"error": str(error), "errno": getattr(error, "errno", None) or 0})
        return 1
    finally:
        if lock is not None:
            os.close(lock)
    return 0
