"""A card behind a multiplexer: what is written is read back, and nothing else is ever written."""

import gzip
import hashlib
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from devices.errors import BadImage, FlashFault
from devices.flash import sd_mux
from devices.flash.block import Card
from devices.flash.flasher import WHOLE, Image, no_progress
from devices.flash.sd_mux import SdMux, SdMuxConfig

SERIAL = "000000001444"
CONTENT = os.urandom(1 << 16) * 16 + bytes(2 << 20) + os.urandom(1 << 16) * 16 + os.urandom(512)

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


@pytest.fixture
def mux(host) -> SdMux:
    return SdMux("b1", SdMuxConfig(serial=SERIAL, root=str(host.root)))


def image(folder: Path, content: bytes = CONTENT, name: str = "card.img") -> list[Image]:
    path = folder / name
    path.write_bytes(PACKERS[path.suffix if path.suffix != ".img" else ""](content))
    return [Image(WHOLE, path)]


def bmap(content: bytes, ranges: list[tuple[int, int]], block: int = 4096) -> str:
    rows = ""
    for first, last in ranges:
        sha256 = hashlib.sha256(content[first * block : (last + 1) * block]).hexdigest()
        rows += f'<Range chksum="{sha256}"> {first}-{last} </Range>\n'
    blocks = -(-len(content) // block)
    text = f"""<?xml version="1.0" ?>
<bmap version="2.0">
    <ImageSize> {len(content)} </ImageSize>
    <BlockSize> {block} </BlockSize>
    <BlocksCount> {blocks} </BlocksCount>
    <MappedBlocksCount> 0 </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> {"0" * 64} </BmapFileChecksum>
    <BlockMap>
{rows}    </BlockMap>
</bmap>
"""
    return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest())


@pytest.mark.parametrize("ending", list(PACKERS))
def test_an_image_is_on_the_card_afterwards_whatever_it_is_packed_with(mux, host, seat, tmp_path, ending) -> None:
    rest = host.card.read_bytes()[len(CONTENT) :]
    images = image(tmp_path, name=f"card.img{ending}")
    assert "4,194,816 bytes" in mux.plan(images)[0]
    written = mux.write(seat, images, no_progress)
    assert host.card.read_bytes() == CONTENT + rest
    assert (written.size_bytes, written.verified) == (len(CONTENT), "read back from the card")


def test_the_board_is_off_before_the_card_is_taken_and_has_it_back(mux, host, seat, tmp_path) -> None:
    mux.write(seat, image(tmp_path), no_progress)
    assert seat.did == ["off", "begins", "ends"]
    assert host.switched == ["host", "dut"]


def test_progress_goes_from_nothing_to_all_twice(mux, host, seat, tmp_path, told) -> None:
    mux.write(seat, image(tmp_path), lambda what, share: told.append((what, share)))
    for what in ("writing", "reading back"):
        shares = [share for said, share in told if said == what]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0


def test_only_what_a_block_map_names_is_written(mux, host, seat, tmp_path) -> None:
    before = host.card.read_bytes()
    images = image(tmp_path, name="card.img.gz")
    last = -(-len(CONTENT) // 4096) - 1
    (tmp_path / "card.bmap").write_text(bmap(CONTENT, [(0, 9), (20, 20), (last, last)]))
    assert "45,568 of 4,194,816 bytes, by its block map" in mux.plan(images)[0]
    assert mux.write(seat, images, no_progress).size_bytes == 45_568
    card = host.card.read_bytes()
    assert card[:40960] == CONTENT[:40960]
    assert card[40960:81920] == before[40960:81920]
    assert card[81920:86016] == CONTENT[81920:86016]
    assert card[last * 4096 :] == CONTENT[last * 4096 :] + before[len(CONTENT) :]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: text.replace(" 0-9 ", " 0-8 "), "does not match its own BmapFileChecksum"),
        (lambda text: text[:200], "no XML"),
        (lambda text: text.replace("sha256", "sha1"), "only sha256"),
        (lambda text: "<!DOCTYPE x [<!ENTITY a 'b'>]>" + text, "document type"),
        (lambda _: bmap(CONTENT, [(5, 9), (0, 2)]), "do not follow"),
        (lambda _: bmap(CONTENT, []), "maps no block"),
        (lambda _: bmap(CONTENT[:-4096], [(0, 2)]), "is for an image of"),
        (lambda _: bmap(CONTENT[::-1], [(0, 2)]), "are not what the block map says"),
    ],
)
def test_a_block_map_that_is_wrong_is_found_before_anything_is_touched(mux, host, tmp_path, spoil, says) -> None:
    images = image(tmp_path)
    (tmp_path / "card.img.bmap").write_text(spoil(bmap(CONTENT, [(0, 9)])))
    with pytest.raises(BadImage, match=says):
        mux.plan(images)
    assert host.switched == []


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_half_a_packed_image_is_found_before_anything_is_touched(mux, host, tmp_path, ending) -> None:
    images = image(tmp_path, name=f"card.img{ending}")
    images[0].path.write_bytes(images[0].path.read_bytes()[:-500])
    with pytest.raises(BadImage, match=f"card.img{ending}: "):
        mux.plan(images)
    assert host.switched == []


def test_what_is_no_image_of_a_whole_card_is_refused(mux, tmp_path) -> None:
    one = image(tmp_path)[0]
    for images in ([], [one, one], [Image("boot", one.path)], [Image(WHOLE, tmp_path / "none.img")]):
        with pytest.raises(BadImage):
            mux.plan(images)
    with pytest.raises(BadImage, match=r"Is a directory\n  try: name an image file"):
        mux.plan([Image(WHOLE, tmp_path)])
    empty = tmp_path / "empty.img"
    empty.touch()
    with pytest.raises(BadImage, match="is empty"):
        mux.plan([Image(WHOLE, empty)])


