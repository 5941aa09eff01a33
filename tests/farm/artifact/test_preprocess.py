import hashlib

import numpy as np
import pytest

from farm.artifact.document import check
from farm.artifact.manifest import Manifest
from farm.artifact.preprocess import tensor, tensor_sha256


@pytest.fixture
def manifest(described):
    described["files"] = {"model.onnx": {"sha256": "0" * 64, "size": 1}}

    def changed(**changes) -> Manifest:
        return check(Manifest, described | changes, "here")

    return changed


def test_nearest_upscaling_repeats_pixels(manifest, dataset):
    made = tensor(dataset.images[0], manifest())
    assert made.shape == (1, 1, 16, 16)
    assert made.dtype == np.float32
    assert (made[0, 0] * 16).tolist() == np.kron(dataset.images[0], np.ones((2, 2))).tolist()


def test_upscaling_by_a_fraction_takes_the_pixel_below(manifest):
    image = np.arange(8, dtype=np.uint8)[None].repeat(8, 0)
    steps = [{"name": "upscale-nearest", "height": 8, "width": 12}]
    shape = {"name": "image", "shape": [1, 8, 12, 1], "dtype": "int8", "layout": "NHWC"}
    made = tensor(image, manifest(preprocess={"steps": steps, "sha256": "0" * 64}, input=shape))
    assert made[0, 0, :, 0].tolist() == [0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7]


def test_integers_are_rounded_half_to_even(manifest):
    image = np.arange(6, dtype=np.uint8).reshape(1, 6)
    steps = [{"name": "scale", "factor": 0.5, "offset": -1}]
    shape = {"name": "image", "shape": [6], "dtype": "int8", "layout": "NHWC", "scale": 0.125, "zero_point": -1}
    made = tensor(image, manifest(preprocess={"steps": steps, "sha256": "0" * 64}, input=shape))
    assert made.tolist() == [-1, 0, 0, 0, 1, 2]  # -1, -0.5, 0, 0.5, 1, 1.5


@pytest.mark.parametrize(
    ("dtype", "factor", "kept"), [("uint8", 2, [0, 200, 255, 255]), ("int8", 1, [0, 100, 127, 127])]
)
def test_what_an_integer_cannot_hold_stays_at_its_end(manifest, dtype, factor, kept):
    image = np.array([[0, 100, 200, 255]], np.uint8)
    steps = [{"name": "scale", "factor": factor}] if factor != 1 else []
    shape = {"name": "image", "shape": [1, 4], "dtype": dtype, "layout": "NHWC"}
    said = manifest(preprocess={"steps": steps, "sha256": "0" * 64}, input=shape)
    assert tensor(image, said).tolist() == [kept]


def test_the_hash_is_over_all_images_in_their_order(manifest, dataset):
    whole = np.stack([np.kron(image, np.ones((2, 2))) / 16 for image in dataset.images]).astype("<f4")
    assert tensor_sha256(dataset.images, manifest()) == hashlib.sha256(whole.tobytes()).hexdigest()
    assert tensor_sha256(dataset.images[::-1], manifest()) != tensor_sha256(dataset.images, manifest())
