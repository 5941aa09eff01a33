"""Block maps: which blocks of an image hold data, and their checksums (bmap-tools, format 1.3 to 2.0)."""

import hashlib
import re
from dataclasses import dataclass
from xml.etree import ElementTree

_CHECKSUM = re.compile(rb"(<BmapFileChecksum>\s*)([0-9a-f]{64})(\s*</BmapFileChecksum>)")
_RANGE = re.compile(r"(\d+)(?:\s*-\s*(\d+))?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Range:
    """Blocks that hold data, from first to last, both included."""

    first: int
    last: int
    sha256: str
    """Of their content."""


@dataclass(frozen=True, slots=True)
class Bmap:
    """An image's map. What no range names may hold anything, on the image and on the card."""

    image_bytes: int
    block_bytes: int
    ranges: tuple[Range, ...]
    """In ascending order; none touches another's blocks."""

    def span(self, of: Range) -> tuple[int, int]:
        """Return where a range begins and ends, in bytes; the image may end inside its last block."""
        return of.first * self.block_bytes, min((of.last + 1) * self.block_bytes, self.image_bytes)

    @property
    def mapped_bytes(self) -> int:
        """How much the ranges hold together."""
        return sum(end - start for start, end in map(self.span, self.ranges))


def parse(text: bytes) -> Bmap:
    """Read a block map; ValueError, with what is wrong, when it is none or its own checksum does not match."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise ValueError("has a document type; a block map needs none")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 -- no entities in it, as just seen
    except ElementTree.ParseError as error:
        raise ValueError(f"no XML: {error}") from error
    if root.tag != "bmap":
        raise ValueError(f"no block map, but <{root.tag}>")
    if (kind := _text(root, "ChecksumType")) != "sha256":
        raise ValueError(f"checksums are {kind}, only sha256 is read; make it anew with `bmaptool create`")
    _check_itself(text)
    bmap = Bmap(_number(root, "ImageSize"), _number(root, "BlockSize"), tuple(_ranges(root)))
    blocks = -(-bmap.image_bytes // bmap.block_bytes) if bmap.block_bytes else 0
    if not blocks or _number(root, "BlocksCount") != blocks:
        raise ValueError(f"BlocksCount is not ImageSize / BlockSize, {blocks}")
    _check_order(bmap, blocks)
    return bmap


def _check_itself(text: bytes) -> None:
    if (found := _CHECKSUM.search(text)) is None:
        raise ValueError("has no BmapFileChecksum")
    zeroed = text[: found.start(2)] + b"0" * 64 + text[found.end(2) :]
    if hashlib.sha256(zeroed).hexdigest().encode() != found[2]:
        raise ValueError("does not match its own BmapFileChecksum; it has been changed or cut")


def _ranges(root: ElementTree.Element) -> list[Range]:
    ranges: list[Range] = []
    for element in root.iterfind("BlockMap/Range"):
        found = _RANGE.fullmatch((element.text or "").strip())
        sha256 = element.get("chksum", "")
        if found is None or not _SHA256.fullmatch(sha256):
            raise ValueError(f"a range that is none: {(element.text or '').strip()!r} with checksum {sha256!r}")
        ranges.append(Range(int(found[1]), int(found[2] or found[1]), sha256))
    return ranges


def _check_order(bmap: Bmap, blocks: int) -> None:
    if not bmap.ranges:
        raise ValueError("maps no block at all")
    end = 0
    for one in bmap.ranges:
        if not end <= one.first <= one.last < blocks:
            raise ValueError(f"blocks {one.first}-{one.last} do not follow block {end - 1} within {blocks} blocks")
        end = one.last + 1


def _text(root: ElementTree.Element, tag: str) -> str:
    return (root.findtext(tag) or "").strip()


def _number(root: ElementTree.Element, tag: str) -> int:
    if not (text := _text(root, tag)).isdigit():
        raise ValueError(f"{tag} is {text or 'missing'}, not a number")
    return int(text)
