"""Archives that nobody honest would make."""

import hashlib
import json
import tarfile

import pytest
import zstandard

from farm.artifact import unpack
from farm.artifact.document import canonical
from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact, read_manifest
from farm.errors import UsageFault

from .tflite_bytes import EDGETPU, PLAIN


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def archive(path, *entries: bytes) -> None:
    path.write_bytes(zstandard.compress(b"".join(entries) + bytes(1024)))


@pytest.fixture
def good(packed) -> dict:
    """The manifest of a good artifact, to be spoilt."""
    return json.loads(canonical(read_manifest(packed)))


@pytest.fixture
def assert_refused(tmp_path):
    """Opens ``bad.tar.zst``, wants it refused, and looks that nothing was written outside."""
    before = set(tmp_path.rglob("*"))

    def refused(match: str) -> None:
        with pytest.raises(UsageFault, match=match):
            open_artifact(tmp_path / "bad.tar.zst", tmp_path / "out")
        new = set(tmp_path.rglob("*")) - before - {tmp_path / "bad.tar.zst"}
        assert all(tmp_path / "out" in (path, *path.parents) for path in new)
        assert not list(tmp_path.rglob("*.part"))

    return refused


@pytest.mark.parametrize(
    "name",
    [
        "../escape",
        "/etc/escape",
        "a/../../escape",
        "",
        ".",
        "a//b",
        "a\\b",
        "a\nb",
        "manifest.json",
        "manifest.json/x",
        "x" * 201,
        "a\u202eb",
        "a\x85b",
        "\x1b[2J",
        "manifest.sig",
    ],
)
def test_a_manifest_cannot_name_a_path_that_leaves_its_folder(tmp_path, good, assert_refused, name):
    good["files"][name] = {"sha256": "0" * 64, "size": 0}
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), entry(name or "x"))
    assert_refused("files")


def test_a_member_that_the_manifest_does_not_list_is_refused(tmp_path, good, assert_refused):
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), entry("../escape", b"x"))
    assert_refused("not in its manifest")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_only_plain_files_come_out(tmp_path, good, assert_refused, kind):
    member = entry("model.onnx", kind=kind, link="/etc/passwd")
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), member)
    assert_refused("not a plain file")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.GNUTYPE_SPARSE])
def test_headers_that_extend_tar_are_refused(tmp_path, good, assert_refused, kind):
    member = entry("././@LongLink", b"model.onnx\0", kind=kind)
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), member)
    assert_refused("not a plain file")


def test_changed_content_never_gets_its_name(tmp_path, good, packed, assert_refused):
    size = good["files"]["model.onnx"]["size"]
    archive(
        tmp_path / "bad.tar.zst",
        entry("manifest.json", json.dumps(good).encode()),
        entry("model.onnx", b"?" * size),
    )
    assert_refused("model.onnx: SHA-256 is")
    assert not list((tmp_path / "out").rglob("model.onnx"))


def test_a_file_of_another_size_is_refused_before_it_is_read(tmp_path, good, assert_refused):
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), entry("model.onnx", b"?" * 5))
    assert_refused("model.onnx: 5 bytes, its manifest says 1800")


def test_a_member_that_comes_twice_is_refused(tmp_path, good, source, assert_refused):
    member = entry("model.onnx", (source / "model.onnx").read_bytes())
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), member, member)
    assert_refused("or twice")


def test_no_file_is_overwritten_while_another_is_not_yet_proven(tmp_path, good):
    contents = {"model.onnx.part": b"first", "model.onnx": b"second"}
    good["files"] = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in contents.items()}
    members = [entry(name, data) for name, data in contents.items()]
    archive(tmp_path / "odd.tar.zst", entry("manifest.json", json.dumps(good).encode()), *members)
    artifact = open_artifact(tmp_path / "odd.tar.zst", tmp_path / "out")
    assert {name: path.read_bytes() for name, path in artifact.files.items()} == contents


