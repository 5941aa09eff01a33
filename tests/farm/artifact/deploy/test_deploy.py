import json
import os
import random
import shutil
from pathlib import Path

import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.deploy import deploy
from farm.errors import LabFault, UsageFault

BOTH = pytest.mark.usefixtures("way")


@BOTH
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


@BOTH
def test_the_second_time_no_content_is_sent_and_little_is_said(shell, workdir, artifact, dataset):
    first = deploy(shell, workdir, artifact, dataset)
    shell.forget()
    second = deploy(shell, workdir, artifact, dataset)
    assert (second.bytes_sent, second.took.bytes_on_wire) == (0, 0)
    assert second.bytes_reused == first.bytes_sent
    assert shell.sent + shell.heard + sum(map(len, shell.commands)) < 10_000


@BOTH
def test_only_what_changed_is_sent(shell, workdir, artifact, dataset, retrain):
    first = deploy(shell, workdir, artifact, dataset)
    retrained = retrain(b"retrained")
    second = deploy(shell, workdir, retrained, dataset)
    assert second.bytes_sent == len(b"retrained") + Path(second.manifest_path).stat().st_size
    assert Path(workdir, "current").resolve() == Path(second.model_path).parent
    assert Path(first.model_path).is_file()


@BOTH
def test_a_broken_file_on_the_board_is_sent_again(shell, workdir, artifact, dataset):
    put = deploy(shell, workdir, artifact, dataset)
    Path(put.model_path).resolve().write_bytes(bytes(artifact.manifest.files["model.onnx"].size))
    again = deploy(shell, workdir, artifact, dataset)
    assert again.bytes_sent == artifact.manifest.files["model.onnx"].size
    assert Path(again.model_path).read_bytes() == artifact.model_path.read_bytes()


def test_what_was_right_since_the_board_booted_is_not_read_again_until_somebody_writes(
    shell, workdir, artifact, dataset
):
    put = deploy(shell, workdir, artifact, dataset)
    for blob in Path(workdir, "blobs").iterdir():
        os.utime(blob)
    noted = Path(workdir, "verified")
    model = Path(put.model_path).resolve()
    deploy(shell, workdir, artifact, dataset)
    assert not noted.exists() or model.name not in noted.read_text()  # too young to be believed
    stat = model.stat()
    state = [stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    line = " ".join(map(str, [model.name, *state]))
    noted.write_text(f"{boot}\n{'0' * 64} 1 2 3 4\n{line}\n")
    assert deploy(shell, workdir, artifact, dataset).bytes_sent == 0
    assert noted.read_text() == f"{boot}\n{line}"
    model.write_bytes(bytes(stat.st_size))
    os.utime(model, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert deploy(shell, workdir, artifact, dataset).bytes_sent == stat.st_size


@BOTH
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


@BOTH
def test_what_arrives_damaged_is_a_lab_fault_and_current_stays(shell, workdir, artifact, dataset, retrain):
    good = deploy(shell, workdir, artifact, dataset)
    retrained = retrain(b"retrained")
    retrained.model_path.write_bytes(b"reversed!")
    with pytest.raises(LabFault, match=r"folder-1: .* did not arrive as sent"):
        deploy(shell, workdir, retrained, dataset)
    assert Path(workdir, "current", "model.onnx").samefile(good.model_path)
    retrained.model_path.write_bytes(b"retrained")
    deploy(shell, workdir, retrained, dataset)


@BOTH
def test_too_little_space_is_named_before_anything_is_sent(shell, workdir, artifact, dataset, tmp_path):
    table = "Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/mmcblk0p2 100 90 10 90% /"
    shell.before(tmp_path / "before", df=f"printf '%s\\n' '{table}'")
    with pytest.raises(LabFault, match=r"10,240 bytes free, .* needed"):
        deploy(shell, workdir, artifact, dataset)
    assert os.listdir(Path(workdir, "blobs")) == os.listdir(Path(workdir, "incoming")) == []  # noqa: PTH208


@pytest.mark.parametrize("answer", ["", "df: no such device", "a\nb c d"])
def test_unknown_space_is_a_lab_fault(shell, workdir, artifact, dataset, answer, tmp_path):
    shell.before(tmp_path / "before", df=f"printf '%s' '{answer}'; [ -z '{answer}' ] || echo")
    with pytest.raises(LabFault, match="free space unknown"):
        deploy(shell, workdir, artifact, dataset)


def test_a_work_folder_that_cannot_be_made_names_the_remedy(shell, tmp_path, artifact, dataset):
    (tmp_path / "file").touch()
    with pytest.raises(LabFault, match="farm provision folder-1"):
        deploy(shell, str(tmp_path / "file" / "farm"), artifact, dataset)


def test_a_board_that_cannot_hash_is_told_from_one_that_has_nothing(shell, workdir, artifact, dataset, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "mkdir", "df"):
        (programs / name).symlink_to(shutil.which(name))
    shell.environment["PATH"] = str(programs)
    with pytest.raises(LabFault, match="folder-1: has no sha256sum"):
        deploy(shell, workdir, artifact, dataset)


def test_a_python_that_is_too_old_is_left_alone(shell, workdir, artifact, dataset, tmp_path):
    shell.before(tmp_path / "before", python3="exit 96")
    told: list[str] = []
    deploy(shell, workdir, artifact, dataset, progress=told.append)
    assert told[-1].endswith("by the board's shell alone")


def test_progress_tells_what_is_sent(shell, workdir, artifact, dataset):
    told: list[str] = []
    put = deploy(shell, workdir, artifact, dataset, progress=told.append)
    assert told[0].startswith(f"sending {put.bytes_sent:,} bytes of ")


@BOTH
def test_no_stray_files_remain(shell, workdir, artifact, dataset):
    deploy(shell, workdir, artifact, dataset)
    there = {name for name in os.listdir(workdir) if not name.startswith("deploy")} - {"verified"}  # noqa: PTH208
    assert there == {"artifacts", "blobs", "chunks", "current", "datasets", "history", "incoming", "runner"} - (
        set() if Path(workdir, "chunks").exists() else {"chunks"}
    )
    assert os.listdir(Path(workdir, "incoming")) == []  # noqa: PTH208


@BOTH
def test_a_program_can_be_run_and_a_model_cannot(shell, workdir, source, described, dataset, retrain):
    (source / "go").write_bytes(b"#!/bin/sh\n")
    (source / "go").chmod(0o755)
    program = described | {"runtime": "command", "command": ["./go", "{model}"]}
    (source / "manifest.json").write_text(json.dumps(program))
    put = deploy(shell, workdir, retrain(b"same"), dataset)
    folder = Path(put.model_path).parent
    assert os.access(folder / "go", os.X_OK)
    assert not os.access(put.model_path, os.X_OK)


@BOTH
@pytest.mark.parametrize("kind", ["random", "zeros"])
def test_contents_are_packed_only_where_it_helps(shell, workdir, dataset, retrain, kind):
    content = random.Random(1).randbytes(300_000) if kind == "random" else bytes(300_000)
    put = deploy(shell, workdir, retrain(content), dataset)
    assert Path(put.model_path).read_bytes() == content
    if kind == "zeros" and put.took.codec != "none":
        assert put.took.bytes_on_wire < put.bytes_sent - 290_000
    if kind == "random":
        assert put.took.codec == "none"
