"""Backends of accelerators that no test machine has, on stand-ins that refuse what the real libraries refuse.

Each stand-in computes one net: the first ten numbers that it is fed are its scores.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ..artifact.tflite_bytes import EDGETPU
from .conftest import RUNNER

HERE = Path(__file__).parent / "stand_ins"
SHAPE = [1, 4, 5, 3]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """``compiled(source)``: a shared library made of a stand-in's C."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: cc")
    folder = tmp_path_factory.mktemp("libraries")

    def make(source: str) -> Path:
        made = folder / f"{Path(source).stem}.so"
        if not made.exists():
            subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", made, HERE / source], check=True)
        return made

    return make


@pytest.fixture
def stand_in(monkeypatch, of_runner):
    """``stand_in(folder)``: its modules are those that the runner finds; returns ``net``, which writes models."""

    def put(folder: str):
        for name in [name for name in sys.modules if name.split(".")[0] == "openvino"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.syspath_prepend(str(HERE))
        monkeypatch.syspath_prepend(str(HERE / folder))
        return of_runner("net")

    return put


@pytest.fixture
def loaded(of_runner, tmp_path):
    """``loaded(runtime, data, file=…, **input)``: the backend, and a tensor that it takes."""

    def load(runtime, data, *, file="model.bin", device=None, asked=None, **given):
        tensor = {"name": "x", "shape": SHAPE, "dtype": "float32", "layout": "NHWC"} | given
        output = {"name": "scores", "shape": [1, 10], "dtype": "float32"}
        manifest = {"name": "net", "runtime": runtime, "input": tensor, "output": output}
        manifest |= {"device": device} if device else {}
        (tmp_path / file).write_bytes(data)
        fed = np.random.default_rng(0).integers(0, 100, tensor["shape"]).astype(tensor["dtype"])
        return of_runner("backends").load(str(tmp_path / file), manifest, fed, asked), fed

    return load


@pytest.fixture
def refused(of_runner):
    """``with refused(kind, words):`` the runner must give up so."""

    def by(kind: str, match: str):
        fault = of_runner("faults").Fault
        return pytest.raises(fault, match=match, check=lambda raised: raised.kind == kind)

    return by


def right(backend, fed) -> bool:
    given = backend.infer(backend.feed(fed))
    return np.array_equal(np.asarray(given, np.float32).reshape(-1), fed.reshape(-1)[:10].astype(np.float32))


class TestEdgeTpu:
    @pytest.fixture
    def stick(self, stand_in, compiled, of_runner, monkeypatch):
        """The stand-in's net and interpreter; what a test may plug in and out."""
        net = stand_in("edgetpu")
        monkeypatch.setattr(of_runner("on_edgetpu"), "_LIBRARY", str(compiled("edgetpu/libedgetpu.c")))
        return net, of_runner("tflite_runtime.interpreter")

    def model(self, net, **says) -> bytes:
        return net.file_of(shape=SHAPE, **says) + b"edgetpu-custom-op"

    def test_it_runs_on_the_delegate_and_tells_which(self, stick, loaded):
        backend, fed = loaded("edgetpu", self.model(stick[0]), dtype="uint8")
        assert right(backend, fed)
        assert backend.version == "tflite_runtime 2.5.0.post1, Edge TPU runtime 13"
        sticks = "usb:0 /sys/bus/usb/devices/2-1, usb:1 /sys/bus/usb/devices/2-2"
        assert backend.device == f"Edge TPU of {sticks}"
        second, _ = loaded("edgetpu", self.model(stick[0]), dtype="uint8", device="usb:0", asked="usb:1")
        assert second.device == f"Edge TPU usb:1 of {sticks}"

    @pytest.mark.parametrize("named", ["scores", "labels"])
    def test_of_several_outputs_the_one_that_is_named_is_read(self, stick, loaded, refused, monkeypatch, named):
        outputs = [{"index": 6, "name": "boxes"}, {"index": 7, "name": named}]
        monkeypatch.setattr(stick[1].Interpreter, "get_output_details", lambda _: outputs)
        if named == "scores":
            assert right(*loaded("edgetpu", self.model(stick[0]), dtype="uint8"))
            return
        with refused("model", "has the outputs boxes, labels; the manifest names scores"):
            loaded("edgetpu", self.model(stick[0]), dtype="uint8")

    def test_one_that_is_not_plugged_in_is_named_with_those_that_are(self, stick, loaded, refused):
        with refused("runtime", r"no Edge TPU answers as usb:2; attached: usb:0 /sys.*2-1, usb:1 .*; is it plugged in"):
            loaded("edgetpu", self.model(stick[0]), dtype="uint8", device="usb:2")

    def test_none_at_all_is_no_reason_to_run_on_the_processor(self, stick, loaded, refused, monkeypatch):
        monkeypatch.setattr(stick[1], "attached", [])
        monkeypatch.setenv("NO_STICKS", "1")
        with refused("runtime", "no Edge TPU answers; attached: none; is it plugged in"):
            loaded("edgetpu", self.model(stick[0]), dtype="uint8")

    def test_a_library_that_is_missing_is_named(self, stick, loaded, refused, of_runner, monkeypatch):
        monkeypatch.setattr(of_runner("on_edgetpu"), "_LIBRARY", "libedgetpu.so.1")
        with refused("runtime", "libedgetpu.so.1 is not installed"):
            loaded("edgetpu", self.model(stick[0]), dtype="uint8")

    def test_a_model_that_its_compiler_has_not_seen_is_refused(self, stick, loaded, refused):
        with refused("model", "the Edge TPU's compiler has not been over it"):
            loaded("edgetpu", stick[0].file_of(shape=SHAPE), dtype="uint8")

    def test_a_delegate_that_takes_nothing_is_a_fault(self, stick, loaded, refused, monkeypatch):
        monkeypatch.setattr(stick[1], "takes", False)
        with refused(
            "runtime", "has taken nothing of the model; its operators are edgetpu-custom-op, SOFTMAX, DELEGATE"
        ):
            loaded("edgetpu", self.model(stick[0]), dtype="uint8")

    def test_a_model_for_a_newer_runtime_is_refused_in_its_words(self, stick, loaded, refused):
        with refused("model", r"Package requires runtime version \(14\), which is newer than this runtime version"):
            loaded("edgetpu", self.model(stick[0], wants=14), dtype="uint8")

    def test_a_tensor_of_another_type_is_refused(self, stick, loaded, refused):
        with refused("model", "Got value of type FLOAT32 but expected type UINT8"):
            loaded("edgetpu", self.model(stick[0]), dtype="float32")


REAL = """\
import json, sys
sys.path.insert(0, sys.argv[1])
import backends, on_edgetpu
from faults import Fault
import numpy as np
on_edgetpu._LIBRARY, model = sys.argv[2:4]
manifest = {"name": "net", "runtime": "edgetpu", "device": "usb:1"}
fed = np.arange(-5, 59, dtype=np.int8).reshape(1, 8, 8, 1)
try:
    loaded = backends.load(model, manifest, fed)
    scores = loaded.infer(loaded.feed(fed))
    print(json.dumps([loaded.version, loaded.device, scores.reshape(-1).tolist(), str(scores.dtype)]))
except Fault as fault:
    print(json.dumps([fault.kind, fault.detail]))
"""


@pytest.fixture
def real(compiled, tmp_path):
    """``real(**environment)``: what LiteRT's own interpreter does with the stand-in's library and its delegate."""
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "model.tflite").write_bytes(EDGETPU)
    library = compiled("edgetpu/libedgetpu.c")
    words = [sys.executable, "-c", REAL, str(RUNNER), str(library), str(tmp_path / "model.tflite")]

    def run(**environment):
        env = {**os.environ, **environment}  # in a process of its own: a delegate is written for one layout in memory
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_the_real_interpreter_runs_the_compiled_operator_on_the_delegate(real):
    version, device, scores, dtype = real()
    assert version.startswith("ai_edge_litert ")
    assert version.endswith("Edge TPU runtime 13")
    assert device.startswith("Edge TPU usb:1 of usb:0 /sys/bus/usb/devices/2-1, usb:1 ")
    assert (scores, dtype) == (list(range(-5, 5)), "int8")


