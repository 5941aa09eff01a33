"""A pytest session with a lab: which tests run on which boards, what their outcomes mean."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from devices.registry import known_boards
from farm.errors import LabFault, UsageFault
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import usable
from farm.report.table import Row, table

from .outcome import Kind, exit_code, kind_on, label, write_as_error
from .selection import BadMarker, Wanted, wanted

NOTES = pytest.StashKey[list[str]]()
"""What the farm did during a test, a line each: shown under ``-v``."""
ROWS = pytest.StashKey[list[Row]]()
"""A row for each trial of a test."""


def note(item: pytest.Item, text: str) -> None:
    """Keep a line of what the farm did, shown under ``-v``; one that goes on from the last takes its place."""
    notes = item.stash.setdefault(NOTES, [])
    if notes and notes[-1].split()[0] == text.split()[0]:
        notes.pop()
    notes.append(text)


class LabSession:
    """Hooks of a session that has a lab. One a process: with xdist each worker has its own."""

    def __init__(self, config: pytest.Config) -> None:
        """Read the inventory; a wrong one is a usage error before anything is touched."""
        self.config = config
        try:
            self.lab = usable(config.option.farm_inventory, state=config.option.farm_state)
        except UsageFault as fault:
            raise pytest.UsageError("\n".join(fault.faults)) from None
        if unknown := set(config.option.farm_board) - set(self.lab.boards):
            known = ", ".join(self.lab.boards)
            raise pytest.UsageError(f"--farm-board: no board {', '.join(sorted(unknown))}; there are {known}")
        self._bad_markers: list[str] = []
        self._kinds: set[Kind] = set()
        self._regressed = False
        self._rows: list[Row] = []

    # which tests run where

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that needs a bench once for every board that its marker asks for."""
        if "bench" not in metafunc.fixturenames:
            return
        marker = metafunc.definition.get_closest_marker("board")
        boards = {name: entry.model for name, entry in self.lab.boards.items()}
        try:
            wishes = wanted(
                marker.kwargs if marker else {},
                boards,
                list(known_boards()),
                given=marker.args if marker else (),
                only=self.config.option.farm_board,
            )
        except BadMarker as bad:
            self._bad_markers.append(f"{metafunc.definition.nodeid}: {bad}")
            return
        params = [pytest.param(wish, id=wish.id) for wish in wishes]
        metafunc.parametrize("bench", params, indirect=True, scope="session")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:  # noqa: ANN401 -- xdist's own
        """Keep one board's tests on one worker, unless the user asked for a distribution of their own."""
        if config.option.dist != "load":
            return None
        from .by_board import ByBoard

        models = {f"any-{entry.model}" for entry in self.lab.boards.values()}
        return ByBoard(config, log, [*self.lab.boards, *models])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Refuse the session when a marker can never be satisfied."""
        del items
        if self._bad_markers:
            raise pytest.UsageError("\n".join(self._bad_markers))

    @contextmanager
    def borrow(self, wish: Wanted | None) -> Generator[Bench]:
        """Lend the first free board that the test would take.

        Raises:
            LabFault: all of them are taken.
        """
        if wish is None:
            pytest.skip("the test names no board")
        with ExitStack() as stack:
            yield self._first_free(wish, stack)

    def _first_free(self, wish: Wanted, stack: ExitStack) -> Bench:
        refused: list[LabFault] = []
        for name in wish.candidates:
            try:
                return stack.enter_context(borrow(self.lab, name, state=self.config.option.farm_state))
            except LabFault as fault:
                refused.append(fault)
        raise refused[-1]

    # what came of it

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Label lab faults, and send along what the farm did and measured."""
        report = yield
        label(report, call, on_board="bench" in getattr(item, "fixturenames", ()))
        if report.when == "teardown":
            vars(report)["farm_rows"] = [row.as_dict() for row in item.stash.get(ROWS, list[Row]())]
        if report.when == "call" or report.failed:
            vars(report)["farm_notes"] = item.stash.get(NOTES, list[str]())
            item.stash[NOTES] = []
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:  # noqa: ANN401 -- pytest's own union
        """Count a lab fault as an error wherever in the test it struck."""
        if (kind := kind_on(report)) is not None and report.failed:
            return "error", "E", ("ERROR", {"yellow": True}) if kind == "no verdict" else "ERROR"
        return None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Keep what decides the exit; JUnit writes ``<error>`` for whatever did not fail in a test's body."""
        kind = kind_on(report)
        if report.failed and kind:
            self._kinds.add(kind)
        elif report.failed:
            self._regressed = True
        self._rows += [Row.of(row) for row in getattr(report, "farm_rows", [])]
        # a worker passes the report on as it is: the session that writes the XML rewords it
        in_body = kind is not None and report.when == "call" and not hasattr(self.config, "workerinput")
        if in_body:
            report.when = "setup"
        try:
            yield
        finally:
            if in_body:
                report.when = "call"
                write_as_error(self.config, report)
        self._tell(report)

    def _tell(self, report: pytest.TestReport) -> None:
        notes = getattr(report, "farm_notes", [])
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and notes and self.config.option.verbose > 0:
            terminal.ensure_newline()
            for note in notes:
                terminal.write_line(f"    {note}")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Set the exit code: see :func:`.outcome.exit_code`."""
        session.exitstatus = exit_code(exitstatus, regressed=self._regressed, kinds=self._kinds)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of what was measured."""
        if self._rows:
            terminalreporter.section("edge-test-farm")
            for line in table(self._rows):
                terminalreporter.write_line(line)
