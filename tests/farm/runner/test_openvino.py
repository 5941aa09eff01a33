"""The OpenVINO backend for real: IR made of the sample ONNX nets by OpenVINO's own reader, on this processor."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.pack_model import pack_model
from farm.artifact.said import Said
from farm.artifact.unpack import open_artifact, read_manifest

openvino = pytest.importorskip("openvino")
pytest.importorskip("onnxruntime")

LAB = Path(__file__).parents[2] / "lab"
DIGITS = LAB / "datasets" / "digits-540"


@pytest.fixture
def converted(tmp_path):
    """``converted(name)``: the folder of a sample as IR, with its manifest; and the ONNX artifact."""

    def make(name: str):
        artifact = open_artifact(LAB / "artifacts" / f"{name}-onnx.tar.zst", tmp_path / f"{name}-onnx")
        folder = tmp_path / name
        folder.mkdir()
        graph = openvino.Core().read_model(artifact.model_path)
        openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
        described = artifact.manifest.model_dump(mode="json", exclude_none=True)
        described |= {"runtime": "openvino", "entry": "model.xml"}
        (folder / "manifest.json").write_text(json.dumps(described))
        return folder, artifact

    return make


@pytest.fixture
def pipeline_of(of_runner):
    def load(model: Path, manifest: Path):
        options = SimpleNamespace(model=str(model), manifest=str(manifest), images=str(DIGITS / "images.idx"))
        return of_runner("pipeline").Pipeline(options)

    return load


@pytest.mark.parametrize("name", ["lenet5-float", "lenet5-shared", "lenet-300-100-float", "lenet-300-100-shared"])
def test_it_predicts_what_onnxruntime_does_image_by_image_and_as_many_right(converted, pipeline_of, name):
    folder, artifact = converted(name)
    here = pipeline_of(folder / "model.xml", folder / "manifest.json")
    there = pipeline_of(artifact.model_path, artifact.folder / "manifest.json")
    found, wanted = ([one.predict(image)[0] for image in range(540)] for one in (here, there))
    assert found == wanted
    labels = load_dataset(DIGITS).labels
    assert (np.array(found) == labels).sum() == artifact.manifest.expected.correct
    assert here.backend.version == "OpenVINO " + "-".join(openvino.__version__.split("-")[:2])
    assert here.backend.device.startswith("CPU (")


@pytest.mark.parametrize("named", ["probabilities", "labels"])
def test_of_several_outputs_the_one_that_is_named_is_read(converted, pipeline_of, of_runner, named):
    folder, artifact = converted("lenet5-float")
    graph = openvino.Core().read_model(artifact.model_path)
    scores = graph.outputs[0].get_node().input_value(0)
    softmax = openvino.opset8.result(openvino.opset8.softmax(scores, 1))
    softmax.set_friendly_name("probabilities")
    graph.add_results([softmax])
    openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    described = json.loads((folder / "manifest.json").read_text())
    described["output"]["name"] = named
    (folder / "manifest.json").write_text(json.dumps(described))
    if named == "probabilities":
        assert pipeline_of(folder / "model.xml", folder / "manifest.json").predict(7)[1].sum() == pytest.approx(1)
        return
    with pytest.raises(of_runner("faults").Fault, match="probabilities; the manifest names labels"):
        pipeline_of(folder / "model.xml", folder / "manifest.json")


def test_scores_differ_by_rounding_alone(converted, pipeline_of):
    folder, artifact = converted("lenet5-float")
    here = pipeline_of(folder / "model.xml", folder / "manifest.json").predict(7)[1]
    there = pipeline_of(artifact.model_path, artifact.folder / "manifest.json").predict(7)[1]
    assert np.allclose(here, there, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"device": "MYRIAD"}, "runtime", "OpenVINO has no device MYRIAD here, but CPU"),
        ({"device": "AUTO"}, "model", "device AUTO: name the one that is to run it"),
        ({"device": "HETERO:GPU,CPU"}, "runtime", "no device GPU here"),
        ({"input": {"shape": [1, 1, 32, 32], "dtype": "uint8"}}, "model", "the graph takes float32"),
    ],
)
def test_what_is_not_there_or_otherwise_is_a_fault_and_never_the_processor(
    converted, pipeline_of, of_runner, changes, kind, words
):
    folder, _ = converted("lenet5-float")
    described = json.loads((folder / "manifest.json").read_text())
    described["input"] |= changes.get("input", {})
    described["preprocess"].pop("sha256")
    (folder / "manifest.json").write_text(json.dumps(changes | described))
    with pytest.raises(of_runner("faults").Fault, match=words) as fault:
        pipeline_of(folder / "model.xml", folder / "manifest.json")
    assert fault.value.kind == kind


def test_a_graph_that_is_damaged_is_the_models_fault(converted, pipeline_of, of_runner):
    folder, _ = converted("lenet-300-100-float")
    (folder / "model.xml").write_text("<net>")
    with pytest.raises(of_runner("faults").Fault, match=r"model\.xml") as fault:
        pipeline_of(folder / "model.xml", folder / "manifest.json")
    assert fault.value.kind == "model"


def test_a_graph_is_packed_and_counted_here(converted, tmp_path):
    folder, _ = converted("lenet5-float")
    (folder / "manifest.json").unlink()
    said = Said(name="lenet5", scale=(0.0625, 0.0))
    pack_model(folder / "model.xml", said, tmp_path / "ir.tar.zst", dataset=load_dataset(DIGITS))
    packed = read_manifest(tmp_path / "ir.tar.zst")
    assert (packed.runtime, packed.expected.correct) == ("openvino", 525)
    assert packed.scored_with.startswith("OpenVINO ")
