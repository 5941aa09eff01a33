"""The nets of the papers with random weights: as large as published, alive, and the same in integers."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.document import identity
from farm.artifact.feed import feed
from farm.artifact.model.layers import layers
from farm.artifact.model.onnx import read_onnx
from farm.artifact.pack import pack
from farm.artifact.preprocess import require_fit, tensor
from farm.artifact.unpack import open_artifact, read_manifest

MODELS = Path(__file__).parents[2] / "lab" / "models"

PUBLISHED = {
    "mobilenet-v1": (4_231_976, "569", 1e6),  # Keras' summary, its trainable ones; arXiv 1704.04861, table 4
    "mobilenet-v2": (3_504_872, "0.301", 1e9),  # this and what follows: torchvision, num_params and _ops
    "squeezenet": (1_235_496, "0.349", 1e9),
    "alexnet": (61_100_840, "0.714", 1e9),
    "vgg-16": (138_357_544, "15.47", 1e9),
    "resnet-18": (11_689_512, "1.814", 1e9),
}
"""Parameters with batch normalisation as layers of its own; multiplications in so many, as they were rounded."""
NORMALISED = ("mobilenet-v1", "mobilenet-v2", "resnet-18")
NATIVE = "s8s8" if platform.machine() == "aarch64" else "u8s8"


@pytest.fixture(scope="module")
def untrained():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(MODELS))
        import untrained

        yield untrained


@pytest.fixture(scope="module")
def onnxruntime():
    return pytest.importorskip("onnxruntime")


@pytest.fixture
def small(untrained):
    """A net that is made in no time."""
    return lambda name: untrained.build(name, size=64, width=0.125)


def bytes_of(message) -> bytes:
    return b"".join(message)


def scores(onnxruntime, model: bytes, images: np.ndarray, **written: str) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if written:
        options.optimized_model_filepath = written["to"]
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["scores"], {"image": image[None]})[0] for image in images])


def noise(net, count: int = 3) -> np.ndarray:
    return np.random.default_rng(7).uniform(-1, 1, (count, *net.shape[1:])).astype(np.float32)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_net_has_the_parameters_and_multiplications_that_were_published(name, untrained):
    net = untrained.build(name)
    parameters, macs, unit = PUBLISHED[name]
    # a layer of batch normalisation has two for each channel; folded into the convolution, one is left
    folded = sum(node.weight[0] for node in net.nodes if node.operator == "Conv") if name in NORMALISED else 0
    assert net.parameters + folded == parameters
    assert f"{net.macs / unit:.{len(macs.partition('.')[2])}f}" == macs
    assert net.nodes[-1].shape == (1, 1000)


def test_every_net_that_can_be_built_is_held_against_a_publication(untrained):
    assert untrained.ARCHITECTURES.keys() == PUBLISHED.keys()


def test_a_quarter_of_the_width_is_the_papers_quarter(untrained):
    net = untrained.build("mobilenet-v1", width=0.25)
    assert (round(net.parameters / 1e6, 1), round(net.macs / 1e6)) == (0.5, 41)  # arXiv 1704.04861, table 6


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_file_holds_what_the_net_says(name, small, untrained):
    net = small(name)
    found = layers(read_onnx(bytes_of(untrained.write_float(net, 0))))
    assert sum(layer.parameters for layer in found) == net.parameters
    assert sum(layer.macs for layer in found) == net.macs


@pytest.mark.parametrize("name", PUBLISHED)
def test_signals_neither_vanish_nor_overflow_on_their_way(name, small, untrained, onnxruntime):
    from large.int8_model import largest

    reach = largest(small(name), 0)
    assert reach.min() > 0.01
    assert reach.max() < 1000


@pytest.mark.parametrize("name", PUBLISHED)
def test_integers_give_nearly_the_scores_of_floats(name, small, untrained, onnxruntime):
    net = small(name)
    images = noise(net)
    real = scores(onnxruntime, bytes_of(untrained.write_float(net, 0)), images)
    assert np.isfinite(real).all()
    assert not np.array_equal(real[0], real[1])
    for form in ("s8s8", "u8s8"):
        whole = scores(onnxruntime, bytes_of(untrained.write_int8(net, 0, form)), images)
        assert np.sqrt(np.mean((whole - real) ** 2)) < 0.15 * real.std()


@pytest.mark.parametrize("name", PUBLISHED)
def test_this_processors_form_runs_on_integers_from_end_to_end(name, small, untrained, onnxruntime, tmp_path):
    net = small(name)
    scores(onnxruntime, bytes_of(untrained.write_int8(net, 0, NATIVE)), noise(net, 1), to=str(tmp_path / "m.onnx"))
    ran = {node.operator.rpartition(".")[2] for node in read_onnx((tmp_path / "m.onnx").read_bytes()).nodes}
    assert {"QLinearConv", "QuantizeLinear"} <= ran
    assert not ran & {"Conv", "Gemm", "Add", "Concat", "GlobalAveragePool"}


def test_weights_have_a_scale_for_each_channel_and_stay_within_seven_bits(small, untrained, onnxruntime):
    net = read_onnx(bytes_of(untrained.write_int8(small("mobilenet-v1"), 0)))
    for name, weight in net.constants.items():
        if name.startswith("weight_int"):
            number = name.removeprefix("weight_int")
            assert weight.dtype == net.constants[f"zero{int(number) - 1}"].dtype == "int8"
            largest = np.abs(weight.values.astype(int)).reshape(len(weight.values), -1).max(1)
            assert set(largest.tolist()) == {63}
            assert len(net.constants[f"weight_scale{number}"].values) == len(weight.values)
            assert not net.constants[f"weight_zero{number}"].values.any()


@pytest.fixture(scope="module")
def made(tmp_path_factory, onnxruntime):
    folder = tmp_path_factory.mktemp("made")
    line = [sys.executable, MODELS / "untrained.py", "squeezenet", "--width", "0.25", "--size", "64", "--int8"]
    done = subprocess.run([*line, "-o", folder], capture_output=True, text=True, timeout=60, check=True)
    return folder, done.stdout


def test_the_command_makes_folders_that_are_packed_as_they_are(made, tmp_path):
    folder, told = made
    names = ("squeezenet-0.25-64", "squeezenet-0.25-64-s8s8")
    ids = [pack(folder / name, tmp_path / f"{name}.tar.zst") for name in names]
    assert all(one in told for one in ids)
    plain, whole = (read_manifest(tmp_path / f"{name}.tar.zst") for name in names)
    assert whole.parent == ids[0] == identity(plain)
    assert (plain.precision, whole.precision, [step.name for step in whole.compression]) == (
        "float32",
        "int8",
        ["quantise"],
    )
    assert not plain.states_accuracy
    assert not whole.states_accuracy


def test_noise_fills_a_colour_input(made, tmp_path):
    folder, _ = made
    pack(folder / "squeezenet-0.25-64", tmp_path / "net.tar.zst")
    artifact = open_artifact(tmp_path / "net.tar.zst", tmp_path)
    images = feed(artifact, tmp_path / "net.tar.zst")
    require_fit(artifact.manifest, images, "net")
    given = tensor(images.images[0], artifact.manifest)
    assert given.shape == (1, 3, 64, 64)
    assert (given.min(), given.max()) == (-1, 1)


def test_a_seed_gives_the_same_bytes_and_another_gives_others(small, untrained):
    net = small("squeezenet")
    first, again, other = (bytes_of(untrained.write_float(net, seed)) for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["mobilenet-v3"], "no net mobilenet-v3; there are mobilenet-v1"),
        (["alexnet", "--size", "32"], "--size 32: want 64 to 1024"),
        (["alexnet", "--width", "0"], "--width 0: want more than 0"),
    ],
)
def test_what_cannot_be_built_is_said(words, told, untrained, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["untrained.py", *words])
    with pytest.raises(SystemExit) as end:
        untrained.main()
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_integers_without_onnxruntime_are_refused_with_what_to_install(untrained, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["untrained.py", "squeezenet", "--int8"])
    monkeypatch.setattr(untrained, "find_spec", lambda _: None)
    with pytest.raises(SystemExit) as end:
        untrained.main()
    assert end.value.code == 2
    assert "pip install 'edge-test-farm[onnx]'" in capsys.readouterr().err
