"""What the screens look like, as SVG; `NEW_PICTURES=1 pytest tests/farm/tui` draws them anew, to be looked at."""

import os
import re
from pathlib import Path

import pytest
from textual._doc import take_svg_screenshot
from textual.widgets import Input

from farm.tui import lookout
from farm.tui.source import Glance, Known, Piece

PICTURES = Path(__file__).parent / "pictures"
SIZES = [(80, 24), (200, 60)]
WATTS = (7.0, 7.1, None, 8.3, 8.2, 7.9, 8.3, None, 7.0)


@pytest.fixture(autouse=True)
def _one_after_the_other(monkeypatch):
    """Events stand in the order in which the boards are looked at."""
    monkeypatch.setattr(lookout, "AT_ONCE", 1)


@pytest.fixture(autouse=True)
def _no_cursor_blinks(monkeypatch):
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _: None)


@pytest.fixture(params=SIZES, ids=["80x24", "200x60"])
def size(request):
    return request.param


@pytest.fixture
def looks_like(request, app_of, kit, tmp_path):
    """``looks_like(lab, *keys, size=…)``: held against the picture that somebody has looked at."""

    def compare(lab, *keys, size=(80, 24), text="", **options) -> bool:
        async def steps(pilot):
            await kit.seen(pilot)
            await kit.until(pilot, lambda: pilot.app.boards.counted() and _known(pilot.app, lab))
            for watts in WATTS if "tx2-01" in lab.glances else ():
                pilot.app.boards.looked("tx2-01", kit.glance(watts=watts), kit.NOW)
            pilot.app.screen.changed(list(lab.glances))
            await pilot.press(*keys)
            await kit.until(pilot, lambda: text in kit.on_screen(pilot.app))

        svg = take_svg_screenshot(app=app_of(lab, **options), terminal_size=size, run_before=steps)
        drawn = re.sub(r"terminal-\d+-", "terminal-", svg)  # a number of Rich's, for pages with several pictures
        picture = PICTURES / f"{request.node.name}.svg"
        if os.environ.get("NEW_PICTURES"):
            picture.write_text(drawn)
        now = tmp_path / "now.svg"
        now.write_text(drawn)
        assert picture.exists(), f"{now}: look at it, then draw it with NEW_PICTURES=1"
        same = drawn == picture.read_text()  # no assert: nobody reads the difference of two SVGs
        if not same:
            pytest.fail(f"looks otherwise:\n  now {now}\n  was {picture}")
        return same

    return compare


def _known(app, lab) -> bool:
    """Whether the database was read too."""
    return all(app.boards[name].last for name in lab.database.last)


def test_the_table(looks_like, lab, size):
    assert looks_like(lab, "down", "down", "down", size=size)


def test_a_board_s_own_screen(looks_like, lab, size):
    lab.pieces = [
        Piece(note="live"),
        Piece(
            text="[    0.000000] Booting Linux on physical CPU 0x0\nDebian GNU/Linux 12 tx2-01 ttyS0\n\ntx2-01 login: "
        ),
        *(Piece(watts=watts, measured=True) for watts in WATTS * 4),
    ]
    assert looks_like(lab, "enter", size=size, text="36 s, 8 missing")


def test_the_question_before_an_action(looks_like, lab, size):
    assert looks_like(lab, "c", size=size)


def test_the_question_before_a_lease(looks_like, lab):
    assert looks_like(lab, "t")


def test_the_menu(looks_like, lab):
    assert looks_like(lab, "a", "down")


def test_the_help(looks_like, lab, size):
    assert looks_like(lab, "question_mark", size=size)


def test_a_filter(looks_like, lab, size):
    assert looks_like(lab, "slash", *"nano", "enter", size=size)


def test_a_filter_that_nothing_matches(looks_like, lab):
    assert looks_like(lab, "slash", *"xyz")


def test_a_lab_of_which_nothing_is_known_yet(looks_like, kit):
    lab = kit.Lab({"tx2-99": Glance(), "zero-99": Glance()})
    assert looks_like(lab)


def test_every_board_is_faulty(looks_like, kit, size):
    faults = {
        "tx2-01": "tx2-01: farm@192.0.2.11:22 accepts no SSH session within 6 s\n  try: is the board on?",
        "zero-01": "relay-zero: http://192.0.2.30 does not answer\n  try: look at its network",
        "atom-01": "atom-01: did not boot, in stage kernel: panic",
    }
    lab = kit.Lab({name: Glance(powered=True, up=False, faults=(fault,)) for name, fault in faults.items()}, Known())
    lab.glances["tx2-02"] = lab.glances.pop("tx2-01")
    assert looks_like(lab, size=size)


def test_without_colour_every_state_is_a_word_and_a_sign(looks_like, lab, size, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert looks_like(lab, "down", "down", "down", size=size)


def test_without_colour_the_choice_in_a_menu_shows(looks_like, lab, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert looks_like(lab, "a", "down")


def test_reading_only(looks_like, lab):
    assert looks_like(lab, read_only=True)