def test_the_real_interpreter_has_no_stick_or_a_delegate_that_takes_nothing(real):
    kind, detail = real(NO_STICKS="1")
    assert (kind, detail.split(";")[:2]) == ("runtime", ["no Edge TPU answers as usb:1", " attached: none"])
    kind, detail = real(TAKES_NOTHING="1")
    assert kind == "model"
    assert "unresolved custom op: edgetpu-custom-op" in detail


class TestTensorRt:
    @pytest.fixture(params=["8_2", "10"])
    def gpu(self, request, stand_in, compiled, of_runner, monkeypatch):
        """The stand-in's net, and the version of TensorRT."""
        net = stand_in(f"tensorrt_{request.param}")
        memory, library = of_runner("gpu_memory"), compiled("libcudart.c")
        monkeypatch.setattr(memory, "_FOLDERS", (f"{library.parent}/",))
        monkeypatch.setattr(memory, "find_library", lambda _: None)
        return net, of_runner("tensorrt").__version__

    def test_the_engine_runs_in_the_gpus_own_memory(self, gpu, loaded):
        net, version = gpu
        for dtype, kind in (("float32", "FLOAT"), ("int8", "INT8"), ("float16", "HALF")):
            backend, fed = loaded("tensorrt", net.file_of(shape=SHAPE, tensorrt=version, dtype=kind), dtype=dtype)
            assert right(backend, fed)
        assert (backend.version, backend.device) == (f"TensorRT {version}", "cuda:0 compute capability 6.2")

    def test_an_engine_of_another_version_is_refused_in_its_words(self, gpu, loaded, refused):
        with refused("model", r"TensorRT \S+ refuses the engine: .*expecting library version 8.0.1 got"):
            loaded("tensorrt", gpu[0].file_of(shape=SHAPE, tensorrt="8.0.1"))

    def test_an_engine_of_another_input_is_refused(self, gpu, loaded, refused):
        net, version = gpu
        with refused("model", r"the engine has input x \(1, 3, 4, 5\), the manifest names x \(1, 4, 5, 3\)"):
            loaded("tensorrt", net.file_of(shape=[1, 3, 4, 5], tensorrt=version))
        with refused("model", r"the engine takes int8 \(1, 4, 5, 3\), it is given float32"):
            loaded("tensorrt", net.file_of(shape=SHAPE, tensorrt=version, dtype="INT8"))
        with refused("model", "a tensor of type BOOL"):
            loaded("tensorrt", net.file_of(shape=SHAPE, tensorrt=version, dtype="BOOL"))

    def test_a_gpu_that_is_not_there_is_named_as_cuda_does(self, gpu, loaded, refused):
        net, version = gpu
        with refused("runtime", "cudaSetDevice: invalid device ordinal"):
            loaded("tensorrt", net.file_of(shape=SHAPE, tensorrt=version), device="cuda:1")
        with refused("model", "device 'DLA0': TensorRT's are cuda:0"):
            loaded("tensorrt", net.file_of(shape=SHAPE, tensorrt=version), device="DLA0")

    def test_a_runtime_that_does_not_start_is_not_used(self, gpu, loaded, refused, of_runner, monkeypatch):
        tensorrt, start = of_runner("tensorrt"), of_runner("tensorrt").Runtime.__init__

        def ill(self, logger):
            start(self, logger)
            logger.log(tensorrt.ILogger.Severity.ERROR, "Cuda Runtime (cudaError 35)")

        monkeypatch.setattr(tensorrt.Runtime, "__init__", ill)
        with refused("runtime", r"TensorRT \S+ cannot run here: Cuda Runtime"):
            loaded("tensorrt", gpu[0].file_of(shape=SHAPE, tensorrt=gpu[1]))

    def test_without_cuda_nothing_runs(self, gpu, loaded, refused, of_runner, monkeypatch):
        monkeypatch.setattr(of_runner("gpu_memory"), "_FOLDERS", ("/nowhere/",))
        with refused("runtime", "the CUDA runtime is not installed"):
            loaded("tensorrt", gpu[0].file_of(shape=SHAPE, tensorrt=gpu[1]))


