# pyright: standard
"""The screen itself: starts the looking, takes in what comes of it, and runs what a person confirms."""

import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from devices.errors import DeviceError
from power.errors import PowerError

from ..errors import FarmError
from .actions import ACTIONS, BY_NAME, Action
from .board_screen import BoardScreen
from .boards import Boards, Tone
from .dialogs import Confirm, Leave, Menu
from .help import HelpScreen
from .lab_screen import LabScreen
from .lookout import Lookout
from .notes import KEPT, Note, NotesScreen
from .source import Glance, Known, Past, Piece, Source, Wish
from .watching import Watching

Kind = TypeVar("Kind")

EVERY_S = 15.0
"""Between two looks at a board; assumed: a Pi Zero W works for 3 s on one login."""
DEADLINE_S = 15.0
"""A look that takes longer is a fault of the board: more than its own deadlines add up to where one part is dead."""
_KNOWN_EVERY_S = 2.0
_CHANGE_IT = ("on", "off", "cycle", "health", "provision")
_REDRAW_S = 0.2
"""What came in is drawn so often at most: no flicker, and no storm of updates when a lab comes up."""


class FarmApp(App[int]):
    """All screens of one lab."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "edge-test-farm"
    CSS = """
    Screen, ModalScreen { background: ansi_default; color: ansi_default; }
    #bar { height: 1; text-style: reverse; }
    .title { height: auto; text-style: bold; }
    Footer { background: ansi_default; }
    Button:focus { color: ansi_default; background: ansi_default; text-style: bold reverse; }
    OptionList:focus > .option-list--option-highlighted { color: ansi_black; background: ansi_white; text-style: bold; }
    OptionList:nocolor:focus > .option-list--option-highlighted { text-style: bold underline; }
    Button { min-width: 12; margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "menu", "Actions"),
        Binding("u", "look", "Look now", show=False),
        Binding("x", "console", "Console", show=False),
        *(Binding(action.key, f"ask('{action.name}')", action.title, show=False) for action in ACTIONS),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("q", "leave", "Quit"),
        Binding("ctrl+q,ctrl+c", "leave", "Quit", show=False),
    ]

    def __init__(
        self,
        source: Source,
        *,
        every_s: float = EVERY_S,
        deadline_s: float = DEADLINE_S,
        read_only: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        """Watch this lab.

        Args:
            source: the lab.
            every_s: between two looks at a board.
            deadline_s: a look that takes longer makes the board a faulty one.
            read_only: no action is offered.
            now: local time.
        """
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.boards = Boards(source.boards())
        self.notes: deque[Note] = deque(maxlen=KEPT)
        self._source, self._read_only, self._now = source, read_only, now
        self._inbox: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._changed: set[str] = set()
        self._lookout = Lookout[Glance](
            source.look,
            list(self.boards.by_name),
            found=lambda name, glance: self._inbox.put(partial(self._found, name, glance)),
            failed=lambda name, error: self._inbox.put(partial(self._failed, name, error)),
            late=lambda name, after_s: self._inbox.put(partial(self._is_late, name, after_s)),
            every_s=every_s,
            deadline_s=deadline_s,
        )
        self._database = Lookout[Known](
            lambda _: source.known(),
            ["results"],
            found=lambda _, known: self._inbox.put(partial(self._know, known)),
            failed=lambda _, error: self._inbox.put(partial(self._trouble, _words(error))),
            late=lambda _, after_s: self._inbox.put(partial(self._trouble, f"results: no answer in {after_s:g} s")),
            every_s=_KNOWN_EVERY_S,
            deadline_s=deadline_s,
        )
        self._watching: Watching | None = None
        self._in_terminal: subprocess.Popen[bytes] | None = None
        """What has the terminal meanwhile."""

    def get_default_screen(self) -> Screen[None]:
        """Begin with the table."""
        return LabScreen(self._source.lab, self.boards, self.notes, read_only=self._read_only, now=self._now)

    def on_mount(self) -> None:
        """Begin to look."""
        self._lookout.start()
        self._database.start()
        self.set_interval(_REDRAW_S, self.take_in)

    def on_unmount(self) -> None:
        """Look no more; threads that still wait for a board are left behind."""
        self._lookout.stop()
        self._database.stop()
        self._close()

    # -- what comes in from the threads -----------------------------------------------------------

    def take_in(self) -> None:
        """Take in all that the threads have sent, and draw it once."""
        try:
            while True:
                self._inbox.get_nowait()()
        except Empty:
            pass
        if self._changed:
            changed, self._changed = self._changed, set()
            for screen in self._screens(LabScreen, BoardScreen):
                screen.changed(list(changed))

    def _screens(self, *kinds: type[Kind]) -> Iterable[Kind]:
        return [screen for screen in self.screen_stack if isinstance(screen, kinds) and screen.is_mounted]

    def note(self, text: str, tone: Tone = "") -> None:
        """Add a line to the event log."""
        note = Note(self._now(), text, tone)
        self.notes.append(note)
        for screen in self.screen_stack:
            if isinstance(screen, LabScreen | NotesScreen):
                screen.noted(note)

    def _found(self, name: str, glance: Glance) -> None:
        if news := self.boards.looked(name, glance, self._now()):
            self.note(news, self.boards[name].state.tone)
        self._changed.add(name)

    def _failed(self, name: str, error: Exception) -> None:
        self._found(name, Glance(faults=(_words(error),)))

    def _is_late(self, name: str, after_s: float) -> None:
        if news := self.boards.is_late(name, after_s):
            self.note(news, "fault")
        self._changed.add(name)

    def _know(self, known: Known) -> None:
        self._trouble("")
        self._changed.update(self.boards.know(known))

    def _trouble(self, words: str) -> None:
        first_line = words.partition("\n")[0]
        for screen in self._screens(LabScreen):
            if screen.trouble != first_line:
                screen.trouble = first_line
                if words:
                    self.note(words, "fault")

    # -- going about ------------------------------------------------------------------------------

    @property
    def target(self) -> str | None:
        """The board that the keys are about."""
        screen = self.screen
        return screen.board if isinstance(screen, LabScreen | BoardScreen) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer actions on boards only where there is one, and none that change it when only reading."""
        del parameters
        if action == "ask":
            return not self._read_only and self.target is not None
        if action in ("menu", "look", "console"):
            return self.target is not None
        return True

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(HelpScreen(read_only=self._read_only))

    def action_all_notes(self) -> None:
        """Show all events."""
        self.push_screen(NotesScreen(self.notes))

    def action_look(self) -> None:
        """Look at the board now."""
        if self.target is not None:
            self._lookout.look_now(self.target)

    def action_menu(self) -> None:
        """Offer the actions on the board."""
        if (board := self.target) is None:
            return

        def chosen(name: str | None) -> None:
            if name == "look":
                self.action_look()
            elif name == "console":
                self.action_console()
            elif name is not None:
                self.action_ask(name)

        self.push_screen(Menu(self.boards[board], read_only=self._read_only), chosen)

    def on_board_table_opened(self) -> None:
        """Open the board's own screen."""
        if self.target is not None:
            self._open(self.target)

    def action_leave(self) -> None:
        """Leave; only running actions are worth a question."""
        running = [f"{board.name}: {board.doing}" for board in self.boards.by_name.values() if board.doing]
        if not running:
            self.exit(0)
            return
        self.push_screen(Leave(running), lambda leave: self.exit(0) if leave else None)

    def leave(self, status: int) -> None:
        """Leave without a question, with this exit code; for signal handlers and threads."""
        if self._in_terminal is not None:
            self._in_terminal.terminate()
        self._inbox.put(partial(self.exit, status))

    # -- one board, watched -----------------------------------------------------------------------

    def _open(self, board: str) -> None:
        self.push_screen(BoardScreen(self.boards[board], opened=partial(self._watch, board), closed=self._close))

    def _watch(self, board: str) -> None:
        self._close()
        self._watching = Watching(
            self._source,
            board,
            self._lookout,
            past=lambda past: self._inbox.put(partial(self._past, board, past)),
            piece=lambda piece: self._inbox.put(partial(self._piece, board, piece)),
            words=_words,
        )
        self._watching.step_aside(bool(self.boards[board].doing))

    def _close(self) -> None:
        if self._watching is not None:
            self._watching.stop()
            self._watching = None

    def _past(self, board: str, past: Past) -> None:
        for screen in self._screens(BoardScreen):
            if screen.board == board:
                screen.past(past)

    def _piece(self, board: str, piece: Piece) -> None:
        if piece.stage is not None and piece.stage != self.boards[board].stage:
            self.boards[board].stage = piece.stage
            self._changed.add(board)
        for screen in self._screens(BoardScreen):
            if screen.board == board:
                screen.piece(piece)

    def _step_aside(self, board: str, aside: bool) -> None:
        """Keep looks and the watch off a board while an action has it."""
        self._lookout.skip(board, aside)
        if self._watching is not None and self._watching.board == board:
            self._watching.step_aside(aside)

    def action_console(self) -> None:
        """Connect this terminal and the board's console; where there is none, show the live tail."""
        if (board := self.target) is None:
            return
        if self.is_web or self.is_headless or self._read_only:
            if isinstance(self.screen, LabScreen):
                self._open(board)
            return
        self._step_aside(board, True)
        with self.suspend():
            self._in_terminal = subprocess.Popen(list(self._source.console_command(board)))
            status = self._in_terminal.wait()
            self._in_terminal = None
        self._step_aside(board, False)
        self.note(f"{board}: console closed" + f", exit status {status}" * bool(status), "fault" if status else "")

    # -- actions ----------------------------------------------------------------------------------

    def action_ask(self, name: str) -> None:
        """Ask whether an action is meant."""
        if (board := self.target) is None:
            return
        action: Action = next(one for one in ACTIONS if one.name == name)
        if doing := self.boards[board].doing:
            self.note(f"{board}: wait: {doing}", "warn")
            return
        self.push_screen(Confirm(action, self.boards[board]), self._confirmed)

    def _confirmed(self, wish: Wish | None) -> None:
        if wish is None:
            return
        action = BY_NAME[wish.name]
        self.note(f"{wish.board}: {action.doing}", "busy")
        self.boards[wish.board].doing = action.doing
        self._changed.add(wish.board)
        self._step_aside(wish.board, True)
        threading.Thread(target=self._act, args=(wish,), name=f"{wish.name} {wish.board}", daemon=True).start()

    def _act(self, wish: Wish) -> None:
        """Do it in a thread of its own; whatever it raises is a line in the log."""
        try:
            said = self._source.act(
                wish,
                lambda text: self._inbox.put(partial(self._progress, wish, text)),
                lambda piece: self._inbox.put(partial(self._piece, wish.board, piece)),
            )
        except Exception as error:  # noqa: BLE001 -- the last door of the thread: told in red
            self._inbox.put(partial(self._done, wish, _words(error), "fault"))
        else:
            self._inbox.put(partial(self._done, wish, f"{wish.board}: {said}", "good"))

    def _progress(self, wish: Wish, text: str) -> None:
        self.boards[wish.board].doing = f"{BY_NAME[wish.name].doing}: {text}"
        self._changed.add(wish.board)
        self.note(f"{wish.board}: {text}", "busy")

    def _done(self, wish: Wish, said: str, tone: Tone) -> None:
        self.note(said, tone)
        board = self.boards[wish.board]
        board.doing = ""
        if wish.name in _CHANGE_IT:
            board.glance = None  # how it was is not how it is
        self._changed.add(wish.board)
        self._step_aside(wish.board, False)
        self._lookout.look_now(wish.board)
        self._database.look_now("results")


def _words(error: Exception) -> str:
    """Return what to show: the component's own words, or a bug's."""
    if isinstance(error, FarmError | DeviceError | PowerError):
        return str(error)
    return f"farm: crash: {type(error).__name__}: {error}"
