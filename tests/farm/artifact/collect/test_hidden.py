"""What is hidden before anything is written."""

import sys
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.collect.netpbm import format_netpbm, parse_netpbm
from farm.artifact.collect.policy import Hide, Pixelate
from farm.artifact.collect.privacy import hide, pixelated, told
from farm.errors import UsageFault

GREY = np.arange(35, dtype=np.uint8).reshape(5, 7)
COLOUR = np.stack([GREY, GREY + 1, GREY + 2], axis=2)

PROGRAM = """\
import sys
data = sys.stdin.buffer.read()
{does}
"""


@pytest.fixture
def by(tmp_path):
    """``by("sys.stdout.buffer.write(data)")``: hide by a program of that one line."""

    def program(does: str) -> Hide:
        (tmp_path / "program.py").write_text(PROGRAM.format(does=does))
        return Hide(command=[sys.executable, str(tmp_path / "program.py")])

    return program


def hidden(hiding, images=(GREY,), labels=None, value_max=255):
    return hide(images, labels or [0] * len(images), hiding, value_max=value_max, folder=Path())


@pytest.mark.parametrize("image", [GREY, COLOUR])
def test_nothing_within_a_block_can_be_told_apart_at_the_edges_neither(image):
    shown = pixelated(image, 3)
    assert shown.shape == image.shape
    assert len(np.unique(shown.reshape(35, -1), axis=0)) == 2
    assert (shown[:, :3] == shown[0, 0]).all()
    assert (shown[:, 3:] == shown[0, 3]).all()
    assert shown[0, 0].flat[0] == round(GREY[:, :3].mean())


def test_a_block_larger_than_the_image_leaves_one_value():
    assert len(np.unique(pixelated(GREY, 100))) == 1


def test_images_of_classes_that_must_not_leave_are_left_out():
    found = hidden(Hide(drop_classes=[1, 2]), [GREY] * 4, [0, 1, 2, 3])
    assert (found.places, found.dropped) == ([0, 3], 2)
    assert told(Hide(drop_classes=[1, 2]), found) == "2 images of the classes 1, 2 left out"


def test_a_program_gets_each_image_after_what_else_is_hidden_and_gives_another_one(by):
    hiding = by("sys.stdout.buffer.write(data[:-35] + bytes(255 - v for v in data[-35:]))")
    both = hiding.model_copy(update={"pixelate": Pixelate(block=100)})
    assert np.array_equal(hidden(hiding).images[0], 255 - GREY)
    assert (hidden(both).images[0] == 255 - 17).all()


def test_a_program_that_refuses_an_image_keeps_it_here(by):
    found = hidden(by("sys.exit(77) if data[-35] == 0 else sys.stdout.buffer.write(data)"), [GREY, GREY + 1])
    assert (found.places, found.refused) == ([1], 1)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("1 / 0", "ended with status 1: ZeroDivisionError: division by zero; 77 refuses an image"),
        ("print('done')", "its output is no image: begins with b'done"),
        ("sys.stdout.buffer.write(b'P5 1 1 255 x')", r"gives an image of \(1, 1\) up to 255, not \(5, 7\) up to 255"),
        ("pass", "its output is no image"),
    ],
)
def test_a_program_that_fails_writes_nothing_and_is_told_of(by, does, said):
    with pytest.raises(UsageFault, match=said):
        hidden(by(does))


def test_a_program_s_path_begins_at_the_policy_s_folder(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    program = tmp_path / "through"
    program.write_text("#!/bin/sh\nexec cat\n")
    program.chmod(0o755)
    found = hide([GREY], [0], Hide(command=["./through"]), value_max=255, folder=tmp_path)
    assert np.array_equal(found.images[0], GREY)


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(UsageFault, match=r"privacy.command: .*nobody/has-this: No such file"):
        hidden(Hide(command=["nobody/has-this"]))


@pytest.mark.parametrize("image", [GREY, COLOUR])
def test_images_come_back_from_the_formats_that_programs_read(image):
    back, value_max = parse_netpbm(format_netpbm(image, 40))
    assert np.array_equal(back, image)
    assert value_max == 40


@pytest.mark.parametrize(
    "data", [b"", b"P5", b"P4 1 1 1 x", b"P5 2 2 255 abc", b"P5 1 1 65535 ab", b"P5 0 1 255 ", b"P5 1 1 9 x"]
)
def test_what_is_no_image_of_bytes_is_refused(data):
    with pytest.raises(ValueError, match=r"want|bytes of pixels|a value over"):
        parse_netpbm(data)


def test_comments_in_a_head_are_read_over():
    assert parse_netpbm(b"P5\n# a camera\n1 1\n255\nx")[0].tolist() == [[ord("x")]]