class TestBonnet:
    BYTES = {"dtype": "uint8", "scale": 0.0078125, "zero_point": 128}  # noqa: RUF012

    @pytest.fixture
    def at_exit(self):
        """What the runner's process does when it ends."""
        return []

    @pytest.fixture
    def bonnet(self, stand_in, of_runner, monkeypatch, at_exit):
        pytest.importorskip("PIL")
        net = stand_in("bonnet")
        monkeypatch.setattr(of_runner("on_aiy"), "atexit", SimpleNamespace(register=at_exit.append))
        return net, of_runner("aiy.vision.inference")

    def test_the_bonnet_is_sent_bytes_and_normalises_them(self, bonnet, loaded):
        backend, fed = loaded("aiy", bonnet[0].file_of(), **self.BYTES)
        wanted = (fed.reshape(-1)[:10].astype(np.float32) - 128) / 128
        assert np.allclose(backend.infer(backend.feed(fed)), wanted)
        assert (backend.version, backend.device) == ("aiy.vision.inference, firmware 1.2", "AIY Vision Bonnet")

    def test_the_bonnet_is_left_as_it_was(self, bonnet, loaded, at_exit):
        loaded("aiy", bonnet[0].file_of(), **self.BYTES)
        (close,) = at_exit
        close()
        assert (bonnet[1].loaded, bonnet[1].opened) == ({}, [])

    def test_a_graph_that_an_earlier_run_left_there_is_not_taken_for_another(self, bonnet, loaded):
        for times in (1, 2):
            backend, fed = loaded("aiy", bonnet[0].file_of(times=times), **self.BYTES)
            bonnet[1].opened.clear()  # its process was killed
            wanted = times * (fed.reshape(-1)[:10].astype(np.float32) - 128) / 128
            assert np.allclose(backend.infer(backend.feed(fed)), wanted)
        assert len(bonnet[1].loaded) == 2

    def test_no_bonnet_is_told_from_a_wrong_graph(self, bonnet, loaded, refused, monkeypatch):
        with refused("model", "No model with such name"):
            loaded("aiy", b"something else", **self.BYTES)
        bonnet[1].opened.clear()
        with refused("model", "the graph gives softmax; the manifest names scores"):
            loaded("aiy", bonnet[0].file_of(output="softmax"), **self.BYTES)
        monkeypatch.setattr(bonnet[1], "there", False)
        with refused("runtime", "the Vision Bonnet does not answer: FileNotFoundError: .*/dev/vision_spicomm"):
            loaded("aiy", bonnet[0].file_of(), **self.BYTES)

    def test_what_it_cannot_take_is_refused(self, bonnet, loaded, refused):
        with refused("model", "the bonnet takes bytes"):
            loaded("aiy", bonnet[0].file_of())
        with refused("model", "input.scale and zero_point are missing"):
            loaded("aiy", bonnet[0].file_of(), dtype="uint8")
        with refused("model", "Unsupported depth value"):
            loaded("aiy", bonnet[0].file_of(), shape=[1, 4, 5, 1], **self.BYTES)