def test_a_tensor_that_no_memory_holds_is_refused(tmp_path, good, assert_refused):
    good["preprocess"]["steps"][0]["height"] = 1 << 40
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()))
    assert_refused("preprocess.steps.0.upscale-nearest.height: ")


def test_a_listed_file_that_is_absent_is_named(tmp_path, good, assert_refused):
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()))
    assert_refused("model.onnx: listed in the manifest but not packed")


def test_the_manifest_comes_first(tmp_path, good, assert_refused):
    archive(tmp_path / "bad.tar.zst", entry("model.onnx", b"x"), entry("manifest.json", json.dumps(good).encode()))
    assert_refused(r"does not begin with manifest\.json")


def test_no_more_than_the_cap_is_ever_unpacked(tmp_path, good, assert_refused, monkeypatch):
    monkeypatch.setattr(unpack, "MOST_BYTES", 10_000)
    good["files"]["model.onnx"]["size"] = 1 << 40
    bomb = tarfile.TarInfo("model.onnx")
    bomb.size = 1 << 40
    archive(
        tmp_path / "bad.tar.zst",
        entry("manifest.json", json.dumps(good).encode()),
        bomb.tobuf(tarfile.GNU_FORMAT) + bytes(100_000),
    )
    assert_refused("more than 10,000 bytes")


def test_there_is_a_cap_on_the_number_of_files(tmp_path, good, assert_refused):
    good["files"] |= {f"f{i}": {"sha256": "0" * 64, "size": 0} for i in range(65)}
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()))
    assert_refused("more than 64 files")


def test_a_manifest_has_a_largest_size(tmp_path, assert_refused):
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", b" " * (1 << 20) + b"{}"))
    assert_refused("at most")


@pytest.mark.parametrize("keep", [0, 4, 100, 200])
def test_half_a_file_is_no_artifact(tmp_path, packed, assert_refused, keep):
    (tmp_path / "bad.tar.zst").write_bytes(packed.read_bytes()[:keep])
    assert_refused(r"bad\.tar\.zst: ")


def test_a_flipped_byte_is_noticed(tmp_path, packed, assert_refused):
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 0x20
    (tmp_path / "bad.tar.zst").write_bytes(data)
    assert_refused(r"bad\.tar\.zst: ")


@pytest.mark.parametrize("data", [b"PK\x03\x04 a zip", zstandard.compress(b"no tar inside" * 100)])
def test_another_kind_of_file_is_a_usage_fault(tmp_path, assert_refused, data):
    (tmp_path / "bad.tar.zst").write_bytes(data)
    assert_refused("not zstd|not a tar")


SKIPPABLE = b"\x50\x2a\x4d\x18\x04\0\0\0evil"
"""A zstd frame that decoders pass over in silence."""


@pytest.mark.parametrize("tail", [b"\0", b"evil", zstandard.compress(b"evil"), SKIPPABLE, zstandard.compress(b"")])
def test_nothing_may_come_after_the_archive(tmp_path, packed, assert_refused, tail):
    (tmp_path / "bad.tar.zst").write_bytes(packed.read_bytes() + tail)
    assert_refused(f"{len(tail)} bytes come after its end")


def test_nothing_may_come_before_it(tmp_path, packed, assert_refused):
    (tmp_path / "bad.tar.zst").write_bytes(SKIPPABLE + packed.read_bytes())
    assert_refused("not zstd")


@pytest.mark.parametrize("tail", [b"evil" + bytes(508), bytes(512) * 40])
def test_nothing_but_one_record_of_zeros_ends_the_tar(tmp_path, packed, assert_refused, tail):
    plain = zstandard.decompress(packed.read_bytes())
    (tmp_path / "bad.tar.zst").write_bytes(zstandard.compress(plain + tail))
    assert_refused("something comes after the archive's end")