def assert_refused(mux, host, seat, tmp_path, says: str) -> None:
    """Nothing is written, and the board has its card back."""
    before = host.card.read_bytes()
    with pytest.raises(FlashFault, match=says):
        mux.write(seat, image(tmp_path), no_progress)
    assert host.card.read_bytes() == before
    assert host.switched == ["host", "dut"]


def test_a_mounted_card_is_not_written(mux, host, seat, tmp_path) -> None:
    host.mounts.write_text("30 22 8:17 / /media/card rw - ext4 /dev/sdb1 rw\n")
    assert_refused(mux, host, seat, tmp_path, "sdb1 is mounted on /media/card; it is not written")


def test_the_host_s_own_disk_is_not_written(mux, host, seat, tmp_path) -> None:
    host.mounts.write_text("30 22 8:17 / / rw - ext4 /dev/sdb1 rw\n")
    assert_refused(mux, host, seat, tmp_path, "sdb1 is the disk of this host's own system")


def test_swap_is_not_written(mux, host, seat, tmp_path) -> None:
    host.swaps.write_text("Filename Type Size Used Priority\n/dev/sdb1 partition 1 0 -2\n")
    assert_refused(mux, host, seat, tmp_path, "sdb1 is this host's swap")


def test_a_part_of_a_volume_is_not_written(mux, host, seat, tmp_path) -> None:
    (host.part / "holders/dm-0").mkdir(parents=True)
    assert_refused(mux, host, seat, tmp_path, "sdb1 is part of dm-0")


def test_a_node_that_is_another_device_is_not_written(mux, host, seat, tmp_path) -> None:
    (host.block / "dev").write_text("8:16\n")
    assert_refused(mux, host, seat, tmp_path, "/dev/sdb is device 0:0, and sdb is 8:16")


def test_a_card_of_another_size_is_not_written(host, seat, tmp_path) -> None:
    config = SdMuxConfig(serial=SERIAL, root=str(host.root), card_bytes=16_000_000_000)
    assert_refused(SdMux("b1", config), host, seat, tmp_path, "has 8,388,608 bytes, the inventory says 16,000,000,000")


def test_what_is_larger_than_a_card_is_not_written(host, seat, tmp_path) -> None:
    config = SdMuxConfig(serial=SERIAL, root=str(host.root), max_card_bytes=4_000_000)
    assert_refused(SdMux("b1", config), host, seat, tmp_path, "more than a card has")


def test_a_card_that_is_too_small_is_not_written(mux, host, seat, tmp_path) -> None:
    host.card_sectors.write_text("4096\n")
    assert_refused(mux, host, seat, tmp_path, "the image has 4,194,816 bytes, the card 2,097,152")


def test_a_multiplexer_with_another_serial_number_is_not_believed(mux, host, seat, tmp_path) -> None:
    host.serial.write_text("000000009999\n")
    assert_refused(mux, host, seat, tmp_path, "sg1, which .* leads to, has serial number 000000009999")


def test_no_card_is_told_as_such(mux, host, seat, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sd_mux, "_CARD_S", 0.2)
    host.card_sectors.write_text("0\n")
    assert_refused(mux, host, seat, tmp_path, r"no card is seen within 0\.2 s \(sdb has no size\)")


def test_a_multiplexer_that_is_not_there_names_those_that_are(host, tmp_path) -> None:
    mux = SdMux("b1", SdMuxConfig(serial="000000007777", root=str(host.root)))
    with pytest.raises(FlashFault, match="no SD multiplexer 000000007777") as seen:
        mux.plan(image(tmp_path))
    assert SERIAL in seen.value.hint


def test_a_program_that_fails_says_what_it_said(mux, seat, tmp_path, programs) -> None:
    programs("usbsdmux", "#!/bin/sh\necho 'Failed to open /dev/sg1: permission denied' >&2\nexit 1\n")
    with pytest.raises(FlashFault, match="status 1") as seen:
        mux.write(seat, image(tmp_path), no_progress)
    assert "permission denied" in str(seen.value)


def test_a_card_that_keeps_something_else_is_told(mux, host, seat, tmp_path, monkeypatch) -> None:
    put = Card._put
    monkeypatch.setattr(Card, "_put", lambda card, at, piece: put(card, at, b"\xff" + piece[1:]))
    with pytest.raises(FlashFault, match="do not read back as they were written"):
        mux.write(seat, image(tmp_path), no_progress)
    assert host.switched == ["host", "dut"]


def test_a_board_that_is_another_s_is_not_written(mux, host, seat, tmp_path) -> None:
    before = host.card.read_bytes()
    seat.ours = False
    with pytest.raises(RuntimeError):
        mux.write(seat, image(tmp_path), no_progress)
    assert host.card.read_bytes() == before


def test_a_board_that_is_taken_away_meanwhile_is_written_no_further(mux, host, seat, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("devices.flash.block._SYNC_BYTES", 1 << 20)

    def lose(_what: str, _share: float | None) -> None:
        seat.ours = seat.did[-1:] != ["begins"]

    before = host.card.read_bytes()
    with pytest.raises(RuntimeError, match="another's"):
        mux.write(seat, image(tmp_path), lose)
    assert host.card.read_bytes()[3 << 20 :] == before[3 << 20 :]
    assert host.switched == ["host", "dut"]


def test_zeros_overwrite_what_was_there(mux, host, seat, tmp_path) -> None:
    mux.write(seat, image(tmp_path, bytes(3 << 20)), no_progress)
    assert not any(host.card.read_bytes()[: 3 << 20])
