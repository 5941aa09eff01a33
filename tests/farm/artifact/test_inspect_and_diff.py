"""What compression did, in figures; and in what two artifacts differ."""

import hashlib
import heapq
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.diff import diff
from farm.artifact.inspect import find_parent, inspect
from farm.artifact.model.entropy import huffman_length, spread
from farm.artifact.model.onnx import read_onnx
from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact, read_manifest
from farm.cli.main import main
from farm.errors import Exit

from .onnx_bytes import model, node

SAMPLES = Path(__file__).parents[2] / "lab" / "artifacts"


def sample(name: str) -> Path:
    return SAMPLES / f"{name}.tar.zst"


def test_a_pruned_net_shows_its_sparsity_against_its_float_parent(capsys):
    assert main(["artifact", "inspect", str(sample("lenet5-pruned-int8-onnx"))]) == Exit.PASS
    shown = capsys.readouterr().out
    assert "parent lenet5-float-onnx" in shown
    (sparse,) = [line.split() for line in shown.splitlines() if line.startswith("weights that are 0")]
    assert sparse[4:] == ["69.8%", "0.0%", "-"]
    assert "125,108 of 416,520 MACs are by a weight that is not 0" in shown


def test_programs_get_the_same_figures(capsys):
    assert main(["artifact", "inspect", "--json", str(sample("lenet5-shared-onnx"))]) == Exit.PASS
    value = json.loads(capsys.readouterr().out)
    assert value["against"]["name"] == "lenet5-float-onnx"
    assert [layer["weights"]["distinct"] for layer in value["net"]["layers"]] == [15, 16, 16, 16, 16]
    whole = value["net"]["weights"]
    assert whole["entropy_bits"] <= whole["huffman_bits"] <= whole["entropy_bits"] + 1
    assert whole["stored_bits"] == pytest.approx(8, abs=0.05)  # a number of eight bits each, and a small table
    assert value["against"]["net"]["weights"]["stored_bits"] == 32


@pytest.mark.parametrize("runtime", ["onnx", "tflite"])
def test_the_sparsity_is_the_one_of_the_weights_themselves(runtime):
    found = inspect(sample(f"lenet5-pruned-int8-{runtime}"))
    pruned = [layer.weights.sparsity for layer in found.net.layers[:-1]]
    assert pruned == pytest.approx([0.7] * 4, abs=0.02)  # as the training script asked; the last layer was left alone
    assert found.net.weights.zeros == sum(layer.weights.zeros for layer in found.net.layers)


def test_a_parent_is_known_by_the_identity_that_a_manifest_names(source, described, packed, tmp_path):
    parent = read_manifest(packed)
    for name, data in (("z-parent", b"not really a model" * 100), ("other", b"another")):
        (source / "model.onnx").write_bytes(data)
        (source / "manifest.json").write_text(json.dumps(described | {"name": name}))
        pack(source, tmp_path / f"{name}.tar.zst")
    named = inspect(tmp_path / "z-parent.tar.zst").id
    (source / "manifest.json").write_text(json.dumps(described | {"name": "child", "parent": named}))
    pack(source, tmp_path / "child.tar.zst")
    (tmp_path / "broken.tar.zst").write_bytes(b"whatever else lies there")
    child = read_manifest(tmp_path / "child.tar.zst")
    assert find_parent(tmp_path / "child.tar.zst", child) == tmp_path / "z-parent.tar.zst"
    assert find_parent(packed, parent) is None  # its own baseline


def test_a_parent_that_is_another_is_refused(source, described, packed, tmp_path, capsys):
    (source / "manifest.json").write_text(json.dumps(described | {"parent": "0" * 64}))
    pack(source, tmp_path / "child.tar.zst")
    assert main(["artifact", "inspect", str(tmp_path / "child.tar.zst"), "--parent", str(packed)]) == Exit.USAGE
    assert "its parent is 000000000000" in capsys.readouterr().err


def test_a_model_that_cannot_be_read_is_told_and_still_shown(packed, capsys):
    assert main(["artifact", "inspect", str(packed)]) == Exit.PASS
    told = capsys.readouterr()
    assert "Tiny, float32, for onnx" in told.out
    assert "not looked into: model.onnx: " in told.err


def test_the_manifest_alone_is_byte_by_byte_what_is_hashed(packed, capsysbinary):
    assert main(["artifact", "inspect", "--manifest", str(packed)]) == Exit.PASS
    assert hashlib.sha256(capsysbinary.readouterr().out).hexdigest() == inspect(packed).id


def plain_huffman(counts: list[int]) -> int:
    heap, bits = sorted(counts), 0
    if len(heap) == 1:
        return heap[0]
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        bits += both
        heapq.heappush(heap, both)
    return bits