@pytest.mark.parametrize("cut", range(1, 9))
def test_not_a_byte_of_the_end_may_be_missing(tmp_path, packed, assert_refused, cut):
    (tmp_path / "bad.tar.zst").write_bytes(packed.read_bytes()[:-cut])
    assert_refused("ends too early")


def test_a_wrong_checksum_at_the_very_end_is_noticed(tmp_path, packed, assert_refused):
    data = packed.read_bytes()
    (tmp_path / "bad.tar.zst").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert_refused("damaged: .*checksum")


def test_a_bomb_that_does_not_say_its_size_is_not_unpacked(tmp_path, good, assert_refused, monkeypatch):
    monkeypatch.setattr(unpack, "MOST_BYTES", 10_000)
    good["files"]["model.onnx"]["size"] = 50_000_000
    bomb = entry("manifest.json", json.dumps(good).encode()) + entry("model.onnx", bytes(50_000_000))
    squeezed = zstandard.ZstdCompressor(write_content_size=False).compress(bomb)
    assert len(squeezed) < 10_000
    (tmp_path / "bad.tar.zst").write_bytes(squeezed)
    assert_refused("more than 10,000 bytes")


def test_a_window_that_would_fill_the_memory_is_refused(tmp_path, assert_refused):
    descriptor, window_of_a_gibibyte, last_raw_block = (
        b"\x00",
        bytes([(30 - 10) << 3]),
        (5 << 3 | 1).to_bytes(3, "little"),
    )
    head = zstandard.FRAME_HEADER + descriptor + window_of_a_gibibyte
    (tmp_path / "bad.tar.zst").write_bytes(head + last_raw_block + b"12345")
    assert_refused("damaged")


def test_a_manifest_cannot_call_a_model_what_it_is_not(tmp_path, source, described):
    given = {"name": "image", "shape": [1, 8, 8, 1], "dtype": "int8", "layout": "NHWC"}
    described |= {"input": given, "output": {"name": "scores", "shape": [1, 10], "dtype": "int8"}}
    for runtime, data, told in (
        ("onnx", EDGETPU, "onnx, but model.onnx is TFLite compiled for the Edge TPU: want edgetpu"),
        ("tflite", EDGETPU, "tflite, but model.onnx is TFLite compiled for the Edge TPU: want edgetpu"),
        ("edgetpu", PLAIN, "edgetpu, but model.onnx is TFLite with no Edge TPU operator in it: want tflite"),
        ("numpy", PLAIN, "numpy, but model.onnx is TFLite with no Edge TPU operator in it: want tflite"),
        ("tflite", PLAIN[:60], "begins as a TFLite file but is none"),
    ):
        (source / "model.onnx").write_bytes(data)
        (source / "manifest.json").write_text(json.dumps(described | {"runtime": runtime}))
        with pytest.raises(UsageFault, match=told):
            pack(source, tmp_path / "a.tar.zst")
    for runtime, data in (("edgetpu", EDGETPU), ("tflite", PLAIN), ("onnx", b"any")):
        (source / "model.onnx").write_bytes(data)
        (source / "manifest.json").write_text(json.dumps(described | {"runtime": runtime}))
        pack(source, tmp_path / "a.tar.zst")
        assert open_artifact(tmp_path / "a.tar.zst", tmp_path / "out").manifest.runtime == runtime


def test_an_archive_that_calls_a_model_what_it_is_not_is_refused_too(tmp_path, good, assert_refused):
    good["files"] = {"model.onnx": {"sha256": hashlib.sha256(EDGETPU).hexdigest(), "size": len(EDGETPU)}}
    members = entry("manifest.json", json.dumps(good).encode()), entry("model.onnx", EDGETPU)
    archive(tmp_path / "bad.tar.zst", *members)
    assert_refused("runtime: onnx, but model.onnx is TFLite compiled for the Edge TPU")


