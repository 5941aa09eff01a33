"""Reads a packed artifact as if it came from an enemy: nothing in it chooses where or how much is written.

Only plain ustar members are read: no links, no folders, no extension headers that could name a path or ask for
memory. Files are written one by one under names that the checked manifest lists, and get their name only after
their hash was right. The model file must be of the kind that the manifest says.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import zstandard

from ..errors import LabFault, UsageFault
from .document import MANIFEST, FileFacts, canonical, identity
from .kind import require_kind
from .manifest import Manifest, parse
from .sshsig import LARGEST as SIGNATURE_BYTES
from .zstd_frame import require_one_frame

_MANIFEST_BYTES = 1 << 20
MOST_FILES = 64
MOST_BYTES = 1 << 30
"""Caps, assumed: VGG-16 in float32, the largest model in sight, has 0.55 GB in one file."""

_WINDOW_BYTES = 128 << 20
"""zstd's own default limit for a decoder's window (ZSTD_WINDOWLOG_LIMIT_DEFAULT, 27)."""

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Member:
    """One file inside the archive. Its pieces must be read before the next member is asked for."""

    name: str
    size: int
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Artifact:
    """An unpacked artifact whose hashes were right."""

    manifest: Manifest
    id: str
    """SHA-256 of the canonical manifest, hex."""
    files: dict[str, Path]
    """Name in the manifest → file on this machine."""
    size_bytes: int
    """Of the packed file."""
    signature: bytes | None = None
    """What lies beside the packed file, as it is: it goes to the board too. It proves nothing by itself."""

    @property
    def model_path(self) -> Path:
        """The model file."""
        return self.files[self.manifest.entry]

    @property
    def folder(self) -> Path:
        """Where it was unpacked: all files of its manifest below."""
        return self.model_path.parents[self.manifest.entry.count("/")]


def open_artifact(path: Path, folder: Path, *, accept: Callable[[Path, Manifest], None] | None = None) -> Artifact:
    """Unpack into ``folder/<id>`` and check everything.

    Args:
        path: The packed file.
        folder: Where to unpack; files and nothing else are written below.
        accept: Asked with the manifest before anything is unpacked; raises UsageFault for what is not wanted.

    Raises:
        UsageFault: not an artifact, or not what its manifest says. A file with a wrong hash never gets its name.
        LabFault: this machine cannot take what is in it.
    """
    with _members(path) as members:
        manifest = _first(path, members)
        if accept is not None:
            accept(path, manifest)
        home = folder / identity(manifest)
        files = {name: home / name for name in manifest.files}
        missing = dict(manifest.files)
        for member in members:
            facts = missing.pop(member.name, None)
            if facts is None:
                raise _fault(path, f"{member.name!r}: not in its manifest, or twice")
            _write(path, member, facts, files[member.name], part=home.with_suffix(".part"))
        if missing:
            raise UsageFault([f"{path}: {name}: listed in the manifest but not packed" for name in missing])
        with _taken(home / MANIFEST):
            (home / MANIFEST).write_bytes(canonical(manifest))
    require_kind(manifest, files[manifest.entry], str(path))
    return Artifact(manifest, identity(manifest), files, path.stat().st_size, _beside(path))


def read_manifest(path: Path) -> Manifest:
    """Return a packed artifact's manifest and look at nothing else; raises as :func:`open_artifact`."""
    with _members(path) as members:
        return _first(path, members)


def _fault(path: Path, what: str) -> UsageFault:
    return UsageFault(f"{path}: {what}")


@contextmanager
def _members(path: Path) -> Generator[Iterator[_Member], None, None]:
    """Open the archive and hand out its members; what goes wrong below becomes a fault that names the file."""
    if path.exists() and not path.is_file():  # a pipe or a device may never end
        raise _fault(path, "not a plain file; want one that `farm artifact pack` made")
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    try:
        require_one_frame(path)
        with path.open("rb") as packed, decompressor.stream_reader(packed) as plain:
            yield _walk(path, io.BufferedReader(plain, _PIECE_BYTES))
    except OSError as error:
        raise UsageFault(f"{error.filename or path}: {error.strerror or error}") from error
    except zstandard.ZstdError as error:
        raise _fault(path, f"not zstd, or damaged: {error}") from error
    except ValueError as error:
        raise _fault(path, str(error)) from error


