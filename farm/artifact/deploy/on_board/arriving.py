"""Takes contents as they were packed for the wire. Comes after ``helper.py``, where any is missing."""

import hashlib
import os
import threading
import time
import zlib

from chunks import write_all
from contents import has_zstd, zstd_module

_PIECE = 1 << 17
_FLUSHED = 8 << 20


class Stored:
    """Contents as they are."""

    def __init__(self, wire):
        self.wire = wire

    def pieces(self):
        size = self.wire.number()
        while size:
            while size:
                data = self.wire.some(size)
                size -= len(data)
                yield data
            size = self.wire.number()


class Packed(Stored):
    """Frames that a function of this Python unpacks, each by itself."""

    def __init__(self, wire, unpack):
        Stored.__init__(self, wire)
        self.unpack = unpack

    def pieces(self):
        size = self.wire.number()
        while size:
            yield self.unpack(self.wire.exactly(size))
            size = self.wire.number()


class Piped(Stored):
    """Frames that the board's ``zstd`` unpacks; a thread feeds it, so that neither waits for the other."""

    def pieces(self):
        import subprocess

        process = subprocess.Popen(["zstd", "-dcq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        fault = []

        def feed():
            try:
                for data in Stored.pieces(self):
                    process.stdin.write(data)
            except Exception as error:  # noqa: BLE001 -- raised again where the output ends
                fault.append(error)
            finally:
                try:
                    process.stdin.close()
                except OSError as error:
                    fault.append(error)

        feeder = threading.Thread(target=feed)
        feeder.daemon = True
        feeder.start()
        while True:
            data = os.read(process.stdout.fileno(), _PIECE)
            if not data:
                break
            yield data
        feeder.join()
        process.stdout.close()
        status = process.wait()
        if fault or status:
            raise fault[0] if fault else ValueError("zstd ended with status %d" % status)


def opened(wire, codec):
    if codec == "none":
        return Stored(wire)
    if codec == "zlib":
        return Packed(wire, zlib.decompress)
    return Piped(wire) if has_zstd() else Packed(wire, zstd_module())


class Target:
    """Takes the missing stretches of one content, in their order."""

    def __init__(self, name, size, stretches):
        self.name, self.size = name, size
        self.stretches = [list(one) for one in stretches if one[1]]
        self.descriptor = os.open("incoming/" + name, os.O_RDWR | os.O_CREAT, 0o644)
        self.ready = self.stretches[0][0] if self.stretches else size
        self.digest, self.hashed, self.flushed = hashlib.sha256(), 0, 0

    def take(self, data):
        """Write what belongs here and return the rest."""
        while data and self.stretches:
            offset, left = self.stretches[0]
            mine, data = data[:left], data[left:]
            write_all(self.descriptor, mine, offset)
            self.stretches[0] = [offset + len(mine), left - len(mine)]
            if left == len(mine):
                self.stretches.pop(0)
            self.ready = self.stretches[0][0] if self.stretches else self.size
        return data

    def hash_some(self):
        """Hash on, as far as everything is there, and have it written to the disk; return how much that was."""
        data = os.pread(self.descriptor, min(_PIECE, self.ready - self.hashed), self.hashed)
        self.digest.update(data)
        self.hashed += len(data)
        if self.hashed - self.flushed >= _FLUSHED:
            # Linux begins to write what of it has changed; what is unwritten stays in memory
            os.posix_fadvise(self.descriptor, self.flushed, self.hashed - self.flushed, os.POSIX_FADV_DONTNEED)
            self.flushed = self.hashed
        return len(data)

    def is_right(self):
        return self.hashed == self.size and self.digest.hexdigest() == self.name


class Behind(threading.Thread):
    """Hashes what has arrived, and begins to write it to the disk, while more comes."""

    def __init__(self, targets):
        threading.Thread.__init__(self)
        self.targets, self.more, self.over = targets, threading.Event(), False
        self.fault, self.seconds = None, 0.0

    def run(self):
        try:
            for target in self.targets:
                self.follow(target)
        except Exception as error:  # noqa: BLE001 -- raised again by end()
            self.fault = error

    def follow(self, target):
        while target.hashed < target.size:
            self.more.clear()
            over = self.over  # before it is looked: then nothing comes behind
            begun = time.monotonic()
            if not target.hash_some():
                if over:
                    return
                self.more.wait()
            else:
                self.seconds += time.monotonic() - begun

    def end(self):
        """Wait until everything that came is hashed."""
        self.over = True
        self.more.set()
        self.join()
        if self.fault is not None:
            raise self.fault


def receive(plan, sizes, source):
    """Take everything that was announced; return which contents arrived as they should, and which did not."""
    begun = time.monotonic()
    targets = [Target(name, sizes[name], stretches) for name, stretches in plan]
    behind = Behind(targets)
    behind.start()
    at = 0
    try:
        for data in source.pieces():
            data = memoryview(data)
            while data:
                while not targets[at].stretches:
                    at += 1
                data = targets[at].take(data)
            behind.more.set()
        for target in targets:
            os.ftruncate(target.descriptor, target.size)
        received = time.monotonic()
    finally:
        behind.end()
    hashed = time.monotonic()
    flush([target.descriptor for target in targets])
    flushed = time.monotonic()
    placed = [target.name for target in targets if target.is_right()]
    bad = [target.name for target in targets if not target.is_right()]
    for target in targets:
        os.close(target.descriptor)
    for name in placed:
        os.rename("incoming/" + name, "blobs/" + name)
    for name in bad:
        os.unlink("incoming/" + name)
    if placed:
        sync("blobs")
    times = {"receive_s": received - begun, "hash_s": behind.seconds, "sync_s": flushed - hashed}
    return dict(times, placed=placed, bad=bad, settle_s=time.monotonic() - received)


def flush(descriptors):
    """Wait until contents are on the disk: only what is there, and not on its way there, may get its name."""
    if len(descriptors) > 4:
        os.sync()  # one wait for all: an SD card takes as long for each
    else:
        for descriptor in descriptors:
            os.fsync(descriptor)


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
