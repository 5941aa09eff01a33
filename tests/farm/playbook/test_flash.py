"""The flash step: what the board says of its image decides, and a playbook that cannot be is found first."""

import hashlib
import json

import pytest

from farm.errors import LabFault, UsageFault
from farm.lab.flashing import NOTE
from farm.playbook.flash import Flash
from farm.playbook.model import load
from farm.playbook.step import Target

SHA256 = hashlib.sha256(b"a system").hexdigest()


@pytest.fixture
def step(tmp_path) -> Flash:
    (tmp_path / "mine.img").write_bytes(b"a system")
    return Flash(image="mine.img")


@pytest.fixture
def target(place, tmp_path) -> Target:
    return Target(place.board, place.shell, place.workdir, folder=tmp_path)


def note(place, images: dict[str, str]) -> None:
    path = place.root / NOTE.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(images))


def test_a_board_that_has_the_image_is_left_alone(step, target, place) -> None:
    note(place, {"image": SHA256})
    assert step.take(target, check=False) == ""


def test_a_board_with_another_image_would_be_flashed(step, target, place) -> None:
    note(place, {"image": "0" * 64})
    assert step.take(target, check=True) == "runs another image"


def test_a_board_that_the_farm_has_not_flashed_would_be(step, target) -> None:
    assert step.take(target, check=True) == "nothing says which image it runs"


def test_half_a_note_says_nothing(step, target, place) -> None:
    note(place, {})
    (place.root / NOTE.lstrip("/")).write_text('{"image": "')
    assert step.take(target, check=True) == "nothing says which image it runs"


def test_a_board_may_say_by_a_command_that_it_has_the_image(target) -> None:
    assert Flash(image="mine.img", unless="true").take(target, check=False) == ""


def test_each_partition_counts(target, place, tmp_path) -> None:
    for name in ("boot", "root"):
        (tmp_path / f"{name}.img").write_bytes(b"a system")
    step = Flash(partitions={"boot": "boot.img", "rootfs": "root.img"})
    assert step.title == "flash boot.img, root.img"
    note(place, {"boot": SHA256})
    assert step.take(target, check=True) == "runs another image"
    note(place, {"rootfs": SHA256, "boot": SHA256})
    assert step.take(target, check=True) == ""


def test_a_target_without_wires_is_not_flashed(step, target) -> None:
    with pytest.raises(LabFault, match=r"flash mine\.img: nothing is known of its wiring"):
        step.take(target, check=False)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("image: none.img", r"book\.yaml:4: steps\.0\.flash\.image: .*none\.img is not there"),
        ("partitions: {boot: none.img}", r"none\.img is not there"),
        ("unless: 'true'", "wants one of `image:` and `partitions:`"),
        ("{image: a, partitions: {boot: b}}", "wants one of `image:` and `partitions:`"),
        ("imagge: a", r"imagge: unknown key; did you mean"),
    ],
)
def test_a_playbook_that_cannot_be_is_found_before_any_board_is_touched(tmp_path, fields, says) -> None:
    path = tmp_path / "book.yaml"
    path.write_text(f"model: coral-dev\nsteps:\n  - flash:\n      {fields}\n")
    with pytest.raises(UsageFault, match=says):
        load(path)
