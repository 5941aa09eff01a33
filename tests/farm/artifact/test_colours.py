"""Images in colours: as a data set, as a tensor here and on the board, and packed with a net."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.dataset import load_dataset, save_dataset
from farm.artifact.feed import feed
from farm.artifact.manifest import ChannelOrder, Input, Manifest, Scale, UpscaleNearest
from farm.artifact.preprocess import require_fit, tensor
from farm.artifact.said import Said
from farm.artifact.said_steps import steps
from farm.artifact.unpack import open_artifact
from farm.cli.main import main
from farm.errors import UsageFault

from .onnx_bytes import model, node

RUNNER = Path(__file__).parents[3] / "farm" / "runner"
SHAPE = (5, 4, 3)


@pytest.fixture
def colours(tmp_path):
    """Five red, green or blue images; the class is which."""
    labels = np.array([0, 1, 2, 1, 0], np.uint8)
    images = np.random.default_rng(3).integers(0, 90, (5, *SHAPE)).astype(np.uint8)
    images[np.arange(5), ..., labels] += 160
    save_dataset(tmp_path / "colours", images, labels, name="colours", source="made up")
    return load_dataset(tmp_path / "colours")


@pytest.fixture
def on_board(monkeypatch):
    """``on_board(manifest, images)``: the tensors that the runner makes."""
    monkeypatch.syspath_prepend(str(RUNNER))
    kept = set(sys.modules)

    def made(manifest, images):
        prepare = importlib.import_module("prepare")
        step = prepare.Preprocess(json.loads(manifest.model_dump_json(exclude_none=True)), images.shape[1:])
        return [step(image) for image in images]

    yield made
    for name in set(sys.modules) - kept:
        del sys.modules[name]


def a_manifest(described, steps_, **given):
    described["files"] = {"model.onnx": {"sha256": "0" * 64, "size": 1}}
    given = {"name": "x", "shape": (1, 3, 5, 4), "dtype": "float32", "layout": "NCHW"} | given
    preprocess = {"steps": [step.model_dump() for step in steps_], "sha256": "0" * 64}
    return Manifest.model_validate(described | {"input": given, "preprocess": preprocess})


def test_a_data_set_of_colours_says_so_and_one_of_greys_says_nothing(colours):
    assert colours.images.shape == (5, *SHAPE)
    listed = json.loads((colours.folder / "dataset.json").read_text())
    assert (listed["channels"], listed["height"], listed["width"]) == (3, 5, 4)
    listed.pop("channels")
    (colours.folder / "dataset.json").write_text(json.dumps(listed))
    with pytest.raises(UsageFault, match="images \\(5, 5, 4, 3\\) and labels"):
        load_dataset(colours.folder)


def test_channels_first_and_channels_last_hold_the_same_picture(described, colours):
    first = tensor(colours.images[0], a_manifest(described, []))
    last = tensor(colours.images[0], a_manifest(described, [], shape=(1, 5, 4, 3), layout="NHWC"))
    assert (first.transpose(0, 2, 3, 1) == last).all()
    assert (last[0] == colours.images[0]).all()


def test_each_channel_has_its_own_factor_in_the_order_it_has_by_then(described, colours):
    image = colours.images[0].astype(np.float32)
    each = Scale(factor=(1.0, 2.0, 4.0), offset=(0.0, -1.0, 0.5))
    wanted = image * np.float32([1, 2, 4]) + np.float32([0, -1, 0.5])
    nhwc = {"shape": (1, 5, 4, 3), "layout": "NHWC"}
    before, after = ([each, ChannelOrder(order="bgr")], [ChannelOrder(order="bgr"), each])
    assert (tensor(colours.images[0], a_manifest(described, before, **nhwc))[0] == wanted[..., ::-1]).all()
    swapped = image[..., ::-1] * np.float32([1, 2, 4]) + np.float32([0, -1, 0.5])
    assert (tensor(colours.images[0], a_manifest(described, after, **nhwc))[0] == swapped).all()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8"])
@pytest.mark.parametrize("bgr", ["no", "first", "last"])
def test_the_board_makes_the_same_tensor_to_the_bit(described, colours, on_board, layout, dtype, bgr):
    size = [UpscaleNearest(height=7, width=9)]
    each = [Scale(factor=(0.3, 0.11, 0.07), offset=(1.5, -2.0, 0.1)), Scale(factor=1.01)]
    swap = [ChannelOrder(order="bgr")]
    made = {"no": size + each, "first": [*size, *swap, *each], "last": [*each, *size, *swap]}[bgr]
    shape = (1, 3, 7, 9) if layout == "NCHW" else (1, 7, 9, 3)
    manifest = a_manifest(described, made, shape=shape, layout=layout, dtype=dtype)
    for here, there in zip(
        (tensor(image, manifest) for image in colours.images), on_board(manifest, colours.images), strict=True
    ):
        assert here.dtype == there.dtype
        assert here.tobytes() == there.tobytes()


@pytest.mark.parametrize(
    ("made", "given", "images"),
    [
        ([], {"shape": (1, 1, 5, 12)}, "colours"),  # as many numbers, and another picture
        ([], {"shape": (1, 5, 4, 3)}, "colours"),
        ([], {}, "greys"),
        ([ChannelOrder(order="bgr")], {"shape": (1, 1, 5, 4)}, "greys"),
        ([Scale(factor=(1.0, 1.0, 1.0))], {"shape": (1, 1, 5, 4)}, "greys"),
    ],
)
def test_what_is_of_another_shape_or_colour_is_refused_here_and_there(
    described, colours, on_board, made, given, images
):
    shown = colours.images if images == "colours" else colours.images[..., 0]
    manifest = a_manifest(described, made, **given)
    with pytest.raises(ValueError, match=r"colour|reshape"):
        tensor(shown[0], manifest)
    with pytest.raises(Exception, match=r"colour|grey") as fault:
        on_board(manifest, shown)
    assert type(fault.value).__name__ == "Fault"
    assert fault.value.kind == "preprocess"


def test_what_the_parent_did_before_it_swapped_colours_is_done_after(described):
    given = Input(name="x", shape=(1, 3, 5, 4), dtype="uint8", layout="NCHW", scale=0.5, zero_point=10)
    each, swap = Scale(factor=(1.0, 2.0, 4.0), offset=(3.0, 0.0, 1.0)), ChannelOrder(order="bgr")
    parent = a_manifest(described, [each, swap, Scale(factor=2.0, offset=1.0)])
    found = steps(Said(parent=parent), given, SHAPE, "here")
    assert found == [swap, Scale(factor=(16.0, 8.0, 4.0), offset=(16.0, 12.0, 24.0))]


def test_a_net_for_colours_is_fed_with_noise_in_colours(described, tmp_path):
    from farm.artifact.unpack import Artifact

    for given in ({}, {"shape": (1, 5, 4, 3), "layout": "NHWC"}):
        manifest = a_manifest(described, [], **given)
        free = {"dataset", "baseline", "expected", "scored_with"}
        plain = Manifest.model_validate(manifest.model_dump(exclude=free) | {"preprocess": {"steps": []}})
        artifact = Artifact(plain, "0" * 64, {"model.onnx": tmp_path / "model.onnx"}, 1)
        noise = feed(artifact, tmp_path)
        assert (noise.images.shape, noise.name) == ((8, *SHAPE), "noise-5x4x3")
        require_fit(plain, noise, "here")


def brightest_channel() -> bytes:
    """A net whose scores are the means of the three channels."""
    pooled = node("GlobalAveragePool", ["x"], ["mean"])
    flat = node("Flatten", ["mean"], ["scores"])
    return model([pooled, flat], {}, {"x": [1, 3, 10, 8]}, {"scores": [1, 3]})


def test_a_colour_net_and_its_data_set_are_packed_scored_and_inspected(colours, tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    (tmp_path / "mean.onnx").write_bytes(brightest_channel())
    words = ["artifact", "pack", str(tmp_path / "mean.onnx"), "--precision", "float32"]
    words += ["--scale", "0.5/0.5/0.5,-1/-1/-1", "--dataset", str(colours.folder)]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "upscale-nearest (height 10, width 8), scale (factor (0.5, 0.5, 0.5), offset (-1.0, -1.0, -1.0))" in told
    assert "100.00% (5 of 5)" in told
    artifact = open_artifact(tmp_path / "mean.tar.zst", tmp_path / "u")
    assert feed(artifact, tmp_path / "mean.tar.zst", colours.folder).id == colours.id
    assert main([*words, "--bgr"]) == 0  # the class of red and blue changes places
    assert "40.00% (2 of 5)" in capsys.readouterr().out


def test_channels_that_are_swapped_twice_are_a_mistake(described):
    with pytest.raises(ValueError, match="channel-order stands there twice"):
        a_manifest(described, [ChannelOrder(order="bgr"), ChannelOrder(order="bgr")])


@pytest.mark.parametrize("scale", ["1/2", "1/2/3/4", "1,2,3", "1/2/x"])
def test_a_scale_that_is_neither_one_number_nor_three_is_refused(tmp_path, capsys, scale):
    (tmp_path / "mean.onnx").write_bytes(brightest_channel())
    assert main(["artifact", "pack", str(tmp_path / "mean.onnx"), "--scale", scale]) == 2
    assert f"--scale {scale}" in capsys.readouterr().err


def test_a_device_stands_in_the_manifest_and_is_told(tmp_path, capsys):
    (tmp_path / "mean.onnx").write_bytes(brightest_channel())
    words = ["artifact", "pack", str(tmp_path / "mean.onnx"), "--precision", "float32", "--device", "HETERO:GPU,CPU"]
    assert main(words) == 0
    assert "device HETERO:GPU,CPU" in capsys.readouterr().out
