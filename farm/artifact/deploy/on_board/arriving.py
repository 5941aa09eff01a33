"""What arrives on the board: messages, and contents as they were packed for the wire. A part of ``helper.py``."""

import fcntl
import json
import os
import select
import struct
import sys
import threading
import zlib

_PIECE = 1 << 17
_PIPE = 1 << 20
_SETPIPE_SZ = 1031
_IDLE_S = 0.0005
_MODULES = ("compression.zstd", "zstandard")


class Wire:
    """What the controller sends."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        try:
            fcntl.fcntl(descriptor, _SETPIPE_SZ, _PIPE)  # fewer switches between the SSH server and this process
        except OSError:
            pass  # no pipe, or more than the board allows

    def some(self, size):
        data = os.read(self.descriptor, min(size, _PIECE))
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

    def message(self):
        return json.loads(zlib.decompress(self.exactly(self.number())).decode())


class Stored:
    """Contents as they are."""

    def __init__(self, wire):
        self.wire = wire
        self.waits_for = wire.descriptor

    def idle(self):
        """Whether the next piece has yet to come."""
        return not select.select([self.waits_for], [], [], _IDLE_S)[0]

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
        self.waits_for = process.stdout.fileno()
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
            data = os.read(self.waits_for, _PIECE)
            if not data:
                break
            yield data
        feeder.join()
        process.stdout.close()
        status = process.wait()
        if fault or status:
            raise fault[0] if fault else ValueError("zstd ended with status %d" % status)


def has_zstd():
    folders = os.environ.get("PATH", "").split(":")
    return any(os.access(folder + "/zstd", os.X_OK) for folder in folders if folder)


def zstd_module():
    """Return a function that unpacks a frame, or None."""
    if "site" not in sys.modules:
        import site  # this Python was started without, which saves a third of its start

        site.main()
    for name in _MODULES:
        try:
            module = __import__(name, fromlist=["x"])
        except ImportError:
            continue
        if name == "zstandard":
            return module.ZstdDecompressor().decompress
        return module.decompress
    return None


def codecs():
    return (["zstd"] if has_zstd() or zstd_module() else []) + ["zlib", "none"]


def opened(wire, codec):
    if codec == "none":
        return Stored(wire)
    if codec == "zlib":
        return Packed(wire, zlib.decompress)
    return Piped(wire) if has_zstd() else Packed(wire, zstd_module())
