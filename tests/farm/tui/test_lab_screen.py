"""The table as an operator uses it: keys, mouse, filter, sort, faults, events."""

import re

from textual.events import Key
from textual.widgets import Input

from devices.errors import Unreachable
from farm.errors import LabFault
from farm.tui.board_screen import BoardScreen
from farm.tui.notes import NotesScreen
from farm.tui.table import BoardTable, TableHead


def rows(app) -> list[str]:
    return list(app.screen.query_one(BoardTable).shown)


def test_every_board_is_a_row_with_its_state_in_words(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        text = kit.on_screen(app)
        for row in (
            r"tx2-01 +twin +● up +- .* 7\.00 pass",
            r"zero-01 .* 0\.90 REGRESSION",
            r"atom-01 .* ▶ in use +ci@host",
            r"coral-01 +twin +✖ fault .* farm@",
            r"nano-01 +twin +○ off .* 0\.00",
            r"nano-02 +twin +⊘ quarantine .* - - +in quarantine",
        ):
            assert re.search(row, text), f"{row}\n{text}"

    kit.during(app, steps)


def test_a_filter_that_arrives_in_one_piece_is_taken_letter_by_letter(lab, app_of, kit):
    """As over a slow link, or pasted: no letter of it is a key of the table, which would open a menu."""
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        for letter in "/na/o":
            app.post_message(Key("slash" if letter == "/" else letter, letter))
        await pilot.pause()
        assert app.screen.query_one(Input).value == "na/o"

    kit.during(app, steps)


def test_a_board_that_hangs_is_a_red_row_at_its_deadline_while_keys_go_on(lab, app_of, kit):
    lab.hanging = {"tx2-01", "zero-01"}
    app = app_of(lab, deadline_s=0.05)

    async def steps(pilot):
        await kit.seen(pilot)
        assert [app.boards[name].state.word for name in ("tx2-01", "zero-01")] == ["fault", "fault"]
        await pilot.press("down", "down")
        assert app.screen.board == "atom-01"
        assert "no answer to a look within 0.05 s" in kit.on_screen(app)

    kit.during(app, steps)


def test_a_look_that_raises_is_a_fault_in_the_component_s_words(lab, app_of, kit):
    lab.glances["tx2-01"] = Unreachable("tx2-01", "no route", hint="look at the switch")
    lab.glances["zero-01"] = RuntimeError("a bug")
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        assert app.boards["tx2-01"].faults == ("tx2-01: no route\n  try: look at the switch",)
        assert app.boards["zero-01"].faults == ("farm: crash: RuntimeError: a bug",)
        assert "tx2-01: no route  try: look at the switch" in kit.on_screen(app)

    kit.during(app, steps)


def test_the_selection_stays_on_its_board_whatever_changes(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("down", "down", "down")
        assert app.screen.board == "coral-01"
        await pilot.press("s", "S")  # by name, backwards
        assert rows(app)[0] == "zero-01"
        assert app.screen.board == "coral-01"
        lab.glances["coral-01"] = kit.glance()
        await pilot.press("u")
        await kit.until(pilot, lambda: app.boards["coral-01"].state.word == "up")
        assert app.screen.board == "coral-01"

    kit.during(app, steps)


def test_rows_keep_their_places_until_somebody_sorts_again(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        app.screen.query_one(BoardTable).sort_by("watts")
        before = rows(app)
        assert before[:3] == ["tx2-01", "zero-01", "nano-01"]
        lab.glances["zero-01"] = kit.glance(watts=50.0)
        await pilot.press("down", "u")
        await kit.until(pilot, lambda: app.boards["zero-01"].glance.watts == 50.0)
        assert rows(app) == before
        app.screen.query_one(BoardTable).sort_by("watts")
        assert rows(app)[0] == "zero-01"

    kit.during(app, steps)


def test_a_click_on_a_title_sorts_and_on_a_row_selects_and_twice_opens(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        state = next(p for p in app.screen.query_one(TableHead).placed if p.column.key == "state")
        await pilot.click(TableHead, offset=(state.x + 1, 0))
        assert rows(app)[:2] == ["coral-01", "nano-02"]
        await pilot.click(BoardTable, offset=(3, 1))
        assert app.screen.board == "nano-02"
        await pilot.click(BoardTable, offset=(3, 0), times=2)
        assert isinstance(app.screen, BoardScreen)
        assert app.screen.board == "coral-01"

    kit.during(app, steps)


def test_a_filter_works_while_it_is_written_and_esc_takes_it_back(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("slash", *"nano")
        assert rows(app) == ["nano-01", "nano-02"]
        await pilot.press("enter", "down")
        assert app.screen.board == "nano-02"
        await pilot.press("slash", *" xyz")
        assert rows(app) == []
        assert "no board matches" in kit.on_screen(app)
        await pilot.press("escape")
        assert len(rows(app)) == 6
        assert app.screen.query_one(Input).value == ""

    kit.during(app, steps)


def test_letters_in_the_filter_are_no_actions(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await pilot.press("slash", *"qcof?")
        assert app.screen.query_one(Input).value == "qcof?"
        assert app.is_running

    kit.during(app, steps)


def test_a_database_that_fails_is_told_on_the_screen_and_the_boards_are_watched_all_the_same(lab, app_of, kit):
    lab.database = LabFault("results.sqlite", "the disk is full")
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        await kit.until(pilot, lambda: app.screen.trouble)
        assert "results.sqlite: the disk is full" in kit.on_screen(app)
        assert app.boards["tx2-01"].state.word == "up"

    kit.during(app, steps, size=(120, 30))


def test_changes_of_state_are_events_and_all_of_them_can_be_read(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        assert [note.text.partition("\n")[0] for note in app.notes] == ["coral-01: farm@192.0.2.14:22: nothing answers"]
        lab.glances["coral-01"] = kit.glance()
        await pilot.press("down", "down", "down", "u")
        await kit.until(pilot, lambda: len(app.notes) == 2)
        assert app.notes[-1].text == "coral-01: up"
        await pilot.press("L")
        assert isinstance(app.screen, NotesScreen)
        assert "coral-01: up" in kit.on_screen(app)
        await pilot.press("escape")

    kit.during(app, steps)


def test_a_look_that_finds_the_same_draws_nothing(lab, app_of, kit):
    app = app_of(lab)

    async def steps(pilot):
        await kit.seen(pilot)
        table = app.screen.query_one(BoardTable)
        drawn = []
        table.refresh = lambda *regions, **_: drawn.append(regions)
        app.screen.changed(["atom-01", "nano-01"])
        assert drawn == []
        app.boards.looked("tx2-01", kit.glance(watts=8.0), kit.NOW)
        app.screen.changed(["tx2-01"])
        watts = next(p for p in table.placed if p.column.key == "watts")
        assert [(r.x, r.y, r.width, r.height) for (r,) in drawn] == [(watts.x, 0, watts.width, 1)]

    kit.during(app, steps)
