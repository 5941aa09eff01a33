"""OpenVINO's two files: a graph as its converter writes it, and one that wants more than a graph may."""

import numpy as np
import pytest

from farm.artifact.inspect import facts
from farm.artifact.model.malformed import Malformed
from farm.artifact.model.openvino import read_openvino
from farm.artifact.model.read import read_net
from farm.artifact.pack_model import pack_model
from farm.artifact.said import Said
from farm.artifact.unpack import read_manifest

WEIGHTS = np.zeros((4, 1, 3, 3), np.int8)
WEIGHTS[0] = 5
SCALE = np.float16([[[[0.5]]], [[[0.25]]], [[[1]]], [[[2]]]])
DENSE = np.linspace(-1, 1, 4 * 36 * 10, dtype=np.float32).reshape(10, 144)
NUMBERS = WEIGHTS.tobytes() + SCALE.tobytes() + DENSE.tobytes()
SIZES = (WEIGHTS.nbytes, SCALE.nbytes, DENSE.nbytes)


def dims(*sides: int) -> str:
    return "".join(f"<dim>{side}</dim>" for side in sides)


def port(number: int, *sides: int, precision: str = "FP32") -> str:
    return f'<port id="{number}" precision="{precision}">{dims(*sides)}</port>'


def layer(number: int, kind: str, data: str = "", inputs: str = "", outputs: str = "", name: str = "") -> str:
    given = f"<input>{inputs}</input>" if inputs else ""
    made = f"<output>{outputs}</output>" if outputs else ""
    return (
        f'<layer id="{number}" name="{name or kind.lower()}" type="{kind}" version="opset1">{data}{given}{made}</layer>'
    )


def constant(number: int, kind: str, shape: str, offset: int, size: int, *sides: int) -> str:
    data = f'<data element_type="{kind}" shape="{shape}" offset="{offset}" size="{size}"/>'
    return layer(number, "Const", data, outputs=port(0, *sides))


LAYERS = [
    layer(0, "Parameter", '<data shape="1,1,8,8" element_type="f32"/>', outputs=port(0, 1, 1, 8, 8), name="image"),
    constant(1, "i8", "4, 1, 3, 3", 0, SIZES[0], 4, 1, 3, 3),
    layer(2, "Convert", inputs=port(0, 4, 1, 3, 3), outputs=port(1, 4, 1, 3, 3)),
    constant(3, "f16", "4, 1, 1, 1", SIZES[0], SIZES[1], 4, 1, 1, 1),
    layer(4, "Multiply", inputs=port(0, 4, 1, 3, 3) + port(1, 4, 1, 1, 1), outputs=port(2, 4, 1, 3, 3)),
    layer(5, "Convolution", inputs=port(0, 1, 1, 8, 8) + port(1, 4, 1, 3, 3), outputs=port(2, 1, 4, 6, 6)),
    layer(6, "Reshape", inputs=port(0, 1, 4, 6, 6), outputs=port(2, 1, 144)),
    constant(7, "f32", "10, 144", SIZES[0] + SIZES[1], SIZES[2], 10, 144),
    layer(
        8,
        "MatMul",
        '<data transpose_a="false" transpose_b="true"/>',
        inputs=port(0, 1, 144) + port(1, 10, 144),
        outputs=port(2, 1, 10),
    ),
    layer(9, "Result", inputs=port(0, 1, 10), name="scores"),
]
EDGES = [
    (0, 0, 5, 0),
    (1, 0, 2, 0),
    (2, 1, 4, 0),
    (3, 0, 4, 1),
    (4, 2, 5, 1),
    (5, 2, 6, 0),
    (6, 2, 8, 0),
    (7, 0, 8, 1),
    (8, 2, 9, 0),
]


def graph(layers: list[str] = LAYERS, head: str = "") -> bytes:
    edges = "".join(f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>' for a, b, c, d in EDGES)
    whole = f'<net name="tiny" version="11"><layers>{"".join(layers)}</layers><edges>{edges}</edges></net>'
    return f'<?xml version="1.0"?>{head}{whole}'.encode()


def test_layers_weights_and_multiplications_are_found():
    net = read_openvino(graph(), NUMBERS)
    assert [(one.name, one.shape, one.dtype) for one in net.inputs] == [("image", (1, 1, 8, 8), "float32")]
    assert [(one.name, one.shape) for one in net.outputs] == [("scores", (1, 10))]
    found = facts(net)
    conv, dense = found.layers
    assert (conv.dtype, conv.macs, conv.weights.zeros) == ("int8", 6 * 6 * 4 * 9, 27)
    assert conv.weights.stored_bytes == 36 + 8  # the scales belong to them
    assert (dense.dtype, dense.macs, dense.parameters) == ("float32", 1440, 1440)


def test_both_files_are_packed(tmp_path):
    (tmp_path / "tiny.xml").write_bytes(graph())
    (tmp_path / "tiny.bin").write_bytes(NUMBERS)
    pack_model(tmp_path / "tiny.xml", Said(), tmp_path / "out.tar.zst")
    manifest = read_manifest(tmp_path / "out.tar.zst")
    assert (manifest.runtime, manifest.entry, set(manifest.files)) == ("openvino", "tiny.xml", {"tiny.xml", "tiny.bin"})
    assert manifest.precision == "float32"  # what most weights are


BOMB = '<!DOCTYPE net [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("head", [BOMB, '<!DOCTYPE net SYSTEM "file:///etc/passwd">'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_with_all_that_it_could_do(head, encoding):
    with pytest.raises(Malformed, match="holds a document type"):
        read_openvino(graph(head=head).decode().encode(encoding), NUMBERS)


@pytest.mark.parametrize(
    ("xml", "numbers", "told"),
    [
        (b"<net>", b"", "not XML"),
        (b"<html/>", b"", "its root is <html>"),
        (b"<net/>", b"", "holds no operators"),
        (graph(), NUMBERS[:-1], "ends at byte"),
        (
            graph([*LAYERS[:1], constant(1, "i8", "4,1,3,3", 0, 35, 4, 1, 3, 3), *LAYERS[2:]]),
            NUMBERS,
            "35 bytes for a int8",
        ),
        (graph([*LAYERS[:1], constant(1, "i8", "-4", 0, 36, 4), *LAYERS[2:]]), NUMBERS, "no offset, size and shape"),
        (graph().replace(b"<dim>8</dim>", "<dim>\u00b2</dim>".encode()), NUMBERS, "damaged"),
    ],
)
def test_what_is_no_graph_is_malformed(xml, numbers, told):
    with pytest.raises(Malformed, match=told):
        read_openvino(xml, numbers)


def test_a_graph_without_its_numbers_is_malformed():
    with pytest.raises(Malformed, match=r"m\.bin is not beside it"):
        read_net("m.xml", graph())
