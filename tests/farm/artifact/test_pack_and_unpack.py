import hashlib
import json

import pytest

from farm.artifact.document import canonical, identity
from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact, read_manifest
from farm.errors import LabFault, UsageFault


def test_what_was_packed_comes_out_again(source, packed, tmp_path):
    artifact = open_artifact(packed, tmp_path / "out")
    assert artifact.manifest.name == "tiny"
    assert {name: path.read_bytes() for name, path in artifact.files.items()} == {
        "model.onnx": (source / "model.onnx").read_bytes(),
        "notes/origin.txt": b"made for a test\n",
    }
    assert artifact.model_path == artifact.files["model.onnx"]
    assert artifact.size_bytes == packed.stat().st_size


def test_a_disk_that_is_full_here_is_no_fault_of_the_artifact(packed, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    part = out / f"{identity(read_manifest(packed))}.part"
    part.symlink_to("/dev/full")
    with pytest.raises(LabFault, match=r"\.part: cannot be written: No space left on device\n  try: is the disk full"):
        open_artifact(packed, out)
    assert not part.is_symlink()


def test_the_identity_is_the_hash_of_the_packed_manifest(source, tmp_path):
    stated = pack(source, tmp_path / "a.tar.zst")
    artifact = open_artifact(tmp_path / "a.tar.zst", tmp_path / "out")
    assert artifact.id == stated == identity(artifact.manifest)
    unpacked = tmp_path / "out" / stated / "manifest.json"
    assert hashlib.sha256(unpacked.read_bytes()).hexdigest() == stated


def test_packing_again_gives_the_same_bytes(source, packed, tmp_path):
    (source / "model.onnx").touch()
    pack(source, tmp_path / "again.tar.zst")
    assert (tmp_path / "again.tar.zst").read_bytes() == packed.read_bytes()


def test_the_spelling_of_a_manifest_does_not_change_its_identity(source, described, tmp_path):
    first = pack(source, tmp_path / "a.tar.zst")
    backwards = dict(reversed(described.items())) | {"format": 1, "compression": []}
    (source / "manifest.json").write_text(json.dumps(backwards))
    assert pack(source, tmp_path / "b.tar.zst") == first


def test_another_weight_is_another_identity(source, packed, tmp_path):
    (source / "model.onnx").write_bytes(b"other weights")
    assert pack(source, tmp_path / "b.tar.zst") != identity(read_manifest(packed))


def test_all_faults_of_a_manifest_are_told_at_once(source, described):
    described["runtime"] = "caffe"
    described["prune"] = True
    del described["input"]["dtype"]
    (source / "manifest.json").write_text(json.dumps(described))
    with pytest.raises(UsageFault) as fault:
        pack(source, source / "out.tar.zst")
    told = "\n".join(fault.value.faults)
    assert len(fault.value.faults) == 3
    assert all(field in told for field in ("runtime: ", "prune: ", "input.dtype: "))


@pytest.mark.parametrize("text", ["", "[1]", '{"name": "a", "name": "b"}', '{"name":' * 100_000])
def test_what_is_no_json_object_is_a_usage_fault(source, text):
    (source / "manifest.json").write_text(text)
    with pytest.raises(UsageFault, match=r"manifest\.json: "):
        pack(source, source.parent / "out.tar.zst")


def test_a_stated_file_list_must_be_right(source, packed, described, tmp_path):
    stated = json.loads(canonical(read_manifest(packed)))
    (source / "manifest.json").write_text(json.dumps(stated))
    (source / "model.onnx").write_bytes(b"changed since")
    with pytest.raises(UsageFault, match=r"files\.model\.onnx: the file has 13 bytes"):
        pack(source, tmp_path / "b.tar.zst")


def test_what_nobody_would_unpack_is_not_packed(source, tmp_path):
    for number in range(63):
        (source / "notes" / f"{number}.txt").touch()
    with pytest.raises(UsageFault, match="65 files of 1,816 bytes; an artifact holds 64 files"):
        pack(source, tmp_path / "b.tar.zst")
    assert not list(tmp_path.glob("b.*"))


def test_a_link_is_not_packed(source, tmp_path):
    (source / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(UsageFault, match="passwd: neither a plain file"):
        pack(source, tmp_path / "b.tar.zst")


@pytest.mark.parametrize("figure", [{"correct": 4, "total": 3}, {"correct": 2, "total": 2}])
def test_scores_that_cannot_be_are_refused(source, described, tmp_path, figure):
    described["expected"] = figure
    (source / "manifest.json").write_text(json.dumps(described))
    with pytest.raises(UsageFault, match=r"manifest\.json: "):
        pack(source, tmp_path / "b.tar.zst")


def test_what_cannot_be_packed_is_a_usage_fault_with_its_name(tmp_path, source):
    with pytest.raises(UsageFault, match=r"nowhere/tiny\.tar\.zst: cannot be written: No such file"):
        pack(source, tmp_path / "nowhere" / "tiny.tar.zst")
    (source / ("x" * 101)).write_bytes(b"")
    with pytest.raises(UsageFault, match="x: name is too long"):
        pack(source, tmp_path / "tiny.tar.zst")
    assert not (tmp_path / "tiny.tar.zst").exists()
