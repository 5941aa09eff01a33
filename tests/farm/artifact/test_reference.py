"""The NumPy reference: what an ONNX file becomes, and that it answers as the runtimes do."""

import importlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.inspect import inspect
from farm.artifact.model.malformed import Malformed
from farm.artifact.model.npz import read_npz
from farm.artifact.model.onnx import read_onnx
from farm.artifact.model.tflite import read_tflite
from farm.artifact.pack_model import pack_model
from farm.artifact.preprocess import tensor
from farm.artifact.reference import reference_of
from farm.artifact.said import Said
from farm.artifact.unpack import open_artifact
from farm.errors import UsageFault

from .onnx_bytes import blob, model, node, number

REPOSITORY = Path(__file__).parents[3]
LAB = REPOSITORY / "tests" / "lab"
NETS = sorted(path.name.removesuffix("-onnx.tar.zst") for path in (LAB / "artifacts").glob("*-onnx.tar.zst"))
EVERY = {"lenet5-fine-float": 60, "lenet5-fine-shared": 60, "lenet5-x4-float": 540}
"""Of these nets only each n-th image, here: a frame takes numpy 30 or 500 ms, for the same answers (oversampled)."""


@pytest.fixture(scope="module")
def reference():
    """``reference(bytes)``: the runner's backend, loaded from a file with these."""
    with pytest.MonkeyPatch.context() as patch, io.BytesIO() as file:
        patch.syspath_prepend(str(REPOSITORY / "farm" / "runner"))
        kept = set(sys.modules)
        backend = importlib.import_module("reference").Reference

        def load(data: bytes):
            file.seek(0)
            file.truncate()
            file.write(data)
            file.seek(0)
            return backend(io.BytesIO(data), {})

        yield load
        for name in set(sys.modules) - kept:
            if name in ("reference", "faults"):
                del sys.modules[name]


@pytest.fixture(scope="module")
def digits():
    return load_dataset(LAB / "datasets" / "digits-540")


def onnx_scores(runtime, data: bytes, tensors) -> list[np.ndarray]:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return [session.run(None, {name: one})[0] for one in tensors]


def tflite_scores(data: bytes, tensors) -> list[np.ndarray]:
    loaded = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_content=data, num_threads=1)
    loaded.allocate_tensors()
    given, wanted = loaded.get_input_details()[0]["index"], loaded.get_output_details()[0]["index"]
    found = []
    for one in tensors:
        loaded.set_tensor(given, one)
        loaded.invoke()
        found.append(loaded.get_tensor(wanted))
    return found


def classes(scores) -> list[int]:
    return [int(one.argmax()) for one in scores]


@pytest.mark.parametrize("net", NETS)
def test_both_runtimes_and_the_reference_give_each_image_the_same_class(net, reference, digits, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("ai_edge_litert")
    opened = {kind: open_artifact(LAB / "artifacts" / f"{net}-{kind}.tar.zst", tmp_path / kind) for kind in RUNTIMES}
    data = {kind: one.model_path.read_bytes() for kind, one in opened.items()}
    shown = digits.images[:: EVERY.get(net, 1)]
    tensors = {kind: [tensor(image, one.manifest) for image in shown] for kind, one in opened.items()}
    loaded = reference(reference_of(read_onnx(data["onnx"]), net))
    ours = [loaded.infer(one) for one in tensors["onnx"]]
    assert classes(ours) == classes(onnx_scores(runtime, data["onnx"], tensors["onnx"]))
    if opened["tflite"].manifest.output.dtype == "int8":  # its scores are rounded, and equal ones may come of that
        port = read_tflite(data["tflite"]).outputs[0]
        ours = [np.rint(one / np.float32(port.scale)) + port.zero_point for one in ours]
    assert classes(ours) == classes(tflite_scores(data["tflite"], tensors["tflite"]))


RUNTIMES = ("onnx", "tflite")


@pytest.fixture(scope="module")
def large():
    """The packages that write nets with operators of any kind."""
    pytest.importorskip("onnxruntime")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(LAB / "models"))
        from large import float_model, graph, int8_model

        b = graph.Builder(16)
        x = b.conv(0, 8, 3, stride=2)
        x = b.conv(b.depthwise(x), 8, 1, activation="none")
        y = b.add(b.max_pool(x, 3, 1, pad=1), x, activation="relu")
        y = b.concat(b.conv(y, 4, 1), b.conv(y, 8, 3, groups=2))
        b.dense(b.average(b.max_pool(y, 3, 2)), 7)
        net = graph.Net("all", b.shapes[0], tuple(b.nodes))
        yield {
            "float": b"".join(float_model.write_float(net, 3)),
            **{form: b"".join(int8_model.write_int8(net, 3, form)) for form in ("s8s8", "u8s8")},
        }