class TestFormerOpenVino:
    """The interface that still drives a Neural Compute Stick."""

    @pytest.fixture
    def stick(self, stand_in, of_runner, tmp_path):
        (tmp_path / "model.bin").write_bytes(b"weights")
        return stand_in("inference_engine"), of_runner("openvino.inference_engine")

    def test_a_stick_runs_a_graph_or_a_blob(self, stick, loaded):
        net, engine = stick
        for file, dtype in (("model.xml", "uint8"), ("model.xml", "float32"), ("model.blob", "float16")):
            backend, fed = loaded("openvino", net.file_of(shape=SHAPE), file=file, dtype=dtype, device="MYRIAD")
            assert right(backend, fed)
        assert engine.loaded == ["MYRIAD"] * 3
        assert backend.version == "OpenVINO 2021.4.2-3976"
        assert backend.device == "MYRIAD (Intel Movidius Myriad X VPU)"

    def test_a_stick_that_is_pulled_is_no_reason_for_the_processor(self, stick, loaded, refused, monkeypatch):
        monkeypatch.setattr(stick[1].IECore, "available_devices", ["CPU"])
        with refused("runtime", "no device MYRIAD here, but CPU; is it plugged in"):
            loaded("openvino", stick[0].file_of(shape=SHAPE), file="model.xml", device="MYRIAD")
        assert stick[1].loaded == []

    def test_a_graph_of_other_names_or_sides_is_refused(self, stick, loaded, refused):
        with refused("model", "the graph has x, scores; the manifest names image and scores"):
            loaded("openvino", stick[0].file_of(shape=SHAPE), file="model.xml", name="image")
        with refused("model", r"the graph takes float32 \(1, 3, 4, 5\), the manifest says float32 \(1, 4, 5, 3\)"):
            loaded("openvino", stick[0].file_of(shape=[1, 3, 4, 5]), file="model.xml")


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("edgetpu", "neither tflite_runtime nor ai_edge_litert is installed"),
        ("tensorrt", "tensorrt is not installed"),
        ("openvino", "openvino.* is not installed"),
        ("aiy", "aiy.vision.inference is not installed"),
        ("onnx", "onnxruntime is not installed"),
    ],
)
def test_a_library_that_the_board_lacks_is_named(loaded, refused, monkeypatch, runtime, words):
    for name in ("tflite_runtime", "ai_edge_litert", "tensorrt", "openvino", "openvino.runtime", "onnxruntime", "aiy"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "openvino.inference_engine", None)
    given = TestBonnet.BYTES if runtime == "aiy" else {}
    with refused("runtime", words):
        loaded(runtime, b"", **given)


def test_a_runtime_of_one_device_cannot_be_asked_for_another(loaded, refused):
    with refused("model", "onnx runs on one device alone; 'GPU' cannot be asked for"):
        loaded("onnx", b"", device="GPU")


def test_a_runtime_that_is_newer_than_the_runner_is_told(loaded, refused):
    with refused("runtime", "unknown runtime 'quantum': this runner is too old"):
        loaded("quantum", b"")
