"""What the readers find in model files is what the runtimes find; what is damaged is told, and nothing else happens."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.inspect import facts
from farm.artifact.model.layers import layers
from farm.artifact.model.malformed import Malformed
from farm.artifact.model.net import constant
from farm.artifact.model.onnx import external_files, read_onnx
from farm.artifact.model.read import read_net
from farm.artifact.model.tflite import read_tflite
from farm.artifact.unpack import open_artifact

from .onnx_bytes import blob, model, node, tensor

LAB = Path(__file__).parents[2] / "lab" / "artifacts"


def sample(name: str, folder: Path) -> Path:
    return open_artifact(LAB / f"{name}.tar.zst", folder).model_path


@pytest.mark.parametrize("form", ["float", "pruned-int8", "shared"])
def test_an_onnx_files_ends_are_those_that_onnxruntime_sees(form, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    path = sample(f"lenet5-{form}-onnx", tmp_path)
    net, session = read_onnx(path.read_bytes()), runtime.InferenceSession(path)
    types = {"float32": "tensor(float)", "uint8": "tensor(uint8)"}
    for ours, theirs in ((net.inputs, session.get_inputs()), (net.outputs, session.get_outputs())):
        assert [(o.name, list(o.shape), types[o.dtype]) for o in ours] == [(t.name, t.shape, t.type) for t in theirs]


@pytest.mark.parametrize("form", ["float", "pruned-int8"])
def test_every_tensor_of_a_tflite_file_is_the_one_that_litert_sees(form, tmp_path):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    path = sample(f"lenet5-{form}-tflite", tmp_path)
    net, interpreter = read_tflite(path.read_bytes()), runtime.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    for theirs in interpreter.get_tensor_details():
        name = theirs["name"]
        if name not in net.shapes:  # the interpreter's own, for its work
            continue
        assert net.shapes[name] == tuple(theirs["shape"])
        if name in net.constants:
            one = net.constants[name]
            assert one.dtype == np.dtype(theirs["dtype"]).name
            assert np.array_equal(one.values, interpreter.get_tensor(theirs["index"]))
            scales = theirs["quantization_parameters"]["scales"]
            assert set(() if one.scale is None else one.scale.tolist()) == set(scales.tolist())  # one, or one a channel
    assert net.inputs[0].name == interpreter.get_input_details()[0]["name"]


def test_both_formats_of_one_net_have_the_same_layers(tmp_path):
    one, other = (
        read_net(p.name, p.read_bytes())
        for p in (sample(f"lenet5-pruned-int8-{r}", tmp_path) for r in ("onnx", "tflite"))
    )
    ours, theirs = facts(one), facts(other)
    assert [layer.macs for layer in ours.layers] == [layer.macs for layer in theirs.layers]
    assert [layer.weights.distinct for layer in ours.layers] == [layer.weights.distinct for layer in theirs.layers]
    assert ours.macs_not_zero == theirs.macs_not_zero


def test_lenet_5_takes_as_many_multiplications_as_its_layers_say(tmp_path):
    net = read_net("m.onnx", sample("lenet5-float-onnx", tmp_path).read_bytes())
    by_hand = [28 * 28 * 6 * 25, 10 * 10 * 16 * 6 * 25, 400 * 120, 120 * 84, 84 * 10]
    assert [layer.macs for layer in layers(net)] == by_hand


@pytest.mark.parametrize(
    ("operator", "given", "weight", "options", "macs", "out"),
    [
        ("Conv", [1, 3, 8, 8], [4, 3, 3, 3], {"pads": [1, 1, 1, 1]}, 8 * 8 * 4 * 27, (1, 4, 8, 8)),
        ("Conv", [1, 3, 9, 9], [4, 3, 3, 3], {"strides": [2, 2]}, 4 * 4 * 4 * 27, (1, 4, 4, 4)),
        ("Conv", [1, 3, 8, 8], [4, 3, 3, 3], {"dilations": [2, 2]}, 4 * 4 * 4 * 27, (1, 4, 4, 4)),
        ("Conv", [1, 3, 7, 7], [4, 3, 3, 3], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 16 * 4 * 27, (1, 4, 4, 4)),
        ("Conv", [1, 6, 8, 8], [6, 1, 3, 3], {"group": 6}, 6 * 6 * 6 * 9, (1, 6, 6, 6)),
        ("ConvTranspose", [1, 3, 4, 4], [3, 5, 2, 2], {"strides": [2, 2]}, 16 * 3 * 5 * 4, (1, 5, 8, 8)),
        ("ConvTranspose", [1, 3, 4, 4], [3, 5, 2, 2], {"dilations": [3, 3]}, 16 * 3 * 5 * 4, (1, 5, 7, 7)),
        ("Gemm", [2, 7], [7, 5], {}, 2 * 7 * 5, (2, 5)),
        ("Gemm", [2, 7], [5, 7], {"transB": 1}, 2 * 7 * 5, (2, 5)),
        ("MatMul", [1, 4, 7], [7, 5], {}, 4 * 7 * 5, (1, 4, 5)),
    ],
)
def test_multiplications_follow_from_shapes(operator, given, weight, options, macs, out):
    data = model([node(operator, ["x", "w"], ["y"], **options)], {"w": np.ones(weight, np.float32)}, {"x": given})
    net = read_onnx(data)
    assert [layer.macs for layer in layers(net)] == [macs]
    assert net.shapes["y"] == out


def test_what_follows_from_an_unknown_operator_is_unknown_and_not_nothing():
    nodes = [node("Novelty", ["x"], ["t"]), node("Gemm", ["t", "w"], ["y"])]
    (layer,) = layers(read_onnx(model(nodes, {"w": np.ones((7, 5), np.float32)}, {"x": [1, 7]})))
    assert (layer.macs, layer.parameters) == (None, 35)


@pytest.mark.parametrize("operator", ["LSTM", "MatMulNBits"])
def test_operators_that_multiply_in_ways_that_are_not_read_leave_every_sum_unknown(operator):
    nodes = [node("Gemm", ["x", "w"], ["t"]), node(operator, ["t", "v"], ["y"])]
    constants = {"w": np.ones((7, 5), np.float32), "v": np.ones((20, 5), np.float32)}
    found = facts(read_onnx(model(nodes, constants, {"x": [1, 7]})))
    assert (found.macs, found.parameters, found.weights, found.other_bytes) == (None, None, None, 400)


def test_weights_that_are_kept_in_an_unknown_way_leave_every_sum_unknown():
    nodes = [node("Unpack4", ["w"], ["u"]), node("Conv", ["x", "u"], ["t"]), node("Conv", ["x", "v"], ["y"])]
    kernel = np.ones((2, 1, 3, 3), np.float32)
    found = facts(read_onnx(model(nodes, {"w": kernel, "v": kernel}, {"x": [1, 1, 8, 8]})))
    assert [layer.parameters for layer in found.layers] == [0, 18]
    assert (found.parameters, found.macs, found.weights) == (None, None, None)


def test_weights_that_lead_back_to_themselves_or_branch_without_end_are_looked_at_once():
    nodes = [node("Mul", [f"m{n}", f"m{n}"], [f"m{n + 1}"]) for n in range(15)]
    nodes += [node("MatMul", ["x", "m15"], ["y"]), node("Mul", ["round", "round"], ["round"])]
    nodes += [node("MatMul", ["x", "round"], ["z"])] + [node("MatMul", ["x", "m15"], [f"y{n}"]) for n in range(2000)]
    found = layers(read_onnx(model(nodes, {"m0": np.ones((7, 5), np.float32)}, {"x": [1, 7]})))
    assert [layer.parameters for layer in found[:2]] == [35, 0]


def test_quantised_weights_count_as_zero_at_their_zero_point():
    weights = np.array([[3, 3, 4], [5, 3, 3]], np.int8)
    constants = {"q": weights, "scale": np.float32([0.5]), "zero": np.int8([3])}
    nodes = [node("DequantizeLinear", ["q", "scale", "zero"], ["w"]), node("Gemm", ["x", "w"], ["y"])]
    (layer,) = layers(read_onnx(model(nodes, constants, {"x": [1, 2]})))
    assert layer.zeros() == 4
    assert layer.weights.stored_bytes == 6 + 4 + 1


def test_each_channel_may_have_a_zero_of_its_own():
    weights = np.array([[3, 3, 4], [5, 5, 3]], np.int8)
    constants = {"q": weights, "scale": np.float32([0.5, 1]), "zero": np.int8([3, 5])}
    nodes = [node("DequantizeLinear", ["q", "scale", "zero"], ["w"], axis=0), node("Gemm", ["x", "w"], ["y"])]
    (layer,) = layers(read_onnx(model(nodes, constants, {"x": [1, 2]})))
    assert layer.zeros() == 4


def test_products_of_integers_too_may_have_a_zero_for_each_channel():
    weights = np.array([[3, 3, 4], [5, 5, 3]], np.uint8)
    constants = {"w": weights.T.copy(), "scale": np.float32([1]), "zeros": np.uint8([3, 5]), "zero": np.uint8([0])}
    given = ["x", "scale", "zero", "w", "scale", "zeros", "scale", "zero"]
    (layer,) = layers(read_onnx(model([node("QLinearMatMul", given, ["y"])], constants, {"x": [1, 3]})))
    assert layer.zeros() == 4


def test_numbers_that_lie_in_another_file_are_read_from_there():
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    where = {"location": "m.bin", "offset": "8", "length": "24"}
    data = model([node("MatMul", ["x", "w"], ["y"])], {"w": tensor("w", weights, external=where)}, {"x": [1, 2]})
    assert external_files(data) == ["m.bin"]
    net = read_net("m.onnx", data, lambda name: bytes(8) + weights.tobytes() if name == "m.bin" else None)
    assert np.array_equal(net.constants["w"].values, weights)
    absent = read_onnx(data)
    assert absent.constants["w"].values is None
    assert facts(absent).weights.zeros is None


def test_typed_fields_hold_the_same_numbers_as_raw_bytes():
    values = {
        "a": np.float32([1.5, -2]),
        "b": np.int64([1, -(2**40)]),
        "c": np.uint8([0, 255]),
        "d": np.float16([0.5, 3]),
    }
    constants = {name: tensor(name, value, typed=True) for name, value in values.items()}
    net = read_onnx(model([node("Relu", ["x"], ["y"])], constants, {"x": [1]}))
    assert {name: one.values.tolist() for name, one in net.constants.items()} == {
        n: v.tolist() for n, v in values.items()
    }


@pytest.mark.parametrize(
    ("dtype", "data", "values"),
    [
        ("int4", b"\x1f\x87", [-1, 1, 7, -8]),
        ("uint4", b"\x1f\x07", [15, 1, 7]),
        ("bfloat16", struct.pack("<HH", 0x3FC0, 0xC000), [1.5, -2.0]),
    ],
)
def test_types_that_numpy_has_not_are_unpacked(dtype, data, values):
    assert constant((len(values),), dtype, data, "t").values.tolist() == values


def test_a_type_that_nobody_knows_keeps_its_size_alone():
    one = constant((4,), "type 99", b"abcdefg", "t")
    assert (one.stored_bytes, one.values) == (7, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 40,
        b"\x3a\x80\x80\x80\x80\x10" + b"x" * 20,
        b"PK\x03\x04" + bytes(30),
        model([node("Relu", ["x"], ["y"]) + blob(5, blob(1, "alpha") + blob(2, b""))], {}, {"x": [1]}),
        model([blob(4, "Constant") + blob(5, blob(1, "value") + blob(5, tensor("c", np.int8([1]))))], {}, {"x": [1]}),
    ],
)
def test_what_is_no_onnx_file_is_malformed(data):
    with pytest.raises(Malformed):
        read_onnx(data)


@pytest.mark.parametrize(
    "data", [b"", bytes(8), struct.pack("<I", 2**31) + b"TFL3", struct.pack("<I", 8) + b"TFL3" + bytes(9)]
)
def test_what_is_no_tflite_file_is_malformed(data):
    with pytest.raises(Malformed):
        read_tflite(data)


@pytest.mark.parametrize("runtime", ["onnx", "tflite"])
def test_a_damaged_file_is_malformed_or_another_net_and_never_a_crash(runtime, tmp_path):
    good = sample(f"lenet5-pruned-int8-{runtime}", tmp_path).read_bytes()
    chance = random.Random(7)
    places = [*range(2500), *range(len(good) - 2500, len(good))]  # the structure; weights fill the middle
    refused = 0
    for _ in range(250):
        bad = bytearray(good)
        for at in chance.sample(places, 3):
            bad[at] = chance.choice([0, 127, 128, 255])
        try:
            if (net := read_net(f"m.{runtime}", bytes(bad))) is not None:
                facts(net)
        except Malformed:
            refused += 1
    assert refused
