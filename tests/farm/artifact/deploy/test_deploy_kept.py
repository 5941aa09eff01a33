"""What stays on a board, the way back, and what else may happen to it."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.errors import ConnectionLost
from farm.artifact.deploy import deploy, deployed, roll_back
from farm.artifact.document import identity
from farm.artifact.manifest import Manifest
from farm.artifact.unpack import Artifact
from farm.errors import LabFault, UsageFault

BOTH = pytest.mark.usefixtures("way")


def names(workdir: str, folder: str = "artifacts") -> set[str]:
    return {path.name for path in Path(workdir, folder).iterdir()}


@BOTH
def test_the_last_three_are_kept_and_what_only_others_had_is_removed(shell, workdir, dataset, retrain):
    versions = [retrain(b"version %d" % n) for n in range(5)]
    for version in versions:
        deploy(shell, workdir, version, dataset)
    assert names(workdir) == {version.id for version in versions[2:]}
    listed = deployed(shell, workdir)
    assert [one.artifact for one in listed] == [version.id for version in reversed(versions[2:])]
    assert [one.current for one in listed] == [True, False, False]
    assert {(one.dataset, one.dataset_name) for one in listed} == {(dataset.id, dataset.name)}
    models = {version.manifest.files["model.onnx"].sha256 for version in versions}
    assert models & names(workdir, "blobs") == {v.manifest.files["model.onnx"].sha256 for v in versions[2:]}


def test_how_many_are_kept_can_be_said(shell, workdir, dataset, retrain):
    versions = [retrain(b"version %d" % n) for n in range(3)]
    for version in versions:
        deploy(shell, workdir, version, dataset, keep=1)
    assert names(workdir) == {versions[-1].id}


@BOTH
def test_what_would_not_be_kept_makes_room_where_there_is_too_little(shell, workdir, dataset, retrain, tmp_path):
    oldest, old, current, new = (retrain(b"version %d" % n) for n in range(4))
    for version in (oldest, old, current):
        deploy(shell, workdir, version, dataset)
    free = f"[ -e artifacts/{oldest.id} ] && free=10 || free=99999999"
    shell.before(tmp_path / "before", df=f'{free}; echo; echo "/dev/mmcblk0p2 1 1 $free 90% /"')
    deploy(shell, workdir, new, dataset)
    assert names(workdir) == {old.id, current.id, new.id}


def test_where_no_room_can_be_made_the_figures_are_told(shell, workdir, dataset, retrain, tmp_path):
    deploy(shell, workdir, retrain(b"old"), dataset)
    shell.before(tmp_path / "before", df='echo; echo "/dev/mmcblk0p2 1 1 10 90% /"', mv="exit 1")
    with pytest.raises(LabFault, match="10,240 bytes free"):
        deploy(shell, workdir, retrain(b"new"), dataset)


def test_what_a_program_runs_with_is_kept(shell, workdir, dataset, retrain):
    versions = [retrain(b"version %d" % n) for n in range(3)]
    put = deploy(shell, workdir, versions[0], dataset, keep=1)
    runner = [str(shutil.which("sh")), "-c", "read x", "runner", put.model_path, put.images_path]
    with subprocess.Popen(runner, stdin=subprocess.PIPE):
        deploy(shell, workdir, versions[1], dataset, keep=1)
        assert names(workdir) == {versions[0].id, versions[1].id}
        assert Path(put.model_path).is_file()
    deploy(shell, workdir, versions[2], dataset, keep=1)
    assert names(workdir) == {versions[2].id}


@BOTH
def test_the_way_back_and_forth(shell, workdir, dataset, retrain):
    first, second, third = (retrain(b"version %d" % n) for n in range(3))
    deploy(shell, workdir, first, dataset)
    deploy(shell, workdir, second, dataset)
    assert roll_back(shell, workdir).artifact == first.id
    assert Path(workdir, "current").resolve().name == first.id
    with pytest.raises(UsageFault, match="nothing was deployed before"):
        roll_back(shell, workdir)
    deploy(shell, workdir, third, dataset)
    assert [one.artifact for one in deployed(shell, workdir)] == [third.id, first.id, second.id]
    assert roll_back(shell, workdir).artifact == first.id  # what was current before, not what was deployed before


def test_nobody_goes_back_to_what_is_damaged(shell, workdir, dataset, retrain):
    first = deploy(shell, workdir, retrain(b"first"), dataset)
    second = deploy(shell, workdir, retrain(b"second"), dataset)
    Path(first.model_path).resolve().write_bytes(b"rotten")
    with pytest.raises(LabFault, match="is damaged; nothing was changed"):
        roll_back(shell, workdir)
    assert Path(workdir, "current").resolve() == Path(second.model_path).parent


def test_a_board_that_was_never_deployed_to_lists_nothing(shell, workdir):
    assert deployed(shell, workdir) == []


def test_what_an_older_farm_deployed_can_be_gone_back_to(shell, workdir, dataset, retrain):
    first, second = retrain(b"first"), retrain(b"second")
    deploy(shell, workdir, first, dataset)
    Path(workdir, "history").unlink()
    deploy(shell, workdir, second, dataset)
    assert [(one.artifact, one.deployed_utc is None) for one in deployed(shell, workdir)] == [
        (second.id, False),
        (first.id, True),
    ]
    assert roll_back(shell, workdir).artifact == first.id


@pytest.mark.parametrize(
    ("wants", "match"),
    [
        ({"architecture": "armv6l"}, "architecture: wants armv6l, the board has x86_64"),
        ({"bound_to": {"tensorrt": "8.2.1"}}, "tensorrt: wants 8.2.1, the board has 7.1.3"),
        ({"bound_to": {"compute_capability": "6.2"}}, "compute_capability: wants 6.2, the board has 5.3"),
    ],
)
def test_a_board_that_cannot_run_it_is_refused_before_it_is_touched(
    shell, workdir, artifact, dataset, tmp_path, wants, match
):
    (tmp_path / "proc" / "device-tree").mkdir(parents=True)
    (tmp_path / "proc" / "device-tree" / "compatible").write_bytes(b"nvidia,p3450\0nvidia,tegra210\0")
    packages = {"dpkg-query": "echo 'installed 7.1.3-1+cuda10.2'"}
    shell.before(tmp_path / "before", uname="echo x86_64", **packages)
    manifest = Manifest.model_validate(artifact.manifest.model_dump() | wants)
    bound = Artifact(manifest, identity(manifest), artifact.files, artifact.size_bytes)
    with pytest.raises(UsageFault, match=match):
        deploy(shell, workdir, bound, dataset, root=str(tmp_path))
    assert not Path(workdir).exists()


def test_a_board_that_can_run_it_is_not_refused(shell, workdir, artifact, dataset, tmp_path):
    shell.before(tmp_path / "before", **{"nvidia-smi": "case $1 in *name) echo Quadro;; *) echo 7.5;; esac"})
    wants = {"bound_to": {"gpu": "quadro", "compute_capability": "7.5"}}
    manifest = Manifest.model_validate(artifact.manifest.model_dump() | wants)
    deploy(shell, workdir, Artifact(manifest, identity(manifest), artifact.files, artifact.size_bytes), dataset)
    assert Path(workdir, "current").resolve().name == identity(manifest)


@BOTH
def test_a_real_link_that_breaks_leaves_the_old_one_and_what_has_arrived(shell, workdir, dataset, retrain, way):
    old, new = retrain(b"old"), retrain(os.urandom(3 << 20))
    deploy(shell, workdir, old, dataset)
    shell.forget()
    shell.cut_at = 2_500_000
    with pytest.raises(ConnectionLost):
        deploy(shell, workdir, new, dataset)
    assert Path(workdir, "current").resolve().name == old.id
    shell.forget()
    put = deploy(shell, workdir, new, dataset)
    assert put.bytes_sent < 1_800_000
    assert Path(put.model_path).read_bytes() == new.model_path.read_bytes()


def test_of_two_at_once_the_later_one_goes_on(shell, workdir, dataset, retrain):
    """The earlier may belong to a controller whose link is gone, which nobody has told the board."""
    first, second = retrain(os.urandom(1 << 20)), retrain(b"second")

    def meanwhile(_: str) -> None:
        deploy(type(shell)(), workdir, second, dataset)

    with pytest.raises(LabFault, match="another deployment has taken over"):
        deploy(shell, workdir, first, dataset, progress=meanwhile)
    assert Path(workdir, "current").resolve().name == second.id
    assert deploy(shell, workdir, first, dataset).bytes_sent > 0


def test_who_takes_over_waits_until_the_earlier_one_has_tidied_up(shell, workdir, dataset, retrain, tmp_path):
    """Else what the later one has brought, and not yet given a name, would be removed as nobody's."""
    began, over = tmp_path / "began", tmp_path / "over"
    shell.before(tmp_path / "slow", ls=f'touch "{began}"; sleep 0.9; {shutil.which("ls")} "$@"; touch "{over}"')
    with ThreadPoolExecutor(1) as one:
        earlier = one.submit(deploy, shell, workdir, retrain(b"first"), dataset)
        while not began.exists():
            assert not earlier.done(), earlier.exception()
        there: list[bool] = []
        put = deploy(type(shell)(), workdir, retrain(b"later"), dataset, progress=lambda _: there.append(over.exists()))
    assert (there, Path(put.model_path).read_bytes()) == ([True], b"later")


