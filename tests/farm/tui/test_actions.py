"""Actions: asked for first, done in a thread, told in the log; and leaving."""

import threading

import pytest
from textual.widgets import Input

from devices.errors import BootFault
from farm.errors import UsageFault
from farm.tui.dialogs import Confirm, Leave, Menu
from farm.tui.lab_screen import LabScreen
from farm.tui.source import Wish


def texts(app) -> list[str]:
    return [note.text for note in app.notes]


@pytest.mark.parametrize(
    ("key", "name"),
    [("o", "on"), ("f", "off"), ("c", "cycle"), ("r", "return"), ("h", "health"), ("p", "provision")],
)
def test_an_action_is_done_only_after_a_yes(lab, app_of, kit, key, name):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press(key, "escape")
        await pilot.press(key, "enter")  # the button that has the focus at first is Cancel
        assert lab.wishes == []
        await pilot.press(key)
        assert isinstance(app.screen, Confirm)
        await pilot.press("y")
        await kit.until(pilot, lambda: "tx2-01: done" in texts(app))
        assert lab.wishes == [Wish(name, "tx2-01")]

    kit.during(app, steps)


def test_a_lease_is_taken_for_a_time_that_makes_sense_and_with_a_reason(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("t")
        app.screen.query_one("#for", Input).value = "soon"
        await pilot.press("enter", *"mine", "enter", "tab", "enter")
        assert isinstance(app.screen, Confirm)
        assert "no span of time" in kit.on_screen(app)
        app.screen.query_one("#for", Input).value = "2h"
        app.screen.query_one("#yes").press()
        await kit.until(pilot, lambda: lab.wishes)
        assert lab.wishes == [Wish("take", "tx2-01", for_s=7200, reason="mine")]

    kit.during(app, steps)


def test_the_log_tells_each_step_and_the_result(lab, app_of, kit):
    lab.result = "booted in 2.1 s"
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        app.notes.clear()
        await pilot.press("c", "y")
        await kit.until(pilot, lambda: len(app.notes) >= 4)
        assert texts(app)[:4] == ["tx2-01: cycling", "tx2-01: kernel", "tx2-01: login", "tx2-01: booted in 2.1 s"]

    kit.during(app, steps)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BootFault("tx2-01", "kernel panic", hint="look at the console"), "tx2-01: kernel panic\n  try: look at"),
        (UsageFault("tx2-01: nobody has it"), "tx2-01: nobody has it"),
        (ZeroDivisionError("a bug"), "farm: crash: ZeroDivisionError: a bug"),
    ],
)
def test_an_action_that_fails_is_a_red_line_and_no_crash(lab, app_of, kit, error, words):
    lab.result = error
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("c", "y")
        await kit.until(pilot, lambda: any(text.startswith(words) for text in texts(app)))
        assert next(note.tone for note in app.notes if note.text.startswith(words)) == "fault"
        assert app.boards["tx2-01"].doing == ""

    kit.during(app, steps)


def test_a_board_is_left_alone_by_looks_while_an_action_has_it_and_looked_at_after(lab, app_of, kit):
    go = threading.Event()
    act = lab.act
    lab.act = lambda *args: go.wait(20) and act(*args)
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        lab.looked.clear()
        await pilot.press("c", "y", "u")
        assert app.boards["tx2-01"].state.word == "working"
        await pilot.press("c")  # a second one has to wait
        assert isinstance(app.screen, LabScreen)
        assert texts(app)[-1] == "tx2-01: wait: cycling"
        assert lab.looked == []
        go.set()
        await kit.until(pilot, lambda: lab.looked)
        assert set(lab.looked) == {"tx2-01"}

    kit.during(app, steps)


def test_reading_only_offers_no_action_at_all(lab, app_of, kit):
    app = app_of(lab, read_only=True)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("c", "o", "f", "t")
        assert isinstance(app.screen, LabScreen)
        assert "READ-ONLY" in kit.on_screen(app)
        await pilot.press("a")
        assert isinstance(app.screen, Menu)
        assert "Power" not in kit.on_screen(app)
        await pilot.press("escape", "question_mark")
        assert "Power" not in kit.on_screen(app)

    kit.during(app, steps, size=(100, 40))


def test_the_menu_does_what_its_keys_do(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("a", "c")
        assert isinstance(app.screen, Confirm)
        await pilot.press("escape", "a", "down", "down", "down", "enter")
        assert isinstance(app.screen, Confirm)
        assert "Power off" in kit.on_screen(app)
        await pilot.press("escape")
        lab.looked.clear()
        await pilot.press("a", "u")
        await kit.until(pilot, lambda: lab.looked == ["tx2-01"])

    kit.during(app, steps)


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
def test_leaving_asks_nothing_and_waits_for_nobody(lab, app_of, kit, key):
    lab.hanging = set(lab.glances)
    app = app_of(lab)

    async def steps(pilot):
        await pilot.press(key)

    kit.during(app, steps)
    assert app.return_value == 0


def test_leaving_asks_while_an_action_runs_and_then_does_not_wait_for_it(lab, app_of, kit):
    lab.act = lambda *_: lab.go.wait(20)
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("c", "y", "q")
        assert isinstance(app.screen, Leave)
        assert "tx2-01: cycling" in kit.on_screen(app)
        await pilot.press("n")
        assert isinstance(app.screen, LabScreen)
        await pilot.press("q", "q")

    kit.during(app, steps)
    assert app.return_value == 0
