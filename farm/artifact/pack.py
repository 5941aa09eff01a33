"""A folder with a manifest becomes one file: ``.tar.zst``, the same bytes for the same content."""

import hashlib
import io
import stat
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from ..errors import UsageFault
from .document import MANIFEST, canonical, check, decode, identity
from .kind import require_kind_of
from .manifest import Manifest
from .model.malformed import Malformed
from .model.read import read_net
from .ports import otherwise
from .unpack import MOST_BYTES, MOST_FILES

_LEVEL = 19
"""Of zstd's 22: above it windows grow past 8 MiB, which small boards and our reader would have to hold."""
_LEVEL_OF_LARGE = 12
"""Float weights come out as small as at 19 (92.4 % both), at 92 MB/s and not 2: VGG-16 in seconds, not minutes."""
_SMALL_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Content:
    """One file that is to be packed."""

    data: bytes
    executable: bool = False


def pack(folder: Path, out: Path) -> str:
    """Pack a folder's files after its ``manifest.json`` and return the artifact's identity.

    ``files`` may be left out of the folder's manifest and is then filled in; where it stands it must be right.

    Raises:
        UsageFault: the folder or its manifest is wrong, every fault on a line.
    """
    if not (folder / MANIFEST).is_file():
        raise UsageFault(f"{folder}: no {MANIFEST} in it; want the folder of a model and its manifest")
    contents = contents_of(folder)
    where = str(folder / MANIFEST)
    described = decode(contents.pop(MANIFEST).data, where)
    _require_ports(_complete(described, contents, where), contents, where)
    return pack_contents(described, contents, out, where)


def pack_contents(described: Mapping[str, Any], contents: Mapping[str, Content], out: Path, where: str) -> str:
    """Pack files with the manifest that describes them, and return the artifact's identity.

    Args:
        described: The manifest as JSON holds it.
        contents: By the name in the artifact; the manifest is none of them.
        out: The file to write. It has its name only when it is whole.
        where: What faults begin with.

    Raises:
        UsageFault: the manifest is wrong, or does not fit the files, every fault on a line.
    """
    manifest = _complete(described, contents, where)
    require_kind_of(manifest, contents[manifest.entry].data, where)
    _require_openable(manifest, where)
    listed = [(name, contents[name].data, facts.executable) for name, facts in sorted(manifest.files.items())]
    archive = _archive([(MANIFEST, canonical(manifest), None), *listed], where)
    level = _LEVEL if len(archive) <= _SMALL_BYTES else _LEVEL_OF_LARGE
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
    if out.exists() and (what := _not_to_be_replaced(out)):
        raise UsageFault(f"{out}: {what}, and would be replaced; name another with --out")
    part = out.with_name(out.name + ".part")
    try:
        part.write_bytes(compressor.compress(archive))
        part.replace(out)
    except OSError as error:
        raise UsageFault(f"{out}: cannot be written: {error.strerror}; name another with --out") from error
    finally:
        part.unlink(missing_ok=True)
    return identity(manifest)


def _not_to_be_replaced(out: Path) -> str:
    """Return what is wrong with a file's place; empty where a packed model lies there, or nothing yet."""
    if not out.is_file():
        return "not a plain file"
    with out.open("rb") as file:
        return "" if file.read(4) in (b"", zstandard.FRAME_HEADER) else "no packed model"


def contents_of(folder: Path) -> dict[str, Content]:
    """Return a folder's files by name; UsageFault for links and whatever else is no plain file."""
    paths = sorted(folder.rglob("*"))
    odd = [p for p in paths if p.is_symlink() or not (p.is_file() or p.is_dir())]
    if odd:
        raise UsageFault([f"{p}: neither a plain file nor a folder; put the file itself there" for p in odd])
    return {p.relative_to(folder).as_posix(): content_of(p) for p in paths if p.is_file()}


def content_of(path: Path) -> Content:
    """Return one file; UsageFault when it is no plain file, or cannot be read."""
    if path.exists() and not path.is_file():  # a pipe or a device may never end
        raise UsageFault(f"{path}: not a plain file")
    try:
        return Content(path.read_bytes(), executable=bool(path.stat().st_mode & stat.S_IXUSR))
    except OSError as error:
        raise UsageFault(f"{path}: {error.strerror}") from error


def _archive(contents: list[tuple[str, bytes, bool | None]], where: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data, executable in contents:
            member = tarfile.TarInfo(name)  # time 0, owner 0: nothing of this machine
            member.mode = 0o755 if executable else 0o644
            member.size = len(data)
            try:
                tar.addfile(member, io.BytesIO(data))
            except ValueError as error:
                raise UsageFault(f"{where}: {name}: {error}; ustar holds 100 bytes of it") from error
    return archive.getvalue()


def _complete(described: Mapping[str, Any], contents: Mapping[str, Content], where: str) -> Manifest:
    runs = described.get("runtime") == "command"  # nothing else of an artifact is run; some disks mark every file
    measured = {name: _facts(content, runs=runs) for name, content in contents.items()}
    manifest = check(Manifest, {"files": measured} | dict(described), where)
    stated = {name: facts.model_dump(exclude_none=True) for name, facts in manifest.files.items()}
    wrong = [n for n in sorted(stated.keys() | measured.keys()) if stated.get(n) != measured.get(n)]
    if wrong:
        raise UsageFault([f"{where}: files.{n}: {_difference(stated.get(n), measured.get(n))}" for n in wrong])
    return manifest


def _require_ports(manifest: Manifest, contents: Mapping[str, Content], where: str) -> None:
    """Refuse tensors that the model's file says otherwise; what cannot be read here says nothing."""
    if manifest.runtime == "command":  # a program makes of its model what it likes
        return
    data = contents[manifest.entry].data
    require_kind_of(manifest, data, where)
    if not data:
        raise UsageFault(f"{where}: entry {manifest.entry} is empty")
    try:
        net = read_net(
            manifest.entry,
            data,
            lambda name: contents[name].data if name in contents else None,
            runtime=manifest.runtime,
        )
    except Malformed:
        return
    tensors = [("input", manifest.input), ("output", manifest.output)]
    if faults := [f"{where}: {fault}" for fault in otherwise(net, tensors)]:
        raise UsageFault(faults)


def _require_openable(manifest: Manifest, where: str) -> None:
    """Refuse what no one would unpack."""
    total = sum(facts.size for facts in manifest.files.values())
    if len(manifest.files) > MOST_FILES or total > MOST_BYTES:
        what = f"{len(manifest.files)} files of {total:,} bytes"
        raise UsageFault(f"{where}: {what}; an artifact holds {MOST_FILES} files and {MOST_BYTES:,} bytes at most")


def _facts(content: Content, *, runs: bool) -> dict[str, Any]:
    facts = {"sha256": hashlib.sha256(content.data).hexdigest(), "size": len(content.data)}
    return facts | ({"executable": True} if runs and content.executable else {})


def _difference(stated: dict[str, Any] | None, measured: dict[str, Any] | None) -> str:
    if measured is None:
        return "not in the folder"
    if stated is None:
        return "in the folder but not listed; leave files out and it is filled in"
    if stated.get("executable") != measured.get("executable"):
        return f"the file is {'' if measured.get('executable') else 'not '}executable"
    return f"the file has {measured['size']} bytes, SHA-256 {measured['sha256']}"
