"""A new system on a lent board: the right one, proven, and only while it is ours."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from devices.errors import BadImage, FlashFault, HostKeyMismatch, WrongBoard
from devices.flash.fastboot import FastbootConfig
from devices.flash.flasher import WHOLE, Image, Options, Written
from devices.shell import Result
from farm.errors import LabFault, UsageFault
from farm.lab import entries, flashing
from farm.lab.bench import borrow
from farm.lab.entries import FlashEntry
from farm.lab.known_hosts import KnownHosts
from farm.lab.lease import LeaseLost
from farm.lab.reach import KNOWN_HOSTS
from farm.lab.shapes import against
from farm.lab.twins import inject
from farm.playbook.flash import or_golden

BOARD = "zero-01"


class Noted:
    """Writes nothing, and notes that it was told to; what a test wants to happen meanwhile, happens."""

    class Config(Options):
        tied: str = ""

    wrote: list[list[Image]] = []  # noqa: RUF012 -- emptied by the fixture
    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, config: "Noted.Config") -> None:
        self._config = config

    @classmethod
    def of(cls, name: str, config: BaseModel) -> "Noted":
        assert name == BOARD
        return cls(config)

    def ties(self) -> str | None:
        return self._config.tied or None

    def plan(self, images: Sequence[Image]) -> list[str]:
        if missing := [str(image.path) for image in images if not image.path.is_file()]:
            raise BadImage(BOARD, f"{missing[0]}: is not there")
        return [f"write {image.path.name}" for image in images]

    def write(self, seat, images, progress) -> Written:
        seat.off()
        with seat.writing() as still:
            self.wrote.append(list(images))
            type(self).meanwhile()
            still()
        return Written(7, "noted")


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> type[Noted]:
    for module in (flashing, entries):
        monkeypatch.setattr(module, "load_flasher", lambda _driver: Noted)
    monkeypatch.setattr(Noted, "wrote", [])
    monkeypatch.setattr(Noted, "meanwhile", staticmethod(lambda: None))
    return Noted


@pytest.fixture
def image(tmp_path: Path) -> Image:
    path = tmp_path / "golden.img"
    path.write_bytes(b"a system")
    return Image(WHOLE, path)


@pytest.fixture
def lend(twin_lab, noted, image):
    """Lend the board with a way of flashing it."""

    def of(tied: str = "", **changes: object):
        entry = FlashEntry(driver="noted", options={"tied": tied}, golden={"image": str(image.path)})
        board = twin_lab.lab.boards[BOARD].model_copy(update={"flash": entry} | changes)
        lab = twin_lab.lab.model_copy(update={"boards": twin_lab.lab.boards | {BOARD: board}})
        return borrow(lab, BOARD, state=twin_lab.state)

    return of


def test_it_is_proven_before_and_after_and_keeps_note_of_its_image(lend, noted, image) -> None:
    with lend() as bench:
        bench.ensure_up()
        boot_id = bench.board.boot_id()
        done = flashing.flash(bench, [image])
        assert bench.board.boot_id() != boot_id
        assert flashing.noted(bench.shell, bench.board.path(flashing.NOTE)) == done.images
    assert noted.wrote == [[image]]
    assert done.proven_before == "serial number 00000000c0ffee01, by its own system"
    assert done.proven_after == "serial number 00000000c0ffee01"
    assert done.stages[-1] == "login"
    assert (done.made, done.driver, done.verified) == ("process twin", "noted", "noted")
    assert list(done.images) == ["image"]


def test_another_board_is_not_written(lend, noted, image) -> None:
    with (
        lend(serial_number="0042") as bench,
        pytest.raises(WrongBoard, match="says its serial number is 00000000c0ffee01"),
    ):
        flashing.flash(bench, [image])
    assert noted.wrote == []


def test_a_board_that_nothing_tells_from_its_like_is_not_written(lend, noted, image) -> None:
    with lend(serial_number=None) as bench, pytest.raises(UsageFault, match="add `serial_number:`"):
        flashing.flash(bench, [image])
    assert noted.wrote == []


def lost(board: str = BOARD) -> None:
    raise LeaseLost(board, "lease 7 was taken by somebody")


def test_a_board_that_is_another_s_is_not_written(lend, noted, image, monkeypatch) -> None:
    with lend() as bench, monkeypatch.context() as taken:
        bench.ensure_up()
        taken.setattr(bench.lease, "check", lost)
        with pytest.raises(LeaseLost):
            flashing.flash(bench, [image])
    assert noted.wrote == []


def test_a_board_that_is_taken_away_while_it_is_written_is_noticed(lend, noted, image, monkeypatch) -> None:
    with lend() as bench, monkeypatch.context() as taken:
        noted.meanwhile = staticmethod(lambda: taken.setattr(bench.lease, "check", lost))
        with pytest.raises(LeaseLost):
            flashing.flash(bench, [image])
    assert len(noted.wrote) == 1


def test_an_image_that_is_not_there_is_the_caller_s_fault_and_found_first(lend, noted, image, tmp_path) -> None:
    with lend() as bench, pytest.raises(UsageFault, match=r"none\.img: is not there"):
        flashing.flash(bench, [image, Image("boot", tmp_path / "none.img")])
    assert noted.wrote == []


def test_a_board_that_the_inventory_cannot_flash_says_what_to_add(twin_lab, image) -> None:
    with pytest.raises(UsageFault, match=r"boards\.zero-01\.flash: missing; add it"):
        flashing.plan(twin_lab.lab, BOARD, [image])
    with pytest.raises(UsageFault, match=r"boards\.zero-01\.flash\.golden: missing"):
        flashing.golden(twin_lab.lab, BOARD)


def test_an_option_of_another_form_is_told_with_an_example():
    (fault,) = against(FastbootConfig, {"usb_path": "left"}, ("flash",))
    assert fault.text == "is not of its form; write it as in 1-4.2"


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDyk0Wl1dGMGymmasq5QmIeJinIVjjvc4BbFcuHunGX1"


@pytest.mark.parametrize(
    ("named", "said", "noted"),
    [
        (None, f"{KEY} root@board", KEY),
        (None, "cat: /etc/ssh/ssh_host_ed25519_key.pub: No such file or directory", None),
        (KEY, f"{KEY} root@board", None),
    ],
)
def test_a_new_system_s_host_key_is_taken_from_its_console_alone(tmp_path, named, said, noted) -> None:
    """Where the inventory names a key, that one holds; what is no key is none."""
    ssh = entries.SshEntry(host="192.0.2.1", user="lab", host_key=named)
    entry = SimpleNamespace(ssh=ssh, console=entries.ConsoleEntry(port="/dev/ttyUSB0", user="lab"))
    console = SimpleNamespace(run=lambda command: Result(command, 0, said.encode(), b""))
    board = SimpleNamespace(path=lambda path: path)
    bench = SimpleNamespace(name="b1", entry=entry, console=console, board=board, state=tmp_path, login=lambda: None)
    fault = HostKeyMismatch("b1", "shows another key")
    with suppress(HostKeyMismatch) if noted is None else nullcontext():
        flashing._trust_over_console(bench, fault)
        assert noted is not None
    assert KnownHosts(tmp_path / KNOWN_HOSTS).key("192.0.2.1", 22) == noted


@pytest.fixture
def broken(twin_lab):
    """The board's kernel panics until its image is written."""

    def mend() -> None:
        inject(twin_lab.state, BOARD, "kernel-panic", False)

    with borrow(twin_lab.lab, BOARD, state=twin_lab.state) as bench:
        bench.power_off()
    inject(twin_lab.state, BOARD, "kernel-panic")
    yield mend
    mend()


