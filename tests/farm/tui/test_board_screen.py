"""One board's own screen."""

from textual.widgets import Log

from farm.errors import LabFault
from farm.tui.board_screen import BoardScreen
from farm.tui.lab_screen import LabScreen
from farm.tui.source import Piece


def test_it_shows_what_the_console_prints_and_what_the_meter_reads_as_it_comes(lab, app_of, kit):
    lab.pieces = [
        Piece(note="live"),
        Piece(text="Booting Li"),
        Piece(text="nux\nDebian\n", stage="kernel"),
        Piece(watts=7.0, measured=True),
        Piece(measured=True),
        Piece(watts=8.0, measured=True),
    ]
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("enter")
        await kit.until(pilot, lambda: "now 8.000 W" in kit.on_screen(app))
        text = kit.on_screen(app)
        assert "Booting Linux" in text
        assert "console: live" in text
        assert "now 8.000 W, min 7.000, max 8.000; 3 s, 1 missing" in text
        assert "boot kernel" in text
        assert "process twin" in text

    kit.during(app, steps)


def test_another_source_of_text_does_not_run_into_the_one_before(lab, app_of, kit):
    lab.pieces = [Piece(note="in use by ci@host"), Piece(text="old\n"), Piece(note="live"), Piece(text="new\n")]
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("enter")
        await kit.until(pilot, lambda: "new" in app.screen.query_one(Log).lines)
        assert list(app.screen.query_one(Log).lines) == ["new", ""]

    kit.during(app, steps)


def test_history_and_health_are_there(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("enter")
        await kit.until(pilot, lambda: "lenet5-int8" in kit.on_screen(app))
        text = kit.on_screen(app)
        assert "pass" in text
        assert "taken by ci@host: nightly" in text
        assert "no fault known" in text

    kit.during(app, steps, size=(160, 50))


def test_a_watch_that_fails_is_told_in_the_place_of_the_console(lab, app_of, kit):
    def broken(board, stop):
        raise LabFault(board, "the console is gone")
        yield

    lab.watch = broken
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("enter")
        await kit.until(pilot, lambda: "tx2-01: the console is gone" in kit.on_screen(app))

    kit.during(app, steps)


def test_closing_it_lets_go_of_the_board_and_the_table_is_where_it_was(lab, app_of, kit):
    stops = []
    watch = lab.watch

    def noted(board, stop):
        stops.append(stop)
        return watch(board, stop)

    lab.watch = noted
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("down", "enter")
        await kit.until(pilot, lambda: stops)
        await pilot.press("escape")
        assert isinstance(app.screen, LabScreen)
        assert app.screen.board == "zero-01"
        assert stops[0].is_set()

    kit.during(app, steps)


def test_the_watch_steps_aside_for_an_action(lab, app_of, kit):
    app = app_of(lab)
    watching, aside = [], []
    watch, act = lab.watch, lab.act

    def noted(board, stop):
        watching.append(stop)
        return watch(board, stop)

    def acted(*how):
        aside.append(watching[0].is_set())
        return act(*how)

    lab.watch, lab.act = noted, acted

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("enter")
        await kit.until(pilot, lambda: watching)
        await pilot.press("c", "y")
        await kit.until(pilot, lambda: aside)
        assert isinstance(app.screen, BoardScreen)

    kit.during(app, steps)
    assert aside == [True]


def test_in_a_browser_the_console_is_the_live_tail(lab, app_of, kit):
    app = app_of(lab)  # headless, as a browser is: no terminal to hand over

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("x")
        assert isinstance(app.screen, BoardScreen)

    kit.during(app, steps)


def test_a_pane_can_have_the_whole_screen(lab, app_of, kit):
    lab.pieces = [Piece(note="live"), Piece(text="\n".join(f"line {n}" for n in range(30)) + "\n")]
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("enter")
        await kit.until(pilot, lambda: "line 29" in kit.on_screen(app))
        await pilot.press("z")
        assert app.screen.query_one(Log).size.height > 18
        await pilot.press("z")
        assert app.screen.query_one(Log).size.height < 12

    kit.during(app, steps)