def test_integers_are_computed_as_onnxruntime_does_to_the_last_bit_and_floats_nearly(large, reference):
    runtime = pytest.importorskip("onnxruntime")
    images = np.random.default_rng(3).uniform(-1, 1, (5, 1, 3, 16, 16)).astype(np.float32)
    exact = []
    for form, data in large.items():
        loaded = reference(reference_of(read_onnx(data), form))
        ours, theirs = ([loaded.infer(image) for image in images], onnx_scores(runtime, data, images))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 if form == "float" else 0.1)
        exact.append(np.array_equal(ours, theirs))
    assert any(exact[1:])  # the form that this processor runs in integers from end to end


def test_products_of_integers_are_one_operator_each(large):
    net = read_npz(reference_of(read_onnx(large["s8s8"]), "s8s8"))
    operators = [one.operator for one in net.nodes]
    assert operators.count("IntConv") == 5
    assert operators[-1] == "IntGemm"
    assert not {"Conv", "Gemm", "Clip", "Relu"} & set(operators)
    limits = [(one.attributes["low"], one.attributes["high"]) for one in net.nodes if one.operator == "IntConv"]
    assert limits[0] == (-128, 127)
    assert net.shapes[net.outputs[0].name] == (1, 7)


def test_the_same_model_gives_the_same_bytes_and_weights_that_are_shared_stay_so(tmp_path):
    artifact = open_artifact(LAB / "artifacts" / "lenet-300-100-shared-onnx.tar.zst", tmp_path)
    data = artifact.model_path.read_bytes()
    made = reference_of(read_onnx(data), "shared")
    assert made == reference_of(read_onnx(data), "shared")
    assert len(made) < 1.02 * len(data)
    assert [one.operator for one in read_npz(made).nodes].count("Gather") == 3


def test_a_reference_is_packed_from_onnx_and_inspected_like_any_model(digits, tmp_path):
    artifact = open_artifact(LAB / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst", tmp_path / "opened")
    source = tmp_path / "lenet5.onnx"
    source.write_bytes(artifact.model_path.read_bytes())
    out = tmp_path / "lenet5.tar.zst"
    pack_model(source, Said(name="lenet5", runtime="numpy", precision="int8"), out)
    ours, theirs = inspect(out), inspect(LAB / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst")
    assert (ours.manifest.runtime, ours.manifest.entry) == ("numpy", "lenet5.npz")
    assert ours.manifest.input == artifact.manifest.input
    assert ours.manifest.output == artifact.manifest.output
    assert (ours.net.macs, ours.net.parameters) == (theirs.net.macs, theirs.net.parameters)
    assert ours.net.macs_not_zero == theirs.net.macs_not_zero
    assert [layer.weights for layer in ours.net.layers] == [layer.weights for layer in theirs.net.layers]


def converted(nodes, constants, shape=(1, 2, 4, 4), out=(1, 2, 4, 4)) -> bytes:
    return reference_of(read_onnx(model(nodes, constants, {"x": list(shape)}, {"y": list(out)})), "net.onnx")


W = {"w": np.ones((2, 2, 3, 3), np.float32)}


@pytest.mark.parametrize(
    ("nodes", "constants", "told"),
    [
        ([node("Erf", ["x"], ["a"]), node("Det", ["a"], ["y"])], {}, r"operator Det.*\n.*operator Erf"),
        ([node("Conv", ["x", "x"], ["y"])], {}, "operator Conv .y.: its input x does not stand in the file"),
        ([node("Softmax", ["x"], ["y"], axis=1)], {}, "along axis 1; want the last one"),
        ([node("Conv", ["x", "w"], ["a"])], W, "nothing gives its output y"),
        ([node("Conv", ["x"], ["y"])], W, "operator Conv .y.: is not as ONNX has it"),
        ([node("MaxPool", ["x"], ["y"])], W, "MaxPool .y.: is not as ONNX has it"),
        ([node("Gemm", ["x", "w"], ["y"])], W, "want rows"),
        (
            [node("Cast", ["b"], ["a"], to=1), node("Cast", ["a"], ["b"], to=1)],
            W,
            "takes b, which nothing before it gives",
        ),
        ([node("Relu", ["z"], ["y"])], W, "takes z, which nothing before it gives"),
    ],
)
def test_what_a_reference_cannot_hold_is_named(nodes, constants, told):
    with pytest.raises(UsageFault) as fault:
        converted(nodes, constants)
    assert fault.match(told)
    assert str(fault.value).startswith("net.onnx: ")


def test_pads_and_rounding_are_written_out(reference):
    runtime = pytest.importorskip("onnxruntime")
    image = np.random.default_rng(1).normal(size=(1, 2, 5, 4)).astype(np.float32)
    for nodes in (
        [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2])],
        [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", strides=[2, 1])],
        [node("Conv", ["x", "w"], ["y"], pads=[1, 0, 2, 3], dilations=[1, 2])],
        [node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 3], ceil_mode=1)],
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])],
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)],
        [node("ReduceMean", ["x"], ["a"], axes=[2, 3], keepdims=0), node("Softmax", ["a"], ["y"], axis=1)],
        [node("BatchNormalization", ["x", "s", "s", "s", "s"], ["y"])],
        [node("Clip", ["x", "low"], ["a"]), node("Mul", ["a", "x"], ["b"]), node("Add", ["b", "low"], ["y"])],
    ):
        constants = W | {"s": np.float32([0.5, 2]), "low": np.float32(-0.25)}
        data = model(nodes, constants, {"x": [1, 2, 5, 4]}, {"y": []})
        shapeless = read_onnx(data)
        ours = reference(reference_of(shapeless, "net")).infer(image)
        named = model(nodes, constants, {"x": [1, 2, 5, 4]}, {"y": list(ours.shape)})
        np.testing.assert_allclose(ours, onnx_scores(runtime, named, [image])[0], rtol=1e-5, atol=1e-6)