def up_by_golden(bench) -> str:
    return or_golden(bench, bench.ensure_up, lambda _what, _share: None)[1]


def test_a_board_that_does_not_boot_gets_its_golden_image_and_boots(lend, noted, broken, image) -> None:
    noted.meanwhile = staticmethod(broken)
    with lend("SD multiplexer 1") as bench:
        assert "was flashed with its golden image" in up_by_golden(bench)
        assert up_by_golden(bench) == ""
    assert noted.wrote == [[image]]


def test_a_golden_image_that_does_not_help_is_tried_once(lend, noted, broken) -> None:
    with (
        lend("SD multiplexer 1") as bench,
        pytest.raises(LabFault, match="was flashed with its golden image and did not boot"),
    ):
        up_by_golden(bench)
    assert len(noted.wrote) == 1


def test_a_board_that_cannot_say_who_it_is_gets_no_image(lend, noted, broken, image) -> None:
    with lend() as bench, pytest.raises(LabFault, match="cannot say which board it is, and is not flashed"):
        flashing.flash(bench, [image])
    assert noted.wrote == []


def test_a_flash_that_fails_is_the_lab_s_fault(lend, noted, image) -> None:
    def fail() -> None:
        raise FlashFault(BOARD, "the card is worn")

    noted.meanwhile = staticmethod(fail)
    with lend() as bench, pytest.raises(FlashFault, match="the card is worn"):
        flashing.flash(bench, [image])
