"""A folder with a manifest becomes one file: ``.tar.zst``, the same bytes for the same content."""

import hashlib
import io
import tarfile
from pathlib import Path

import zstandard

from ..errors import UsageFault
from .manifest import MANIFEST, Manifest, canonical, check, decode, identity

_LEVEL = 19
"""Of zstd's 22: above it windows grow past 8 MiB, which small boards and our reader would have to hold."""


def pack(folder: Path, out: Path) -> str:
    """Pack a folder's files after its ``manifest.json`` and return the artifact's identity.

    ``files`` may be left out of the folder's manifest and is then filled in; where it stands it must be right.

    Raises:
        UsageFault: the folder or its manifest is wrong, every fault on a line.
    """
    contents = _contents(folder)
    manifest = _complete(contents.pop(MANIFEST), contents, str(folder / MANIFEST))
    archive = _archive([(MANIFEST, canonical(manifest)), *sorted(contents.items())], folder)
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    if out.exists() and not out.is_file():
        raise UsageFault(f"{out}: not a plain file, and would be replaced; name another with --out")
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(compressor.compress(archive))
        part.replace(out)
    except OSError as error:
        raise UsageFault(f"{out}: cannot be written: {error.strerror}; name another with --out") from error
    return identity(manifest)


def _archive(contents: list[tuple[str, bytes]], folder: Path) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in contents:
            member = tarfile.TarInfo(name)  # time 0, owner 0, mode 0644: nothing of this machine
            member.size = len(data)
            try:
                tar.addfile(member, io.BytesIO(data))
            except ValueError as error:
                raise UsageFault(f"{folder / name}: {error}; ustar holds 100 bytes of it") from error
    return archive.getvalue()


def _contents(folder: Path) -> dict[str, bytes]:
    if not (folder / MANIFEST).is_file():
        raise UsageFault(f"{folder}: no {MANIFEST} in it; want the folder of a model and its manifest")
    paths = sorted(folder.rglob("*"))
    odd = [p for p in paths if p.is_symlink() or not (p.is_file() or p.is_dir())]
    if odd:
        raise UsageFault([f"{p}: neither a plain file nor a folder; put the file itself there" for p in odd])
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths if p.is_file()}


def _complete(raw: bytes, contents: dict[str, bytes], where: str) -> Manifest:
    measured = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for name, data in contents.items()
    }
    manifest = check(Manifest, {"files": measured} | decode(raw, where), where)
    stated = {name: facts.model_dump() for name, facts in manifest.files.items()}
    wrong = [n for n in sorted(stated.keys() | measured.keys()) if stated.get(n) != measured.get(n)]
    if wrong:
        raise UsageFault([f"{where}: files.{n}: {_difference(stated.get(n), measured.get(n))}" for n in wrong])
    return manifest


def _difference(stated: dict[str, str] | None, measured: dict[str, str | int] | None) -> str:
    if measured is None:
        return "not in the folder"
    if stated is None:
        return "in the folder but not listed; leave files out and it is filled in"
    return f"the file has {measured['size']} bytes, SHA-256 {measured['sha256']}"
