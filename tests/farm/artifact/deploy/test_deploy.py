import json
import os
from pathlib import Path

import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.deploy import deploy
from farm.artifact.pack import pack
from farm.artifact.unpack import open_artifact
from farm.errors import LabFault, UsageFault


@pytest.fixture
def artifact(packed, tmp_path):
    return open_artifact(packed, tmp_path / "out")


@pytest.fixture
def workdir(tmp_path) -> str:
    return str(tmp_path / "a board's root" / "farm")


def test_everything_a_trial_needs_is_on_the_board(shell, workdir, artifact, dataset):
    put = deploy(shell, workdir, artifact, dataset)
    assert Path(put.model_path).read_bytes() == artifact.model_path.read_bytes()
    assert Path(put.images_path).read_bytes() == dataset.images_path.read_bytes()
    assert json.loads(Path(put.manifest_path).read_bytes())["name"] == "tiny"
    assert (Path(put.runner_path) / "__init__.py").is_file()
    assert Path(workdir, "current", "model.onnx").samefile(put.model_path)
    assert put.bytes_reused == 0


def test_labels_stay_at_home(shell, workdir, artifact, dataset):
    deploy(shell, workdir, artifact, dataset)
    labels = (dataset.folder / "labels.idx").read_bytes()
    assert all(path.read_bytes() != labels for path in Path(workdir).rglob("*") if path.is_file())


def test_the_second_time_nothing_is_sent(shell, workdir, artifact, dataset):
    first = deploy(shell, workdir, artifact, dataset)
    shell.uploads.clear()
    second = deploy(shell, workdir, artifact, dataset)
    assert (shell.uploads, second.bytes_sent) == ([], 0)
    assert second.bytes_reused == first.bytes_sent


def test_only_what_changed_is_sent(shell, workdir, artifact, dataset, source, tmp_path):
    first = deploy(shell, workdir, artifact, dataset)
    shell.uploads.clear()
    (source / "model.onnx").write_bytes(b"retrained")
    pack(source, tmp_path / "next.tar.zst")
    retrained = open_artifact(tmp_path / "next.tar.zst", tmp_path / "out")
    second = deploy(shell, workdir, retrained, dataset)
    assert set(shell.uploads) == {retrained.manifest.files["model.onnx"].sha256, retrained.id}
    assert Path(workdir, "current").resolve() == Path(second.model_path).parent
    assert Path(first.model_path).is_file()


def test_a_broken_file_on_the_board_is_sent_again(shell, workdir, artifact, dataset):
    put = deploy(shell, workdir, artifact, dataset)
    Path(put.model_path).resolve().write_bytes(b"bit rot")
    again = deploy(shell, workdir, artifact, dataset)
    assert again.bytes_sent == artifact.manifest.files["model.onnx"].size
    assert Path(again.model_path).read_bytes() == artifact.model_path.read_bytes()


def test_a_removed_link_is_put_back(shell, workdir, artifact, dataset):
    put = deploy(shell, workdir, artifact, dataset)
    Path(put.model_path).unlink()
    deploy(shell, workdir, artifact, dataset)
    assert Path(put.model_path).is_file()


def test_the_work_folder_may_move(shell, workdir, artifact, dataset):
    deploy(shell, workdir, artifact, dataset)
    moved = Path(workdir).rename(Path(workdir).with_name("elsewhere"))
    assert (moved / "current" / "model.onnx").read_bytes() == artifact.model_path.read_bytes()


def test_another_data_set_is_refused_before_the_board_is_touched(shell, workdir, artifact, dataset):
    facts = json.loads((dataset.folder / "dataset.json").read_text())
    (dataset.folder / "dataset.json").write_text(json.dumps(facts | {"source": "another"}))
    with pytest.raises(UsageFault, match="different data sets"):
        deploy(shell, workdir, artifact, load_dataset(dataset.folder))
    assert not Path(workdir).exists()


def test_what_arrives_damaged_is_a_lab_fault_and_current_stays(shell, workdir, artifact, dataset, source, tmp_path):
    good = deploy(shell, workdir, artifact, dataset)
    (source / "model.onnx").write_bytes(b"retrained")
    pack(source, tmp_path / "next.tar.zst")
    shell.damage = True
    with pytest.raises(LabFault, match=r"folder-1: .* did not arrive as sent"):
        deploy(shell, workdir, open_artifact(tmp_path / "next.tar.zst", tmp_path / "out"), dataset)
    assert Path(workdir, "current", "model.onnx").samefile(good.model_path)


def test_too_little_space_is_named_before_anything_is_sent(shell, workdir, artifact, dataset):
    shell.answers["df "] = "Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/mmcblk0p2 100 90 10 90% /"
    with pytest.raises(LabFault, match=r"10,240 bytes free, .* needed"):
        deploy(shell, workdir, artifact, dataset)
    assert shell.uploads == []


@pytest.mark.parametrize("answer", ["", "df: no such device", "a\nb c d"])
def test_unknown_space_is_a_lab_fault(shell, workdir, artifact, dataset, answer):
    shell.answers["df "] = answer
    with pytest.raises(LabFault, match="free space unknown"):
        deploy(shell, workdir, artifact, dataset)


def test_a_work_folder_that_cannot_be_made_names_the_remedy(shell, tmp_path, artifact, dataset):
    (tmp_path / "file").touch()
    with pytest.raises(LabFault, match="farm provision folder-1"):
        deploy(shell, str(tmp_path / "file" / "farm"), artifact, dataset)


def test_a_board_that_cannot_hash_is_told_from_one_that_has_nothing(shell, workdir, artifact, dataset, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    Path(workdir, "blobs").mkdir(parents=True)
    shell.answers["mkdir "] = ""
    with pytest.raises(LabFault, match="folder-1: has no sha256sum"):
        deploy(shell, workdir, artifact, dataset)
    assert shell.uploads == []


def test_progress_counts_what_is_sent(shell, workdir, artifact, dataset):
    told: list[str] = []
    deploy(shell, workdir, artifact, dataset, progress=told.append)
    assert told[0].startswith(f"sending 1/{len(told)}: ")


def test_no_stray_files_remain(shell, workdir, artifact, dataset):
    deploy(shell, workdir, artifact, dataset)
    assert sorted(os.listdir(workdir)) == ["artifacts", "blobs", "current", "datasets", "runner"]  # noqa: PTH208
