"""What the board has: which contents are there and right, and how far others have come. A part of ``helper.py``."""

import hashlib
import os
import sys
import time

_PIECE = 1 << 17
_MIB = 1 << 20
_MARKS = 64
_SETTLED_NS = 2000000000
_MODULES = ("compression.zstd", "zstandard")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while True:
            data = file.read(_PIECE)
            if not data:
                return digest.hexdigest()
            digest.update(data)


def replace(path, data):
    """Write a small file so that it is there whole or not at all."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)


class Verified:
    """Contents whose hash was right since the board booted, and that nobody has touched since: not read again."""

    def __init__(self):
        with open("/proc/sys/kernel/random/boot_id") as file:
            self.boot = file.read().strip()
        try:
            with open("verified") as file:
                boot, *lines = [line.split() for line in file]
            self.noted = {name: [int(one) for one in state] for name, *state in lines} if boot == [self.boot] else {}
        except (OSError, ValueError):
            self.noted = {}
        self.before = dict(self.noted)

    def intact(self, name, size):
        path = "blobs/" + name
        try:
            stat = os.stat(path)
        except OSError:
            return False
        if stat.st_size != size:
            return False
        state = [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
        if self.noted.get(name) == state:
            return True
        self.noted.pop(name, None)
        begun_ns = int(time.time() * 1e9)
        if sha256_of(path) != name:
            return False
        # what is written within one tick of the clock leaves the same times: only a file at rest is noted
        if begun_ns - stat.st_ctime_ns > _SETTLED_NS:
            self.noted[name] = state
        return True

    def keep(self):
        self.noted = {name: state for name, state in self.noted.items() if os.path.exists("blobs/" + name)}
        if self.noted != self.before:
            lines = [" ".join(map(str, [name] + state)) for name, state in sorted(self.noted.items())]
            replace("verified", "\n".join([self.boot] + lines).encode())


def prefix(name, size):
    """Return the hashes of what has arrived of a content, at marks that a torn end leaves usable."""
    step = max(_MIB, -(-size // (_MARKS * _MIB)) * _MIB)
    digest, at, marks = hashlib.sha256(), 0, []
    with open("incoming/" + name, "rb", buffering=0) as file:
        end = min(os.fstat(file.fileno()).st_size, size)
        while at < end:
            data = file.read(min(_PIECE, end - at, step - at % step))
            if not data:
                break
            digest.update(data)
            at += len(data)
            if at % step == 0 or at == end:
                marks.append([at, digest.copy().hexdigest()])
    return marks


def survey(wanted, large):
    """Say which of the wanted contents are there, and what has arrived of the others."""
    begun = time.monotonic()
    verified = Verified()
    have = [index for index, (name, size) in enumerate(wanted) if verified.intact(name, size)]
    verified.keep()
    missing = sorted(set(range(len(wanted))).difference(have))
    parts = [index for index in missing if os.path.exists("incoming/" + wanted[index][0])]
    large_ones = [index for index in have if wanted[index][1] >= large]
    return {
        "have": have,
        "bare": [index for index in large_ones if not os.path.exists("chunks/" + wanted[index][0])],
        "parts": {index: prefix(*wanted[index]) for index in parts},
        "held": sum(os.stat("incoming/" + wanted[index][0]).st_blocks * 512 for index in parts),
        "chunked": bool(os.path.isdir("chunks") and os.listdir("chunks")),
        "codecs": codecs() if missing else [],  # to look for modules takes as long as all the rest
        "hash_s": time.monotonic() - begun,
    }


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
