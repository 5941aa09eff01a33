"""From chosen images to a data set: a board gives those bytes alone, and what is written can be run and packed."""

import subprocess
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from devices.shell import Result
from farm.artifact.collect.acquired import Found, acquired
from farm.artifact.collect.choose import Chosen, Told
from farm.artifact.collect.gather import gather, gather_acquired
from farm.artifact.collect.images import Here, NotThere, OnBoard
from farm.artifact.collect.netpbm import format_netpbm
from farm.artifact.collect.policy import load_policy
from farm.artifact.dataset import IMAGES, format_idx, load_dataset, save_dataset
from farm.cli import collect as command
from farm.errors import LabFault, UsageFault
from farm.trial.described import dataset_facts

CHOSEN = [1, 2, 3, 7, 39]


class Folder:
    """A board that is a folder of this machine; notes how many bytes it gave."""

    name = "zero-01"

    def __init__(self) -> None:
        self.gave = 0

    def run(self, command, *, timeout_s=30.0, stdin=b"", check=True) -> Result:
        done = subprocess.run(
            ["/bin/sh", "-c", command], input=stdin, capture_output=True, timeout=timeout_s, check=check
        )
        self.gave += len(done.stdout)
        return Result(command, done.returncode, done.stdout, done.stderr)

    def download(self, path, *, timeout_s=300.0) -> bytes:
        return Path(path).read_bytes()


@pytest.fixture(params=[(), (3,)], ids=["grey", "colour"])
def dataset(request, tmp_path):
    images = np.random.default_rng(1).integers(0, 17, (40, 4, 6, *request.param), np.uint8)
    images[0].flat[0] = 16
    save_dataset(tmp_path / "set", images, (np.arange(40) % 10).astype(np.uint8), name="set", source="made up")
    return load_dataset(tmp_path / "set")


@pytest.fixture
def on_board(dataset, tmp_path):
    """The data set as a board has it."""
    facts, there = dataset_facts(dataset), tmp_path / "work" / "datasets" / dataset.id
    there.mkdir(parents=True)
    (there / IMAGES).write_bytes(dataset.images_path.read_bytes())
    return OnBoard(Folder(), str(tmp_path / "work"), dataset.id, facts.images_sha256)


@pytest.fixture
def policy(tmp_path):
    def read(text: str):
        path = tmp_path / "collect.yaml"
        path.write_text(text)
        return load_policy(path)

    return read


def collect(dataset, images, asked, out, chosen=CHOSEN):
    labels = dict(enumerate(dataset.labels.tolist()))
    told = [Told("two", "b" * 64, None), Told("one", "a" * 64, None)]
    return gather(Chosen(chosen, labels, 3, len(chosen)), images, asked, dataset_facts(dataset), told, out, "hard")


def test_a_board_gives_the_bytes_of_those_images_alone(on_board, dataset):
    assert np.array_equal(on_board.read(CHOSEN), dataset.images[CHOSEN])
    assert on_board.shell.gave < len(CHOSEN) * dataset.images[0].size + 100


def test_the_same_images_make_the_same_data_set_wherever_they_come_from(on_board, dataset, policy, tmp_path):
    asked = policy("misclassified: true\nprivacy: none\n")
    one = collect(dataset, on_board, asked, tmp_path / "one")
    other = collect(dataset, Here(dataset), asked, tmp_path / "other")
    assert one == other
    back = load_dataset(tmp_path / "one")
    assert back.id == one.id
    assert np.array_equal(back.images, dataset.images[CHOSEN])
    assert np.array_equal(back.labels, dataset.labels[CHOSEN])


def test_it_tells_where_it_comes_from_and_keeps_classes_and_range_of_the_whole(dataset, policy, tmp_path):
    collect(dataset, Here(dataset), policy("misclassified: true\nprivacy: none\n"), tmp_path / "new", [1, 2])
    manifest = load_dataset(tmp_path / "new").manifest
    assert (manifest.classes, manifest.value_max, manifest.name) == (10, 16, "hard")
    assert manifest.collected.model_dump(exclude_none=True) == {
        "records": ["one", "two"],
        "artifacts": ["a" * 64, "b" * 64],
        "dataset": dataset.id,
        "indices": [1, 2],
    }
    assert manifest.source == f"2 of the 40 images of set {dataset.id[:12]}: misclassified; privacy: none"


def test_what_was_hidden_stands_in_its_source_and_in_no_file(dataset, policy, tmp_path):
    asked = policy("misclassified: true\nprivacy: {drop_classes: [7, 9], pixelate: {block: 100}}\n")
    found = collect(dataset, Here(dataset), asked, tmp_path / "new")
    assert found.source.endswith("2 images of the classes 7, 9 left out, pixelated in blocks of 100")
    back = load_dataset(tmp_path / "new")
    assert back.manifest.collected.indices == [1, 2, 3]
    assert all(len(np.unique(image.reshape(24, -1), axis=0)) == 1 for image in back.images)


def test_nothing_is_written_where_hiding_fails_or_leaves_nothing(dataset, policy, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UsageFault, match="No such file"):
        collect(
            dataset, Here(dataset), policy("misclassified: true\nprivacy: {command: [no-such]}\n"), tmp_path / "new"
        )
    drops = policy("misclassified: true\nprivacy: {drop_classes: [1, 2, 3, 7, 9]}\n")
    assert collect(dataset, Here(dataset), drops, tmp_path / "new") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "collect.yaml"])


