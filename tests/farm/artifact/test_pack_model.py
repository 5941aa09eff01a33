"""A model file becomes an artifact: its manifest is written from what the file says."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.document import identity
from farm.artifact.feed import feed
from farm.artifact.manifest import Input, Output, Scale, Step, UpscaleNearest
from farm.artifact.pack import pack
from farm.artifact.pack_model import Known, pack_model
from farm.artifact.preprocess import require_fit, tensor
from farm.artifact.said import Said
from farm.artifact.said_steps import steps
from farm.artifact.score import score
from farm.artifact.unpack import open_artifact, read_manifest
from farm.cli.main import main
from farm.errors import Exit, UsageFault

from .onnx_bytes import model, node
from .onnx_bytes import tensor as written
from .tflite_bytes import EDGETPU, PLAIN

LAB = Path(__file__).parents[2] / "lab"
DIGITS = LAB / "datasets" / "digits-540"


@pytest.fixture
def tiny(tmp_path) -> Path:
    """An ONNX file with open batch: 1x1x8x8 float32 in, ten scores out."""
    nodes = [node("Flatten", ["image"], ["flat"]), node("Gemm", ["flat", "w"], ["scores"])]
    constants = {"w": np.linspace(-1, 1, 640, dtype=np.float32).reshape(64, 10)}
    data = model(nodes, constants, {"image": ["N", 1, 8, 8]}, {"scores": ["N", 10]})
    (tmp_path / "tiny.onnx").write_bytes(data)
    return tmp_path / "tiny.onnx"


NOTHING = Said()


def an_input(name="image", shape=(1, 1, 8, 8), dtype="float32") -> Input:
    return Input(name=name, shape=shape, dtype=dtype, layout="NCHW")


def an_output(name="y", shape=(1, 10), dtype="uint8") -> Output:
    return Output(name=name, shape=shape, dtype=dtype)


def made_of(source: Path, said: Said = NOTHING, **more):
    pack_model(source, said, source.parent / "out.tar.zst", **more)
    return read_manifest(source.parent / "out.tar.zst")


def test_what_an_onnx_file_tells_need_not_be_said(tiny):
    manifest = made_of(tiny)
    assert (manifest.name, manifest.runtime, manifest.precision, manifest.entry) == (
        "tiny",
        "onnx",
        "float32",
        "tiny.onnx",
    )
    assert manifest.input == Input(name="image", shape=(1, 1, 8, 8), dtype="float32", layout="NCHW")
    assert (manifest.output.name, manifest.output.shape) == ("scores", (1, 10))
    assert not manifest.states_accuracy


@pytest.mark.parametrize(("data", "runtime"), [(EDGETPU, "edgetpu"), (PLAIN, "tflite")])
def test_an_edge_tpu_file_is_told_by_its_operator_and_its_numbers_are_read(tmp_path, data, runtime):
    (tmp_path / "compiled.tflite").write_bytes(data)
    manifest = made_of(tmp_path / "compiled.tflite", Said(precision="int8"))
    assert manifest.runtime == runtime
    assert (manifest.input.layout, manifest.input.scale, manifest.input.zero_point) == ("NHWC", 0.5, -128)


def test_a_model_is_scored_where_its_runtime_is(tmp_path):
    pytest.importorskip("onnxruntime")
    sample = open_artifact(LAB / "artifacts" / "lenet5-float-onnx.tar.zst", tmp_path)
    out = tmp_path / "mine.tar.zst"
    words = [str(sample.model_path), "--name", "mine", "--scale", "0.0625", "--dataset", str(DIGITS), "-o", str(out)]
    assert main(["artifact", "pack", *words]) == Exit.PASS
    mine, theirs = read_manifest(out), sample.manifest
    assert mine.expected == theirs.expected
    assert mine.preprocess == theirs.preprocess
    assert mine.scored_with.startswith("onnxruntime ")
    require_fit(mine, load_dataset(DIGITS), "mine")


def test_a_compressed_model_is_held_against_its_parent(tmp_path):
    sample = open_artifact(LAB / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst", tmp_path)
    parent = read_manifest(LAB / "artifacts" / "lenet5-float-onnx.tar.zst")
    said = Said(name="mine", parent=parent, compression=(Step(name="prune", parameters={"sparsity": 0.7}),))
    pack_model(sample.model_path, said, tmp_path / "m.tar.zst", dataset=load_dataset(DIGITS), known=Known(526))
    mine = read_manifest(tmp_path / "m.tar.zst")
    assert mine.parent == identity(parent)
    assert mine.baseline == sample.manifest.baseline
    assert mine.preprocess == sample.manifest.preprocess  # the parent's, and the input's scale taken out of it
    assert (mine.model, mine.precision) == ("LeNet-5", "int8")


def test_a_model_that_its_runtime_refuses_is_told_and_not_packed(tiny, dataset):
    pytest.importorskip("onnxruntime")
    nodes = [node("Novelty", ["image"], ["scores"])]
    tiny.write_bytes(model(nodes, {"w": np.ones(1, np.float32)}, {"image": [1, 1, 8, 8]}, {"scores": [1, 10]}))
    with pytest.raises(UsageFault, match=r"tiny\.onnx: .*Novelty"):
        made_of(tiny, Said(precision="float32"), dataset=dataset)
    assert not (tiny.parent / "out.tar.zst").exists()


def test_steps_for_whole_numbers_are_the_real_ones_by_the_inputs_scale():
    given = Input(name="x", shape=(1, 8, 8, 1), dtype="int8", layout="NHWC", scale=0.5, zero_point=-128)
    found = steps(Said(scale=(0.25, 1.0)), given, (8, 8), "m")
    assert found == [Scale(factor=0.5, offset=-126.0)]
    assert steps(Said(), given, (4, 4), "m") == [UpscaleNearest(height=8, width=8)]


@pytest.mark.parametrize(
    ("name", "said", "told"),
    [
        ("engine.plan", Said(), ["--input", "--output", "--precision", "runs on one kind of GPU"]),
        ("engine.plan", Said(bound_to={"gpu": "any"}), ["--bound tensorrt=…"]),
        ("graph.binaryproto", Said(precision="int8"), ["--input", "--output"]),
        ("stick.blob", Said(precision="float16"), ["--input", "--output"]),
        ("weights.bin", Said(), ["say --runtime"]),
        ("weights.bin", Said(runtime="tflite", input=an_input(), output=an_output(), precision="int8"), ["no TFLite"]),
        ("weights.bin", Said(entry="other.bin"), ["no file other.bin in it; there are weights.bin"]),
        ("broken.onnx", Said(), ["broken.onnx: no ONNX file: "]),
        ("broken.xml", Said(), ["broken.bin: No such file"]),
    ],
)
def test_what_no_file_tells_must_be_said(tmp_path, name, said, told):
    (tmp_path / name).write_bytes(b"\xff\xff not to be read")
    with pytest.raises(UsageFault) as fault:
        made_of(tmp_path / name, said)
    assert all(any(want in line for line in fault.value.faults) for want in told), fault.value.faults
    assert not (tmp_path / "out.tar.zst").exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Said(input=an_input("picture")), "--input picture: the file has image"),
        (Said(input=an_input(shape=(1, 1, 9, 8))), r"--input image: in the file it is image \?x1x8x8 float32"),
        (Said(input=an_input(dtype="uint8")), "--input image: in the file it is"),
        (Said(output=an_output("scores", (1, 3), "float32")), r"--output scores: .* it is scores \?x10 float32"),
    ],
)
def test_what_is_said_otherwise_than_the_file_says_is_refused(tiny, said, told):
    with pytest.raises(UsageFault, match=told):
        made_of(tiny, said)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, None),
        ({"runtime": "command", "command": ["classify"], "output": {"shape": [1]}}, None),
        ({"input": {"name": "nowhere"}}, "input nowhere: the file has image ?x1x8x8 float32"),
        ({"input": {"shape": [1, 1, 9, 9]}}, "input image: in the file it is image ?x1x8x8 float32"),
        ({"output": {"dtype": "uint8"}}, "output scores: in the file it is scores ?x10 float32"),
    ],
)
def test_a_manifest_written_by_hand_says_what_its_model_says(tiny, changes, told):
    manifest = made_of(tiny).model_dump(mode="json", exclude_none=True, exclude={"files"})
    folder = tiny.parent / "folder"
    folder.mkdir()
    tiny.rename(folder / "tiny.onnx")
    merged = {key: manifest[key] | value if isinstance(value, dict) else value for key, value in changes.items()}
    (folder / "manifest.json").write_text(json.dumps(manifest | merged))
    if told is None:
        pack(folder, tiny)
        return
    with pytest.raises(UsageFault) as fault:
        pack(folder, tiny)
    assert fault.value.faults == [f"{folder / 'manifest.json'}: {told}"]
    (folder / "tiny.onnx").write_bytes(b"")
    with pytest.raises(UsageFault, match=r"entry tiny\.onnx is empty"):
        pack(folder, tiny)


def test_a_program_makes_of_its_model_what_it_likes(tiny):
    said = Said(runtime="command", command=["classify", "{model}"], input=an_input("raw", (1, 8, 8, 1), "uint8"))
    assert made_of(tiny, said).input == said.input


def test_only_the_batch_may_be_left_open(tiny):
    nodes = [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["y"])]
    tiny.write_bytes(model(nodes, {}, {"x": ["N", 3, "H", "W"]}, {"y": ["N", 3]}))
    with pytest.raises(UsageFault, match="does not tell its one input; say --input"):
        made_of(tiny, Said(precision="float32"))
    assert made_of(tiny, Said(precision="float32", input=an_input("x", (1, 3, 4, 5)))).input.shape == (1, 3, 4, 5)


@pytest.mark.parametrize(
    ("inputs", "outputs", "said", "told"),
    [
        (
            {"x": [1, 4], "z": [1, 4]},
            {"y": [1, 4]},
            Said(),
            "has 2 inputs, and is fed one: x 1x4 float32, z 1x4 float32",
        ),
        ({"x": [1, 4], "z": [1, 4]}, {"y": [1, 4]}, Said(input=an_input("x", (1, 4))), "has 2 inputs, and is fed one"),
        ({"x": [1, 4]}, {"y": [1, 4], "x": [1, 4]}, Said(), "--output NAME:1x10:float32; it has y 1x4 float32, x 1x4"),
        ({"x": [4, 1, 2, 2]}, {"y": [4, 4]}, Said(), "takes 4 images at once, and is fed one"),
    ],
)
def test_a_model_that_cannot_be_fed_or_read_is_told_with_what_it_has(tiny, inputs, outputs, said, told):
    tiny.write_bytes(model([node("Relu", ["x"], ["y"])], {}, inputs, outputs))
    with pytest.raises(UsageFault) as fault:
        made_of(tiny, replace(said, precision="float32"))
    assert told in "\n".join(fault.value.faults)


def test_an_output_of_which_the_file_tells_no_shape_is_what_its_maker_says(tiny):
    tiny.write_bytes(model([node("Relu", ["x"], ["y"])], {}, {"x": [1, 4]}, {"y": []}))
    said = Said(precision="float32", input=an_input("x", (1, 4)), output=an_output("y", (1, 4), "float32"))
    assert made_of(tiny, said).output == said.output


def test_a_type_that_no_runner_feeds_is_told(tiny):
    tiny.write_bytes(model([node("Relu", ["x"], ["y"])], {}, {"x": [1, 4]}, {"y": [1, 4]}, "float64"))
    with pytest.raises(UsageFault, match=r"its input is x 1x4 float64; want one of float32, .*"):
        made_of(tiny, Said(precision="float32"))


def test_one_score_is_the_highest_of_none(tiny, dataset):
    nodes = [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["y"])]
    tiny.write_bytes(model(nodes, {}, {"x": [1, 1, 8, 8]}, {"y": [1, 1]}))
    with pytest.raises(UsageFault, match="gives one score"):
        pack_model(tiny, replace(NOTHING, precision="float32"), tiny.parent / "out.tar.zst", dataset=dataset)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--name", "größe 2"], "'größe 2' is no name of an artifact: letters"),
        (["--scale", "nan"], "--scale nan: nan: no numbers"),
        (["--scale", "1,inf"], "no numbers"),
        (["--upscale", "nanx8"], "no numbers"),
        (["--upscale", "8.5x8"], "want height and width"),
        (["--upscale", "0x8"], "--upscale: height: "),
        (["--out", "FOLDER/tiny.onnx"], "tiny.onnx: no packed model, and would be replaced"),
        (["--out", "FOLDER/parent.tar.zst", "--parent", "FOLDER/parent.tar.zst"], "is the parent"),
    ],
)
def test_a_slip_is_told_and_replaces_nothing(tiny, capsys, words, told):
    pack_model(tiny, NOTHING, tiny.parent / "parent.tar.zst")
    before = {path: path.read_bytes() for path in tiny.parent.iterdir()}
    words = [word.replace("FOLDER", str(tiny.parent)) for word in words]
    assert main(["artifact", "pack", str(tiny), *words]) == Exit.USAGE
    assert told in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tiny.parent.iterdir()} == before


def test_what_is_packed_does_not_lie_in_the_folder_that_is_packed(source, capsys):
    assert main(["artifact", "pack", str(source), "--out", str(source / "out.tar.zst")]) == Exit.USAGE
    assert "lies in what is packed" in capsys.readouterr().err


def test_an_engine_is_packed_with_what_it_is_bound_to(tmp_path):
    (tmp_path / "engine.plan").write_bytes(b"ptrt and more")
    words = ["--input", "x:1x3x224x224:float32", "--output", "y:1x1000:float32", "--precision", "float16"]
    bound = [f"--bound={one}" for one in ("gpu=NVIDIA Tegra X2", "compute_capability=6.2", "tensorrt=8.2.1")]
    assert main(["artifact", "pack", str(tmp_path / "engine.plan"), *words, *bound]) == Exit.PASS
    manifest = read_manifest(tmp_path / "engine.tar.zst")
    assert (manifest.runtime, manifest.bound_to.tensorrt) == ("tensorrt", "8.2.1")


@pytest.mark.parametrize(("runtime", "made"), [("openvino", r"a graph, .*save_model"), ("tensorrt", "an engine")])
def test_an_onnx_file_is_not_packed_for_a_runtime_that_wants_something_made_of_it(tiny, runtime, made):
    bound = {"gpu": "NVIDIA Tegra X2", "tensorrt": "8.2.1"} if runtime == "tensorrt" else {}
    with pytest.raises(UsageFault, match=rf"tiny\.onnx is ONNX, and {runtime} wants {made}"):
        made_of(tiny, Said(runtime=runtime, bound_to=bound))


def test_a_folder_with_a_program_is_packed_with_the_line_that_runs_it(tmp_path):
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "classify").write_bytes(b"\x7fELF")
    (folder / "classify").chmod(0o755)
    (folder / "lenet.bin").write_bytes(b"weights")
    words = ["--input", "x:1x1x32x32:float32", "--output", "y:1x10:float32", "--precision", "float32"]
    words += ["--command", "./classify {model} {images}", "--architecture", "armv6l"]
    assert main(["artifact", "pack", str(folder), "--entry", "lenet.bin", *words]) == Exit.PASS
    manifest = read_manifest(tmp_path / "static.tar.zst")
    assert (manifest.runtime, manifest.command) == ("command", ["./classify", "{model}", "{images}"])
    assert manifest.files["classify"].executable


def test_what_is_all_but_a_placeholder_is_no_word_for_the_program(tmp_path, capsys):
    for word, remedy in (("{modle}", "{model}"), ("{image}", "{images}")):
        assert main(["artifact", "pack", str(tmp_path), "--command", f"./classify {word}"]) == Exit.USAGE
        assert f"--command: nothing stands for {word} on a board; did you mean {remedy}?" in capsys.readouterr().err


def test_numbers_that_lie_beside_a_model_are_packed_with_it(tmp_path):
    weights = np.ones((64, 10), np.float32)
    where = {"location": "tiny.data", "length": str(weights.nbytes)}
    nodes = [node("Flatten", ["x"], ["t"]), node("MatMul", ["t", "w"], ["y"])]
    constants = {"w": written("w", weights, external=where)}
    (tmp_path / "tiny.onnx").write_bytes(model(nodes, constants, {"x": [1, 1, 8, 8]}, {"y": [1, 10]}))
    with pytest.raises(UsageFault, match=r"tiny\.data: No such file"):
        made_of(tmp_path / "tiny.onnx")
    (tmp_path / "tiny.data").write_bytes(weights.tobytes())
    assert set(made_of(tmp_path / "tiny.onnx").files) == {"tiny.onnx", "tiny.data"}
    for place in ("../tiny.data", "", "a\0b"):
        constants = {"w": written("w", weights, external=where | {"location": place})}
        (tmp_path / "tiny.onnx").write_bytes(model(nodes, constants, {"x": [1, 1, 8, 8]}, {"y": [1, 10]}))
        with pytest.raises(UsageFault, match="want a file beside it"):
            made_of(tmp_path / "tiny.onnx")


def test_an_input_that_no_image_is_enlarged_to_is_told(tmp_path):
    nodes = [node("GlobalAveragePool", ["x"], ["y"])]
    (tmp_path / "wide.onnx").write_bytes(model(nodes, {}, {"x": [1, 1, 9000, 8]}, {"y": [1, 1]}))
    with pytest.raises(UsageFault, match=r"wide\.onnx: input\.shape: height: .* 8192"):
        made_of(tmp_path / "wide.onnx", Said(precision="float32"))


def test_a_score_needs_what_it_was_counted_on(tiny, dataset, tmp_path):
    with pytest.raises(UsageFault, match="a score on no data set; say --dataset"):
        made_of(tiny, known=Known(3))
    with pytest.raises(UsageFault, match="4 correct of 3"):
        made_of(tiny, dataset=dataset, known=Known(4))
    assert made_of(tiny, dataset=dataset, known=Known(3, "a bench")).scored_with == "a bench"
    with pytest.raises(UsageFault, match="is compressed; say --parent"):
        made_of(tiny, Said(compression=(Step(name="prune"),)), dataset=dataset, known=Known(3))
    with pytest.raises(UsageFault, match="states no accuracy, so there is no loss"):
        made_of(tiny, Said(parent=made_of(tiny)), dataset=dataset, known=Known(3))
    compressed = read_manifest(LAB / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst")
    with pytest.raises(UsageFault, match="lenet5-pruned-int8-onnx is compressed itself; name the float one"):
        made_of(tiny, Said(parent=compressed), dataset=dataset, known=Known(3))
    sample = read_manifest(LAB / "artifacts" / "lenet5-float-onnx.tar.zst")
    with pytest.raises(UsageFault, match="was scored on digits-540"):
        made_of(tiny, Said(parent=sample, upscale=(8, 8)), dataset=dataset, known=Known(3))


def test_what_cannot_be_scored_here_says_how_else(tmp_path, dataset):
    (tmp_path / "compiled.tflite").write_bytes(EDGETPU)
    with pytest.raises(UsageFault, match="edgetpu cannot be scored here; say --correct"):
        made_of(tmp_path / "compiled.tflite", Said(precision="int8"), dataset=dataset)


def test_a_folder_that_says_all_itself_takes_no_second_word(source, capsys):
    assert main(["artifact", "pack", str(source), "--name", "other", "--command", "x"]) == Exit.USAGE
    assert "so that --name, --command must not be said besides" in capsys.readouterr().err


def test_a_model_without_a_data_set_is_fed_with_the_same_noise_each_time(tiny, tmp_path):
    pytest.importorskip("onnxruntime")
    made_of(tiny)
    artifact = open_artifact(tiny.parent / "out.tar.zst", tmp_path / "u")
    noise = feed(artifact, tiny)
    assert score(artifact.model_path, artifact.folder / "manifest.json", noise).total == 8  # the runner takes it too
    assert noise.id == feed(artifact, tiny).id
    assert tensor(noise.images[0], artifact.manifest).shape == (1, 1, 8, 8)
    assert feed(artifact, tiny, DIGITS).name == "digits-540"


def test_colours_are_fed_with_noise_too(tmp_path):
    (tmp_path / "c.plan").write_bytes(b"ptrt")
    given = Input(name="x", shape=(1, 3, 6, 5), dtype="uint8", layout="NCHW")
    said = Said(input=given, output=an_output(), precision="int8", bound_to={"gpu": "any", "tensorrt": "8"})
    made_of(tmp_path / "c.plan", said)
    artifact = open_artifact(tmp_path / "out.tar.zst", tmp_path / "u")
    assert tensor(feed(artifact, tmp_path).images[0], artifact.manifest).shape == (1, 3, 6, 5)
    with pytest.raises(
        UsageFault, match=r"its images do not become the input of c: .*; without --dataset it gets noise"
    ):
        feed(artifact, tmp_path, DIGITS)


def test_packing_gives_the_same_bytes_in_another_process_at_another_time(source, packed, tmp_path):
    for at, path in enumerate(sorted(source.rglob("*"))):
        os.utime(path, (1e9 + at, 1e9))
        path.chmod(0o700 if path.is_dir() else 0o600)
    code = "import os, sys; os.umask(0o077); from pathlib import Path; from farm.artifact.pack import pack; "
    code += "pack(Path(sys.argv[1]), Path(sys.argv[2]))"
    out = tmp_path / "again.tar.zst"
    subprocess.run([sys.executable, "-c", code, str(source), str(out)], check=True, env={"PYTHONHASHSEED": "5"})
    assert out.read_bytes() == packed.read_bytes()


def test_what_pack_wrote_it_says(tiny, capsys):
    assert main(["artifact", "pack", str(tiny)]) == Exit.PASS
    told = capsys.readouterr().out
    assert "none is stated: its manifest names no data set" in told
    assert f"identity {identity(read_manifest(tiny.with_suffix('.tar.zst')))}" in told
