"""Format 1 grows: what was packed before keeps its identity, and what a new field says must hold together."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import jsonschema
import pytest
import zstandard

from farm.artifact.bound import BoundTo, mismatches
from farm.artifact.document import identity
from farm.artifact.manifest import RUNTIMES, Manifest, schema
from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact, read_manifest
from farm.cli import artifact_pack
from farm.errors import UsageFault

SAMPLES = sorted((Path(__file__).parents[2] / "lab" / "artifacts").glob("*.tar.zst"))
ACCURACY = ("dataset", "baseline", "expected")


def repacked(source: Path, described: dict, out: Path) -> Manifest:
    (source / "manifest.json").write_text(json.dumps(described))
    pack(source, out)
    return read_manifest(out)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_what_was_packed_before_a_field_existed_keeps_its_identity(path):
    with tarfile.open(fileobj=io.BytesIO(zstandard.decompress(path.read_bytes()))) as tar:
        packed = tar.extractfile("manifest.json").read()
    assert identity(read_manifest(path)) == hashlib.sha256(packed).hexdigest()


def test_a_model_without_a_data_set_states_no_accuracy(source, described, tmp_path):
    for name in ACCURACY:
        del described[name]
    del described["preprocess"]["sha256"]
    manifest = repacked(source, described, tmp_path / "a.tar.zst")
    assert not manifest.states_accuracy
    assert open_artifact(tmp_path / "a.tar.zst", tmp_path / "out").manifest == manifest


@pytest.mark.parametrize("absent", [*ACCURACY, "preprocess.sha256"])
def test_all_that_belongs_to_a_data_set_is_there_or_none_of_it(source, described, tmp_path, absent):
    where, _, field = absent.rpartition(".")
    del (described[where] if where else described)[field]
    with pytest.raises(UsageFault, match=f"without {absent}; all of them belong to one data set"):
        repacked(source, described, tmp_path / "a.tar.zst")


@pytest.mark.parametrize("shape", [[1, 1, 1 << 20, 1 << 20], [1, 3, 8192, 8193]])
def test_an_input_larger_than_any_frame_is_refused_before_anything_is_made_for_it(source, described, tmp_path, shape):
    described["input"]["shape"] = shape
    with pytest.raises(UsageFault, match=r"input\.shape: [\d,]+ values; a frame has 201,326,592 at most"):
        repacked(source, described, tmp_path / "a.tar.zst")


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([{"name": "upscale-nearest", "height": 8192, "width": 8192}] * 2, "upscale-nearest stands there twice"),
        ([{"name": "channel-order", "order": "bgr"}] * 2, "channel-order stands there twice"),
        ([{"name": "scale", "factor": 2}] * 9, "at most 8 items"),
    ],
)
def test_steps_that_would_keep_a_machine_busy_for_nothing_are_refused(source, described, tmp_path, steps, why):
    described["preprocess"]["steps"] = steps
    with pytest.raises(UsageFault, match=rf"preprocess\.steps: .*{why}"):
        repacked(source, described, tmp_path / "a.tar.zst")


def test_a_program_of_the_artifact_keeps_its_bit(source, described, tmp_path):
    (source / "bin").mkdir()
    (source / "bin" / "classify").write_bytes(b"\x7fELF")
    (source / "bin" / "classify").chmod(0o755)
    described |= {"runtime": "command", "command": ["bin/classify", "{model}", "{images}"], "architecture": "armv6l"}
    manifest = repacked(source, described, tmp_path / "a.tar.zst")
    assert [name for name, facts in manifest.files.items() if facts.executable] == ["bin/classify"]
    opened = open_artifact(tmp_path / "a.tar.zst", tmp_path / "out")
    assert [bool(opened.files[n].stat().st_mode & 0o111) for n in ("bin/classify", "model.onnx")] == [True, False]


def test_a_model_that_a_disk_marks_executable_is_the_same_model(source, packed, tmp_path):
    (source / "model.onnx").chmod(0o755)
    pack(source, tmp_path / "b.tar.zst")
    assert (tmp_path / "b.tar.zst").read_bytes() == packed.read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"runtime": "command"}, "command is needed by runtime 'command' alone"),
        ({"command": ["x"]}, "command is of runtime 'command' alone"),
        ({"runtime": "command", "command": ["bin/no"]}, "command bin/no is not among the files"),
        ({"runtime": "command", "command": ["notes/origin.txt"]}, "is not executable; `chmod \\+x` it"),
        ({"runtime": "command", "command": []}, "command: "),
        ({"clock": ["date"]}, "clock is of runtime 'command' alone"),
        ({"runtime": "command", "command": ["date"], "clock": ["bin/no"]}, "clock bin/no is not among the files"),
        ({"bound_to": {"tensorrt": "newest"}}, "bound_to.tensorrt: .*not a version"),
        ({"bound_to": {"moon": "full"}}, "bound_to.moon: "),
        ({"parent": "lenet"}, "parent: "),
        ({"architecture": "z80"}, "architecture: "),
        ({"runtime": "tensorrt"}, "bound_to: a TensorRT engine runs on one kind of GPU"),
        ({"runtime": "tensorrt", "bound_to": {"gpu": None, "tensorrt": "8.2"}}, "bound_to: a TensorRT engine"),
    ],
)
def test_what_cannot_be_is_a_usage_fault(source, described, tmp_path, change, told):
    with pytest.raises(UsageFault, match=told):
        repacked(source, described | change, tmp_path / "a.tar.zst")


@pytest.mark.parametrize(
    ("wanted", "board", "told"),
    [
        ({"tensorrt": "8.2.1"}, {"tensorrt": "8.2.1.8"}, []),
        ({"tensorrt": "8.2.1"}, {"tensorrt": "8.2.10"}, ["tensorrt: wants 8.2.1, the board has 8.2.10"]),
        ({"edgetpu_runtime": "≥ 13"}, {"edgetpu_runtime": "14"}, []),
        ({"edgetpu_runtime": "≥ 13.0"}, {"edgetpu_runtime": "13"}, []),
        (
            {"edgetpu_runtime": ">= 13"},
            {"edgetpu_runtime": "12.5"},
            ["edgetpu_runtime: wants >= 13, the board has 12.5"],
        ),
        ({"gpu": "NVIDIA Tegra X2"}, {"gpu": "nvidia  tegra x2"}, []),
        ({"compute_capability": "6.2"}, {}, ["compute_capability: wants 6.2, the board does not say"]),
        (
            {"compute_capability": "6.2"},
            {"compute_capability": None},
            ["compute_capability: wants 6.2, the board does not say"],
        ),
    ],
)
def test_a_model_is_held_against_what_its_board_says(wanted, board, told):
    assert list(mismatches(BoundTo.model_validate(wanted), board)) == told


def test_the_published_schema_takes_what_a_person_writes_and_what_is_packed(described, packed):
    published = schema()
    jsonschema.Draft202012Validator.check_schema(published)
    validator = jsonschema.Draft202012Validator(published)
    validator.validate(described)
    validator.validate(read_manifest(packed).model_dump(mode="json", exclude_none=True))
    assert not validator.is_valid(described | {"prune": True})


def test_the_command_line_knows_the_manifests_runtimes():
    assert artifact_pack._RUNTIMES == RUNTIMES