def test_nothing_is_written_over(dataset, policy, tmp_path):
    with pytest.raises(UsageFault, match="is there already"):
        collect(dataset, Here(dataset), policy("misclassified: true\nprivacy: none\n"), dataset.folder)


def test_a_place_where_nothing_can_be_written_is_told_and_no_crash(dataset, policy, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(LabFault, match="the folder writable"):
        collect(dataset, Here(dataset), policy("misclassified: true\nprivacy: none\n"), tmp_path / "file" / "new")


class Inventory:
    boards = ("atom-01", "atom-02")

    def require(self, names):
        assert set(names) <= set(self.boards)


def test_boards_are_tried_in_turn_and_one_that_is_in_use_or_left_the_lab_is_passed_over(monkeypatch):
    @contextmanager
    def brought_up(_lab, board, **_):
        if board == "atom-01":
            raise LabFault(board, "in use by ci@host")
        yield SimpleNamespace(shell=None, workdir="/farm")

    monkeypatch.setattr(command, "open_lab", lambda _: Inventory())
    monkeypatch.setattr(command, "brought_up", brought_up)
    of = SimpleNamespace(id="d" * 64, images_sha256="a" * 64, name="set")
    args = SimpleNamespace(leave_on=False)
    boards = ["atom-00", "atom-01", "atom-02"]
    assert command._from_boards(args, boards, lambda _: "taken", of) == "taken"

    def damaged(_images):
        raise LabFault("atom-02", "hashes to another")

    with pytest.raises(LabFault, match="hashes to another"):
        command._from_boards(args, boards, damaged, of)
    with pytest.raises(LabFault, match="in use by ci@host"):
        command._from_boards(args, ["atom-01"], damaged, of)


def test_one_without_labels_is_a_data_set_that_cannot_be_scored(dataset, policy, tmp_path):
    collect(dataset, Here(dataset), policy("misclassified: true\nlabels: leave out\nprivacy: none\n"), tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["dataset.json", IMAGES]
    with pytest.raises(UsageFault, match="has no labels, so that nothing is right or wrong"):
        load_dataset(tmp_path / "new")


def test_a_data_set_that_is_damaged_on_the_board_is_found_by_its_hash(on_board):
    path = Path(on_board.folder) / IMAGES
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(LabFault, match=r"images.idx: hashes to .*, not .*(?s:.*)deploy a model with it again"):
        on_board.read(CHOSEN)


def test_a_board_that_has_the_data_set_no_more_is_told_from_one_that_is_broken(on_board):
    (Path(on_board.folder) / IMAGES).unlink()
    with pytest.raises(NotThere, match=r"zero-01: has data set .* no more"):
        on_board.read(CHOSEN)


def test_what_a_board_has_acquired_comes_without_labels(policy, tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    images = np.random.default_rng(1).integers(0, 200, (4, 5, 6), np.uint8)
    (folder / "b.idx").write_bytes(format_idx(images[1:3]))
    (folder / "a.pgm").write_bytes(format_netpbm(images[0], 255))
    (folder / "c.pgm").write_bytes(format_netpbm(images[3], 255))
    (folder / "notes.txt").write_text("no image")
    found = acquired(Folder(), str(folder), 3)
    assert np.array_equal(found.images, images[:3])
    assert [line[65:] for line in found.files] == ["a.pgm", "b.idx", "b.idx"]
    asked = policy("acquired: {board: zero-01, folder: /camera}\nlabels: leave out\nprivacy: none\n")
    new = gather_acquired(found, asked, "zero-01", tmp_path / "new", "new")
    assert new.source == "3 of 3 images that zero-01 has acquired; privacy: none"


def test_a_file_that_is_refused_is_not_even_named(policy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Found(np.zeros((2, 5, 6), np.uint8), 255, ["00 seen.pgm", "01 alice.pgm"])
    found.images[1] += 1
    refuse = tmp_path / "refuse"
    refuse.write_text("#!/bin/sh\ncat >image; [ $(tail -c 1 image | od -An -tu1) = 0 ] || exit 77; cat image\n")
    refuse.chmod(0o755)
    hiding = "privacy: {command: [./refuse]}\n"
    asked = policy("acquired: {board: zero-01, folder: /camera}\nlabels: leave out\n" + hiding)
    gather_acquired(found, asked, "zero-01", tmp_path / "new", "new")
    assert "alice" not in (tmp_path / "new" / "dataset.json").read_text()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("b.pgm", format_netpbm(np.zeros((5, 7), np.uint8), 255), r"b.pgm: images of \(5, 7\); those before are of"),
        ("b.pgm", format_netpbm(np.zeros((5, 6), np.uint8), 15), "b.pgm: values up to 15; those before go up to 255"),
        ("b.pgm", b"GIF89a", "b.pgm: begins with"),
        ("b.idx", format_idx(np.zeros(5, np.uint8)), "b.idx: an IDX file of shape"),
        ("b;x.pgm", b"", "rename it"),
    ],
)
def test_files_that_are_no_images_of_one_size_and_range_are_named(tmp_path, name, data, said):
    (tmp_path / "a.pgm").write_bytes(format_netpbm(np.zeros((5, 6), np.uint8), 255))
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageFault, match=said):
        acquired(Folder(), str(tmp_path), None)


def test_a_folder_that_is_not_there_or_empty_is_no_crash(tmp_path):
    with pytest.raises(LabFault, match="nowhere"):
        acquired(Folder(), str(tmp_path / "nowhere"), None)
    assert acquired(Folder(), str(tmp_path), None) is None