def test_a_missing_file_is_a_usage_fault_with_its_name(tmp_path):
    with pytest.raises(UsageFault, match=r"nowhere\.tar\.zst: No such file"):
        open_artifact(tmp_path / "nowhere.tar.zst", tmp_path / "out")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["notes", "Notes"], "one file where case or spelling do not count"),
        (["stra\u00dfe", "STRASSE"], "one file where case or spelling do not count"),
        (["\u00e9", "e\u0301"], "one file where case or spelling do not count"),
        (["d", "d/e"], "d is a file, and a folder of d/e"),
        (["D", "d/e/f"], "D is a file, and a folder of d/e/f"),
        (["model.onnx/x"], "model.onnx is a file, and a folder of model.onnx/x"),
    ],
)
def test_names_that_some_file_system_cannot_hold_beside_each_other_are_refused(
    tmp_path, good, assert_refused, names, told
):
    good["files"] |= {name: {"sha256": hashlib.sha256(b"x").hexdigest(), "size": 1} for name in names}
    members = [entry(name, b"x") for name in names]
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()), *members)
    assert_refused(told)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["a\nfarm: all is well", "\x1b[2J", "\u202egpj.exe"])
def test_what_a_stranger_wrote_is_told_on_one_line_and_commands_no_terminal(tmp_path, good, name):
    listed = json.dumps(good | {"files": good["files"] | {name: {"sha256": "0" * 64, "size": 0}}}).encode()
    for manifest, member in ((listed, "model.onnx"), (json.dumps(good).encode(), name), (b'{"%s": 1}' % b"k", "x")):
        archive(tmp_path / "bad.tar.zst", entry("manifest.json", manifest), entry(member, b"x"))
        with pytest.raises(UsageFault) as seen:
            open_artifact(tmp_path / "bad.tar.zst", tmp_path / "out")
        assert all(fault.isprintable() for fault in seen.value.faults)


def test_of_thousands_of_faults_some_are_told(tmp_path, good):
    good |= {f"k{number}": 1 for number in range(5000)}
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good).encode()))
    with pytest.raises(UsageFault) as seen:
        open_artifact(tmp_path / "bad.tar.zst", tmp_path / "out")
    assert len(seen.value.faults) == 21
    assert seen.value.faults[-1].endswith("and 4,980 more")


@pytest.mark.parametrize("number", [0, 2, "x", None, True, 10**30])
def test_another_format_is_told_as_such(tmp_path, good, assert_refused, number):
    archive(tmp_path / "bad.tar.zst", entry("manifest.json", json.dumps(good | {"format": number}).encode()))
    assert_refused("format .*: this farm reads 1")


@pytest.mark.parametrize("fiftieth", range(50))
def test_a_copy_that_broke_off_anywhere_is_no_artifact(tmp_path, packed, assert_refused, fiftieth):
    data = packed.read_bytes()
    (tmp_path / "bad.tar.zst").write_bytes(data[: len(data) * fiftieth // 50])
    assert_refused("not zstd|ends too early")


def test_a_file_with_holes_and_nothing_in_it_is_not_read_for_hours(tmp_path, assert_refused):
    for size in (1 << 40, 1 << 30):
        with (tmp_path / "bad.tar.zst").open("wb") as file:
            file.write(zstandard.FRAME_HEADER + bytes([0, 0x88]))  # then empty blocks, three zeros each
            file.truncate(size)
        assert_refused("bytes; at most" if size == 1 << 40 else "more than 200,000 blocks")


def test_a_manifest_of_a_gigabyte_is_not_read(tmp_path, assert_refused):
    head = tarfile.TarInfo("manifest.json")
    head.size = (1 << 30) - 1024
    with (tmp_path / "bad.tar.zst").open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as packer:
        packer.write(head.tobuf(tarfile.GNU_FORMAT))
        for _ in range(16):
            packer.write(bytes(1 << 20))
    assert_refused("at most 1,048,576 are read")