def test_operators_of_onnxruntime_on_integers_are_read_as_what_they_stand_for(reference):
    runtime = pytest.importorskip("onnxruntime")
    own = blob(7, "com.microsoft")
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("QLinearAdd", ["q", "s", "z", "q", "s", "z", "s2", "z2"], ["a"]) + own,
        node("QLinearMul", ["q", "s", "z", "a", "s2", "z2", "s", "z"], ["m"]) + own,
        node("QLinearConcat", ["s2", "z2", "a", "s2", "z2", "m", "s", "z"], ["c"], axis=1) + own,
        node("QLinearAveragePool", ["c", "s2", "z2", "s2", "z2"], ["p"], kernel_shape=[2, 2]) + own,
        node("QLinearGlobalAveragePool", ["p", "s2", "z2", "s", "z"], ["g"]) + own,
        node("Flatten", ["g"], ["f"]),
        node("QLinearMatMul", ["f", "s", "z", "w", "sw", "zw", "s2", "z2"], ["l"]),
        node("DequantizeLinear", ["l", "s2", "z2"], ["y"]),
    ]
    chance = np.random.default_rng(2)
    constants = {
        "s": np.float32(0.02),
        "z": np.uint8(120),
        "s2": np.float32(0.05),
        "z2": np.uint8(100),
        "w": chance.integers(0, 255, (4, 3)).astype(np.uint8),
        "sw": np.float32(0.01),
        "zw": np.uint8(128),
    }
    data = model(nodes, constants, {"x": [1, 2, 5, 4]}, {"y": [1, 3]}) + blob(
        8, blob(1, "com.microsoft") + number(2, 1)
    )
    made = reference_of(read_onnx(data), "net")
    images = chance.normal(size=(20, 1, 2, 5, 4)).astype(np.float32)
    ours, theirs = [reference(made).infer(image) for image in images], onnx_scores(runtime, data, images)
    np.testing.assert_allclose(
        ours, theirs, rtol=0, atol=0.0501
    )  # its kernels may round a half the other way: one step
    assert np.mean(np.array(ours) == np.array(theirs)) > 0.8


