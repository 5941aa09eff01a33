"""A model whose accelerator does not hang on the board is refused, and nothing is sent; where nobody can tell, not."""

from pathlib import Path

import pytest

from devices.twin.hanging import Hanging, attach
from farm.artifact.deploy import NoAccelerator, deploy, needs
from farm.artifact.deploy.fits import require_fit
from farm.artifact.document import identity
from farm.artifact.manifest import Manifest
from farm.artifact.unpack import Artifact
from farm.health.lab_faults import of_board
from farm.lab.inventory import Lab

USB, PCIE, STICK = Hanging("coral-usb"), Hanging("coral-pcie"), Hanging("ncs")
DISPLAY = {"class": "0x030000", "vendor": "0x8086", "device": "0x5a85"}
EDGE_TPU, MYRIAD, GPU = {"runtime": "edgetpu"}, {"runtime": "openvino", "device": "MYRIAD"}, {"runtime": "openvino"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(needs, "_BACK_S", 0.0)


@pytest.fixture
def root(tmp_path) -> Path:
    """Where the board's paths begin: it has a USB bus, and on that a hub."""
    root = tmp_path / "a board's root"
    write(root / "sys/bus/usb/devices/usb1", idVendor="1d6b", idProduct="0002", speed="480")
    return root


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


@pytest.fixture
def fits(shell, root, artifact):
    """``fits(runtime="edgetpu", …)``: ask the board for a model of which only the manifest is what it says."""

    def asked(instead: str | None = None, **wants: object) -> bool:
        manifest = Manifest.model_validate(artifact.manifest.model_dump() | wants)
        require_fit(shell, str(root), manifest, instead)
        return True

    return asked


@pytest.mark.parametrize(
    ("wants", "hangs", "says"),
    [
        (EDGE_TPU, [], "has no Edge TPU, and tiny needs one"),
        (EDGE_TPU, [STICK], "has no Edge TPU, and tiny needs one"),
        (EDGE_TPU | {"device": "usb"}, [PCIE], "has no Edge TPU on USB, and tiny needs one"),
        (EDGE_TPU | {"device": "pci"}, [USB], "has no Edge TPU on PCIe, and tiny needs one"),
        (EDGE_TPU | {"device": "usb:1"}, [USB], "has 1 Edge TPU on USB, and tiny needs 2"),
        (MYRIAD, [USB], "has no Neural Compute Stick, and tiny needs one"),
        (GPU | {"device": "GPU.0"}, [PCIE], "has no GPU of Intel's, and tiny needs one"),
    ],
)
def test_what_does_not_hang_on_the_board_is_told_with_what_to_do(fits, root, wants, hangs, says):
    attach(root, hangs)
    with pytest.raises(NoAccelerator) as seen:
        fits(**wants)
    assert str(seen.value).startswith(f"folder-1: {says}; nothing was sent\n  try: is it plugged in")
    assert "else run tiny on a board that has" in seen.value.hint


def test_the_board_is_refused_before_it_is_touched(shell, root, artifact, dataset):
    manifest = Manifest.model_validate(artifact.manifest.model_dump() | EDGE_TPU)
    one = Artifact(manifest, identity(manifest), artifact.files, artifact.size_bytes)
    with pytest.raises(NoAccelerator):
        deploy(shell, str(root / "farm"), one, dataset, root=str(root))
    assert not (root / "farm").exists()
    attach(root, [USB])
    deploy(shell, str(root / "farm"), one, dataset, root=str(root))
    assert (root / "farm" / "current").exists()


@pytest.mark.parametrize(
    ("wants", "hangs"),
    [
        (EDGE_TPU, [USB]),
        (EDGE_TPU, [PCIE]),
        (EDGE_TPU | {"device": ":1"}, [USB, PCIE]),
        (EDGE_TPU | {"device": "usb:1"}, [USB, USB]),
        (MYRIAD, [STICK]),
        (GPU | {"device": "HETERO:GPU,CPU"}, []),
        ({"runtime": "openvino"}, []),
        ({"runtime": "tflite"}, []),
    ],
)
def test_what_hangs_there_or_is_not_needed_is_not_refused(fits, root, wants, hangs):
    attach(root, hangs)
    assert fits(**wants)


def test_a_stick_that_starts_anew_as_a_program_has_let_go_of_it_is_there_in_a_moment(fits, root, monkeypatch):
    monkeypatch.setattr(needs, "_BACK_S", 30.0)
    monkeypatch.setattr(needs, "sleep", lambda _: attach(root, [STICK]))
    assert fits(**MYRIAD)


def test_an_edge_tpu_that_nobody_has_used_yet_has_another_name_on_the_bus(fits, root):
    write(root / "sys/bus/usb/devices/2-1", idVendor="1a6e", idProduct="089a", speed="5000")
    assert fits(**EDGE_TPU, device="usb")


def test_a_dev_board_whose_driver_has_its_edge_tpu_has_one(fits, root):
    write(root / "sys/class/apex/apex_0", temp="40000")
    attach(root, [PCIE])
    assert fits(**EDGE_TPU, device="pci")
    with pytest.raises(NoAccelerator, match="has 1 Edge TPU on PCIe, and tiny needs 2"):
        fits(**EDGE_TPU, device="pci:1")


def test_a_display_controller_of_intels_is_a_gpu_and_another_is_not(fits, root):
    write(root / "sys/bus/pci/devices/0000:01:00.0", **DISPLAY | {"vendor": "0x10de"})
    with pytest.raises(NoAccelerator):
        fits(**GPU, device="GPU")
    write(root / "sys/bus/pci/devices/0000:00:02.0", **DISPLAY)
    assert fits(**GPU, device="GPU")


def test_the_bonnet_is_a_device_file_of_its_driver(fits, root):
    assert fits(runtime="aiy")  # nobody knows, where not even this stands:
    write(root / "dev", null="")
    with pytest.raises(NoAccelerator, match="has no AIY Vision Bonnet"):
        fits(runtime="aiy")
    (root / "dev/vision_spicomm").touch()
    assert fits(runtime="aiy")


def test_what_is_asked_for_in_place_of_the_artifacts_own_counts(fits):
    assert fits("CPU", **MYRIAD)
    with pytest.raises(NoAccelerator):
        fits("MYRIAD", runtime="openvino")


def test_a_board_that_tells_nothing_of_its_buses_is_left_to_the_runner(fits, root):
    (root / "sys").rename(root / "no-sys")
    assert fits(**EDGE_TPU)


def test_a_board_that_never_had_one_is_sound():
    board = {"model": "jetson-tx2", "ssh": {"host": "192.0.2.1", "user": "nvidia"}}
    lab = Lab.model_validate({"lab": "one", "boards": {"tx2-01": board}})
    assert not of_board(lab, "tx2-01", NoAccelerator("tx2-01", "has no Edge TPU"))
