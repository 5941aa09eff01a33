"""What another content is put together from. Comes after ``helper.py``, where anything is missing."""

import base64
import hashlib
import os
import struct

from contents import replace

_CHUNK = struct.Struct("<I16s")
_UNKNOWN = bytes(16)


def write_all(descriptor, data, offset):
    view = memoryview(data)
    while view:
        done = os.pwrite(descriptor, view, offset)
        view = view[done:]
        offset += done


def note(name, lengths):
    """Keep how long a content's chunks are; what they are is found out when another content may be made of them."""
    os.makedirs("chunks", exist_ok=True)
    if not os.path.exists("chunks/" + name):
        replace("chunks/" + name, b"".join(_CHUNK.pack(length, _UNKNOWN) for length in lengths))


def chunks_of(recipe):
    """Yield offset, length and hash of every chunk."""
    offset = 0
    for length, digest in _CHUNK.iter_unpack(recipe):
        yield offset, length, digest
        offset += length


def recipe_of(name):
    """Return a content's recipe, and whether its chunks were hashed just now."""
    with open("chunks/" + name, "rb") as file:
        recipe = file.read()
    recipe = recipe[: len(recipe) // _CHUNK.size * _CHUNK.size]
    if _UNKNOWN not in (digest for _, _, digest in chunks_of(recipe)):
        return recipe, False
    with open("blobs/" + name, "rb", buffering=0) as file:
        made = [_CHUNK.pack(length, digest_of(file.read(length))) for _, length, _ in chunks_of(recipe)]
    recipe = b"".join(made)
    replace("chunks/" + name, recipe)
    return recipe, True


def sources(wanted):
    """Return hash -> (blob, offset, whether it was hashed just now) of the wanted chunks that the board has."""
    found = {}
    for name in os.listdir("chunks"):
        if not os.path.exists("blobs/" + name):
            continue
        recipe, is_fresh = recipe_of(name)
        for offset, _, digest in chunks_of(recipe):
            if digest in wanted:
                found.setdefault(digest, (name, offset, is_fresh))
    return found


class Files:
    """The board's contents, opened once."""

    def __init__(self):
        self.descriptors = {}

    def read(self, name, offset, length):
        if name not in self.descriptors:
            self.descriptors[name] = os.open("blobs/" + name, os.O_RDONLY)
        return os.pread(self.descriptors[name], length, offset)

    def close(self):
        for descriptor in self.descriptors.values():
            os.close(descriptor)


def fill(name, recipe):
    """Put together what the board has of a content; return a bit for every chunk, set where it is missing."""
    replace("chunks/" + name, recipe)
    chunks = list(chunks_of(recipe))
    known, files = sources({digest for _, _, digest in chunks}), Files()
    part = os.open("incoming/" + name, os.O_RDWR | os.O_CREAT, 0o644)
    bits = bytearray(-(-len(chunks) // 8))
    try:
        for index, (offset, length, digest) in enumerate(chunks):
            there = os.pread(part, length, offset)
            if len(there) == length and digest_of(there) == digest:
                continue
            blob, at, is_fresh = known.get(digest, (None, 0, False))
            data = b"" if blob is None else files.read(blob, at, length)
            if len(data) == length and (is_fresh or digest_of(data) == digest):
                write_all(part, data, offset)
            else:
                bits[index // 8] |= 1 << index % 8
    finally:
        os.close(part)
        files.close()
    return base64.b64encode(bytes(bits)).decode()


def digest_of(data):
    return hashlib.sha256(data).digest()[:16]