def _walk(path: Path, plain: BinaryIO) -> Iterator[_Member]:
    left = MOST_BYTES
    for _ in range(MOST_FILES + 1):  # and the manifest
        header = _exactly(path, plain, tarfile.BLOCKSIZE)
        if not header.strip(b"\0"):
            _nothing_more(path, plain)
            return
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise _fault(path, f"not a tar archive inside: {error}") from error
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise _fault(path, f"{info.name!r}: not a plain file; links, folders and long names are refused")
        left -= info.size
        if left < 0 or info.size < 0:
            raise _fault(path, f"{info.name!r}: more than {MOST_BYTES:,} bytes unpacked")
        yield _Member(info.name, info.size, _pieces(path, plain, info.size))
        _exactly(path, plain, -info.size % tarfile.BLOCKSIZE)
    raise _fault(path, f"more than {MOST_FILES} files")


def _nothing_more(path: Path, plain: BinaryIO) -> None:
    """Read to the end, where zstd's checksum is compared: tar fills its last record with zeros, and that is all."""
    rest = plain.read(tarfile.RECORDSIZE)
    if rest.strip(b"\0") or plain.read(1):
        raise _fault(path, "something comes after the archive's end")


def _pieces(path: Path, plain: BinaryIO, size: int) -> Iterator[bytes]:
    for begin in range(0, size, _PIECE_BYTES):
        yield _exactly(path, plain, min(_PIECE_BYTES, size - begin))


def _exactly(path: Path, plain: BinaryIO, size: int) -> bytes:
    data = plain.read(size)
    if len(data) != size:
        raise _fault(path, "ends too early: the copy is not complete")
    return data


def _first(path: Path, members: Iterator[_Member]) -> Manifest:
    member = next(members, None)
    if member is None or member.name != MANIFEST:
        raise _fault(path, f"does not begin with {MANIFEST}; was it made by `farm artifact pack`?")
    if member.size > _MANIFEST_BYTES:
        raise _fault(path, f"{MANIFEST} has {member.size:,} bytes; at most {_MANIFEST_BYTES:,} are read")
    manifest = parse(b"".join(member.pieces), f"{path}: {MANIFEST}")
    if len(manifest.files) > MOST_FILES:
        raise _fault(path, f"{MANIFEST}: lists more than {MOST_FILES} files")
    return manifest


def signature_path(artifact: Path) -> Path:
    """Return where the signature of a packed file lies."""
    return artifact.with_name(f"{artifact.name}.sig")


def _beside(path: Path) -> bytes | None:
    """Return the signature beside a packed file, or None; who demands one has looked at it before."""
    where = signature_path(path)
    try:
        return where.read_bytes() if where.is_file() and where.stat().st_size <= SIGNATURE_BYTES else None
    except OSError:
        return None


def _write(path: Path, member: _Member, facts: FileFacts, target: Path, *, part: Path) -> None:
    """Write a member; until its hash was right it lies in ``part``, outside what any manifest can name."""
    if member.size != facts.size:
        raise _fault(path, f"{member.name}: {member.size} bytes, its manifest says {facts.size}")
    digest = hashlib.sha256()
    try:
        with _taken(part):
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                for piece in member.pieces:
                    digest.update(piece)
                    file.write(piece)
        if (found := digest.hexdigest()) != facts.sha256:
            raise _fault(path, f"{member.name}: SHA-256 is {found[:12]}…, its manifest says {facts.sha256[:12]}…")
        if facts.executable:
            part.chmod(0o755)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _taken(where: Path) -> Generator[None]:
    """Call it by its name when this machine cannot take what is unpacked: no artifact is to blame."""
    try:
        yield
    except OSError as error:
        hint = "is the disk full, the folder writable? TMPDIR names another place"
        raise LabFault(str(where), f"cannot be written: {error.strerror}", hint=hint) from error
