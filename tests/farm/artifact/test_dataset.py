import json

import numpy as np
import pytest

from farm.artifact.dataset import find_dataset, format_idx, load_dataset, parse_idx, save_dataset
from farm.errors import UsageFault


def test_a_data_set_comes_back_as_it_was_saved(dataset):
    assert dataset.images.shape == (3, 8, 8)
    assert dataset.labels.tolist() == [0, 1, 2]
    assert load_dataset(dataset.folder / "dataset.json").id == dataset.id
    assert parse_idx(dataset.images_path.read_bytes()).tolist() == dataset.images.tolist()


IMAGES, LABELS = np.ones((2, 8, 8), np.uint8), np.arange(2)


@pytest.mark.parametrize(
    ("images", "labels", "told"),
    [
        (IMAGES / 2, LABELS, "images are 2x8x8 float64; want whole numbers"),
        (IMAGES.astype(int) * 256, LABELS, "images are 2x8x8 int64"),
        (IMAGES, LABELS - 1, "labels are 2 int64"),
        (IMAGES, LABELS[:1], "images are 2x8x8 uint8; want .* n labels"),
        (IMAGES[:0], LABELS[:0], "images are 0x8x8"),
        (np.ones((2, 8, 8, 4), np.uint8), LABELS, "images have 4 channels"),
    ],
)
def test_what_no_data_set_can_keep_is_not_changed_to_be_kept(tmp_path, images, labels, told):
    with pytest.raises(UsageFault, match=rf"cam: {told}"):
        save_dataset(tmp_path / "set", images, labels, name="cam", source="made up")
    assert not (tmp_path / "set").exists()


def test_black_images_are_images(tmp_path):
    save_dataset(tmp_path / "set", IMAGES * 0, LABELS, name="cam", source="made up")
    assert load_dataset(tmp_path / "set").manifest.value_max == 1


@pytest.mark.parametrize("file", ["images.idx", "labels.idx"])
def test_one_changed_byte_refuses_the_data_set(dataset, file):
    path = dataset.folder / file
    path.write_bytes(path.read_bytes()[:-1] + b"\x05")
    with pytest.raises(UsageFault, match=f"{file}: SHA-256 is"):
        load_dataset(dataset.folder)


def test_another_label_is_another_identity(dataset):
    path = dataset.folder / "dataset.json"
    facts = json.loads(path.read_text())
    facts["source"] = "elsewhere"
    path.write_text(json.dumps(facts))
    assert load_dataset(dataset.folder).id != dataset.id


def test_a_manifest_that_counts_wrongly_is_refused(dataset):
    path = dataset.folder / "dataset.json"
    path.write_text(path.read_text().replace('"images": 3', '"images": 4'))
    with pytest.raises(UsageFault, match="the manifest says"):
        load_dataset(dataset.folder)


def test_a_missing_data_set_is_a_usage_fault_with_its_name(tmp_path):
    with pytest.raises(UsageFault, match=r"nowhere/dataset\.json: No such file"):
        load_dataset(tmp_path / "nowhere")


def test_idx_is_the_format_of_the_mnist_files():
    data = bytes.fromhex("00000803 00000001 00000002 00000003 010203040506")
    values = parse_idx(data)
    assert values.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert format_idx(values) == data


@pytest.mark.parametrize(
    "text", ["", "000008", "00000800", "00000d01 00000001 00", "00000801 0000", "00000801 00000002 01"]
)
def test_what_is_no_idx_file_of_bytes_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_idx(bytes.fromhex(text))


def test_idx_keeps_the_order_of_rows():
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert parse_idx(format_idx(values[:, ::-1])).tolist() == values[:, ::-1].tolist()


@pytest.mark.parametrize("place", ["digits", "datasets/digits", "../datasets/digits"])
def test_the_data_set_that_an_artifact_names_is_found_near_it(tmp_path, place):
    artifact = tmp_path / "artifacts" / "model.tar.zst"
    there = (artifact.parent / place).resolve()
    save_dataset(there, np.ones((2, 8, 8), np.uint8), np.array([0, 1], np.uint8), name="digits", source="a test")
    assert find_dataset("digits", artifact) == there


def test_a_data_set_that_lies_nowhere_near_is_named_with_the_places_looked_at(tmp_path):
    with pytest.raises(UsageFault, match=r"its data set digits is not at .*datasets/digits.*; say where"):
        find_dataset("digits", tmp_path / "model.tar.zst")