@pytest.fixture
def small_disk(tmp_path, shell):
    """``small_disk(options)``: the board's folder on a file system of its own, that only its processes see."""
    place, holders = tmp_path / "disk", []
    place.mkdir()

    def mount(options: str) -> str:
        script = f"mount -t tmpfs -o {options} tmpfs '{place}' && echo mounted && exec cat"
        words = [str(shutil.which("unshare")), "-m", "sh", "-c", script]
        holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        holders.append(holder)
        if holder.stdout.readline() != b"mounted\n":
            pytest.skip("only root may mount")
        shell.within = [str(shutil.which("nsenter")), "-m", "-t", str(holder.pid)]
        return str(place / "farm")

    yield mount
    for holder in holders:
        holder.communicate()


@BOTH
def test_a_disk_that_fills_leaves_the_old_one_and_no_half_of_the_new(shell, small_disk, dataset, retrain, tmp_path):
    workdir = small_disk("size=3m")
    table = "Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/mmcblk0p2 1 1 99999999 90% /"
    shell.before(tmp_path / "before", df=f"printf '%s\\n' '{table}'")
    old = retrain(b"old")
    deploy(shell, workdir, old, dataset)
    with pytest.raises(LabFault, match="No space left"):
        deploy(shell, workdir, retrain(os.urandom(4 << 20)), dataset)
    assert shell.run(f"cd '{workdir}' && cat current/model.onnx").text == "old"
    assert shell.run(f"ls '{workdir}/incoming'").text == ""
    deploy(shell, workdir, retrain(b"small"), dataset)


def test_a_disk_that_cannot_be_written_is_named(shell, small_disk, artifact, dataset):
    workdir = small_disk("ro")
    with pytest.raises(LabFault, match=r"(?i)read-only file system"):
        deploy(shell, workdir, artifact, dataset)
