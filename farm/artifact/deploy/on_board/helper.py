"""Runs on the board: finds out which contents are there, takes the missing ones, puts each in place when it is right.

Python >= 3.5, standard library alone. It is sent over for every deployment and leaves nothing of itself. Messages in
are JSON behind a length of four bytes, some with raw bytes after them; answers are JSON, one a line.
"""

import errno
import fcntl
import hashlib
import json
import os
import signal
import sys
import threading
import time
import zlib

from arriving import Wire, opened
from contents import fill, replace, survey, write_all

_PIECE = 1 << 17
_MIB = 1 << 20
_TAKEOVER_S = 10.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def alone():
    """See that no other deployment works here. An earlier one belongs to a controller that lost its link, or its lease.

    Returns the descriptor that keeps others out: it ends with this process.
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


class Target:
    """Takes the missing stretches of one content, in their order."""

    def __init__(self, name, size, stretches):
        self.name, self.size = name, size
        self.stretches = [list(one) for one in stretches if one[1]]
        self.descriptor = os.open("incoming/" + name, os.O_RDWR | os.O_CREAT, 0o644)
        self.digest, self.hashed = hashlib.sha256(), 0

    def take(self, data):
        """Write what belongs here and return the rest."""
        while data and self.stretches:
            offset, left = self.stretches[0]
            mine, data = data[:left], data[left:]
            write_all(self.descriptor, mine, offset)
            self.stretches[0] = [offset + len(mine), left - len(mine)]
            if left == len(mine):
                self.stretches.pop(0)
        return data

    def hash_some(self, most):
        """Hash on, as far as everything is there; return how much that was."""
        end = self.stretches[0][0] if self.stretches else self.size
        data = os.pread(self.descriptor, min(most, end - self.hashed), self.hashed)
        self.digest.update(data)
        self.hashed += len(data)
        return len(data)

    def is_right(self):
        os.ftruncate(self.descriptor, self.size)
        while self.hash_some(_MIB):
            pass
        return self.hashed == self.size and self.digest.hexdigest() == self.name


def receive(plan, sizes, source):
    """Take everything that was announced; return which contents arrived as they should, and which did not.

    Whatever is there is hashed while nothing comes: over a slow link that is done when the last byte arrives.
    """
    begun = time.monotonic()
    targets = [Target(name, sizes[name], stretches) for name, stretches in plan]
    at = 0
    for data in source.pieces():
        data = memoryview(data)
        while data:
            while not targets[at].stretches:
                at += 1
            data = targets[at].take(data)
        while source.idle() and targets[at].hash_some(2 * _PIECE):
            pass
    received = time.monotonic()
    flushing = Flushing([target.descriptor for target in targets])
    fine = [target.is_right() for target in targets]
    hashed = time.monotonic()
    sync_s = flushing.finish()
    placed = [target.name for target, is_right in zip(targets, fine) if is_right]
    bad = [target.name for target, is_right in zip(targets, fine) if not is_right]
    for target in targets:
        os.close(target.descriptor)
    for name in placed:
        os.rename("incoming/" + name, "blobs/" + name)
    for name in bad:
        os.unlink("incoming/" + name)
    if placed:
        sync("blobs")
    times = {"receive_s": received - begun, "hash_s": hashed - received, "sync_s": sync_s}
    return dict(times, placed=placed, bad=bad, settle_s=time.monotonic() - received)


class Flushing:
    """Writes contents to the disk from a thread: only what is there, and not on its way there, may get its name."""

    def __init__(self, descriptors):
        self.descriptors, self.fault, self.seconds = descriptors, None, 0.0
        self.thread = threading.Thread(target=self.flush)
        self.thread.start()

    def flush(self):
        begun = time.monotonic()
        try:
            if len(self.descriptors) > 4:
                os.sync()  # one wait for all: an SD card takes as long for each
            else:
                for descriptor in self.descriptors:
                    os.fsync(descriptor)
        except OSError as error:
            self.fault = error
        self.seconds = time.monotonic() - begun

    def finish(self):
        """Wait, and return how long it took."""
        self.thread.join()
        if self.fault is not None:
            raise self.fault
        return self.seconds


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def run(script):
    import subprocess  # takes as long to load as all the rest

    process = subprocess.Popen(
        ["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = process.communicate()
    return {"status": process.returncode, "out": out.decode("utf-8", "replace"), "err": err.decode("utf-8", "replace")}


def talk(wire, say):
    """Do what is asked until nothing more is."""
    wanted, sizes = [], {}
    while True:
        asked = wire.message()
        what = asked["do"]
        if what == "survey":
            wanted = [(name, size) for name, size in asked["blobs"]]
            sizes = dict(wanted)
            say(survey(wanted, asked["large"]))
        elif what == "fill":
            recipes = [(name, wire.exactly(size)) for name, size in asked["recipes"]]
            begun = time.monotonic()
            say({"missing": {name: fill(name, recipe) for name, recipe in recipes}, "s": time.monotonic() - begun})
        elif what == "receive":
            say(receive(asked["plan"], sizes, opened(wire, asked["codec"])))
        elif what == "note":
            os.makedirs("chunks", exist_ok=True)
            for name, size in asked["recipes"]:
                replace("chunks/" + name, wire.exactly(size))
        elif what == "run":
            link(asked["links"])
            say(run(asked["script"]))
        else:
            return


def main(stdin, stdout):
    """Serve one deployment in the work folder; 0 when it was told the end, 1 otherwise."""

    def say(answer):
        write = json.dumps(answer).encode() + b"\n"
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
        talk(Wire(stdin), say)
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