def test_huffman_codes_are_as_long_as_by_the_plain_algorithm():
    chance = random.Random(3)
    for _ in range(400):
        counts = [chance.randrange(1, chance.choice([2, 5, 100])) for _ in range(chance.randrange(1, 40))]
        assert huffman_length(np.array(counts)) == plain_huffman(counts)


def test_a_million_different_weights_cost_no_time():
    counts = np.ones(1 << 20, np.int64)
    assert huffman_length(counts) == 20 << 20


@pytest.mark.parametrize(
    ("values", "entropy", "huffman"), [([], 0, 0), ([7, 7], 0, 1), ([0, 1], 1, 1), ([0, 0, 0, 1], 0.811, 1)]
)
def test_the_bound_and_the_code(values, entropy, huffman):
    found = spread(np.array(values))
    assert (found.entropy_bits, found.huffman_bits) == (pytest.approx(entropy, abs=1e-3), huffman)


def test_the_same_artifact_does_not_differ(packed, tmp_path, capsys):
    shutil.copy(packed, tmp_path / "copy.tar.zst")
    assert main(["artifact", "diff", str(packed), str(tmp_path / "copy.tar.zst")]) == Exit.PASS
    assert capsys.readouterr().out.startswith("the same artifact: ")


def test_two_artifacts_differ_in_fields_files_operators_and_tensors():
    found = diff(sample("lenet5-float-onnx"), sample("lenet5-pruned-int8-onnx"))
    assert {"precision", "input.dtype", "expected.correct"} <= {one.name for one in found.fields}
    assert [(one.name, one.a, one.b) for one in found.files] == [("model.onnx", 247_555, 63_886)]
    assert ("Gemm", 3, 0) in [(one.name, one.a, one.b) for one in found.operators]
    (weight,) = [one for one in found.tensors if one.name == "weight0"]
    assert (weight.what, weight.a, weight.b, weight.changed) == ("changed", "float32 6x1x5x5", "int8 6x1x5x5", None)


def test_numbers_that_changed_are_counted(source, described, tmp_path):
    opened = open_artifact(sample("lenet5-pruned-int8-onnx"), tmp_path / "x")
    original, made = opened.model_path.read_bytes(), opened.manifest
    described |= {"input": made.input.model_dump(exclude_none=True), "output": made.output.model_dump()}
    inner = read_onnx(original).constants["weight4"].values.tobytes()
    begin = original.index(inner)
    weights = bytearray(inner)
    weights[100], weights[200] = 5, 7
    largest = max(
        abs(new - int(np.int8(inner[at] if inner[at] < 128 else inner[at] - 256))) for at, new in ((100, 5), (200, 7))
    )
    changed = original[:begin] + bytes(weights) + original[begin + len(inner) :]
    for name, data in (("a", original), ("b", changed)):
        (source / "model.onnx").write_bytes(data)
        (source / "manifest.json").write_text(json.dumps(described | {"name": name}))
        pack(source, tmp_path / f"{name}.tar.zst")
    found = diff(tmp_path / "a.tar.zst", tmp_path / "b.tar.zst")
    assert not found.same
    assert [(one.name, one.changed, one.total, one.largest) for one in found.tensors] == [
        ("weight4", 2, 48_000, largest)
    ]
    assert found.same_tensors == 25


def test_a_change_that_no_number_tells_is_none(source, described, tmp_path, capsys):
    for name, weight in (("a", 1.0), ("b", np.nan)):
        nodes = [node("MatMul", ["x", "w"], ["y"])]
        constants = {"w": np.array([[1, weight]], np.float32)}
        (source / "model.onnx").write_bytes(model(nodes, constants, {"x": [1, 1]}, {"y": [1, 2]}))
        given = {"name": "x", "shape": [1, 1], "dtype": "float32", "layout": "NCHW"}
        ports = {"input": given, "output": {"name": "y", "shape": [1, 2], "dtype": "float32"}}
        (source / "manifest.json").write_text(json.dumps(described | ports | {"name": name}))
        pack(source, tmp_path / f"{name}.tar.zst")
    packed = [str(tmp_path / f"{name}.tar.zst") for name in "ab"]
    assert main(["artifact", "diff", "--json", *packed]) == Exit.PASS
    (changed,) = json.loads(capsys.readouterr().out)["tensors"]
    assert (changed["changed"], changed["largest"]) == (1, None)
    assert main(["artifact", "inspect", "--json", packed[1]]) == Exit.PASS
    json.loads(capsys.readouterr().out)


def test_programs_get_the_differences(capsys):
    words = [str(sample("lenet5-float-onnx")), str(sample("lenet5-shared-onnx"))]
    assert main(["artifact", "diff", "--json", *words]) == Exit.PASS
    value = json.loads(capsys.readouterr().out)
    assert not value["same"]
    assert value["a"]["accuracy"] == pytest.approx(525 / 540)
    assert {"name": "Gather", "a": 0, "b": 5} in value["operators"]