def test_weights_whose_zero_is_not_zero_lose_nothing(reference, tmp_path):
    weight = np.array([[0, 255, 128]], np.uint8).T  # less its zero point this takes nine bits
    nodes = [node("QLinearMatMul", ["q", "s", "z", "w", "s", "zw", "s", "z"], ["l"])]
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), *nodes, node("DequantizeLinear", ["l", "s", "z"], ["y"])]
    one = {"s": np.float32(1), "z": np.uint8(0), "w": weight, "zw": np.uint8(255)}
    made = reference_of(read_onnx(model(nodes, one, {"x": [1, 3]}, {"y": [1, 1]})), "net")
    integers = next(value for name, value in read_npz(made).constants.items() if name.endswith("integers"))
    assert (integers.dtype, integers.values.tolist()) == ("int16", [[-255, 0, -127]])
    assert reference(made).infer(np.float32([[0, 9, 0]])).tolist() == [[0.0]]


def test_sums_that_could_leave_32_bits_are_refused():
    one = {"s": np.float32(1), "z": np.uint8(0), "w": np.full((40_000, 1), 255, np.uint8)}
    nodes = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("QLinearMatMul", ["q", *"szwszsz"], ["y"])]
    with pytest.raises(UsageFault, match="its sums may reach 2,601,000,000, which is more than 32 bits hold"):
        reference_of(read_onnx(model(nodes, one, {"x": [1, 40_000]}, {"y": [1, 1]})), "net")


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GRAPH = np.array([b"input x shape=1,4 dtype=float32", b"Gemm y x w - transB=1", b"output y"])
GOOD = npz(graph=GRAPH, w=np.ones((3, 4), np.float32))


def compressed() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, graph=GRAPH)
    return file.getvalue()


def member(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("graph.npy", data)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK\x03\x04 and no more", "no whole zip archive"),
        (GOOD[:-30], "no whole zip archive"),
        (GOOD.replace(b"(3, 4)", b"(9, 4)"), "no whole zip archive|48 bytes for a float32 of shape"),
        (compressed(), "is compressed"),
        (npz(w=np.ones(3, np.float32)), "holds no array 'graph'"),
        (npz(graph=np.ones(3, np.float32)), "no array of text lines"),
        (npz(graph=np.array(["text"])), "type <U4"),
        (npz(graph=GRAPH, w=np.ones(3)), "type <f8"),
        (npz(graph=GRAPH, w=np.ones((3, 4), np.float32, order="F")), "Fortran"),
        (npz(graph=np.array([b"Relu"])), "no line of operator"),
        (npz(graph=np.array([b"Relu x=1 y"])), "no line of operator"),
        (npz(graph=GRAPH[1:]), "0 inputs and 1 outputs"),
        (npz(graph=np.array([b"input x dtype=float32", b"output x"])), "shape= is no list of numbers"),
        (npz(graph=np.array([b"input x shape=1,4 scale=1 zero=inf", b"output x"])), "scale or zero is no number"),
        (npz(graph=np.array([b"input x shape=0,4 dtype=float32", b"output x"])), "no shape"),
        (npz(graph=np.array([GRAPH[0], b"Reshape y x shape=2,w", b"output y"])), "shape=2,w is no list of numbers"),
        (member(b"\x93NUMPY\x01\x00\xff\xff{'descr'"), "array graph"),
        (member(b"not numpy"), "array graph"),
    ],
)
def test_a_damaged_reference_is_called_so(data, told):
    with pytest.raises(Malformed, match=told):
        read_npz(data)


def test_what_numpys_own_savez_writes_is_read_too():
    net = read_npz(GOOD)
    assert net.shapes["y"] == (1, 3)
    assert [(one.operator, one.inputs) for one in net.nodes] == [("Gemm", ("x", "w", ""))]


def test_weights_that_two_layers_share_are_written_once(reference):
    table, numbers = np.float32([0, 2]), np.array([[0, 1], [1, 0]], np.uint8)
    nodes = [
        node("Cast", ["n"], ["wide"], to=6),
        node("Gather", ["t", "wide"], ["w"]),
        node("Gemm", ["x", "w"], ["a"], transB=1),
        node("Gemm", ["a", "w"], ["y"], transB=1),
    ]
    made = converted(nodes, {"t": table, "n": numbers}, shape=(1, 2), out=(1, 2))
    assert [one.operator for one in read_npz(made).nodes] == ["Gather", "Gemm", "Gemm"]
    assert reference(made).infer(np.float32([[1, 3]])).tolist() == [[4.0, 12.0]]
