"""What came of the tests: outcomes, the table of what was measured, the exit code."""

from collections.abc import Generator, Sequence
from shlex import quote
from typing import Any

import pytest

from devices.errors import DeviceError
from farm.errors import FarmError
from farm.lab.inventory import Lab
from farm.report.table import Row, table
from farm.store.database import RESULTS
from power.errors import PowerError

from .hand import Hand
from .kept import Kept
from .outcome import Kind, exit_code, is_error, kind_on, label, write_as_error

NOTES = pytest.StashKey[list[str]]()
"""What the farm did during a test, a line each: shown under ``-v``."""
ROWS = pytest.StashKey[list[Row]]()
"""A row for each trial of a test."""
MET = pytest.StashKey[FarmError | DeviceError | PowerError | None]()
"""The lab fault that a test's newest trial or deployment ended with; None where that came to its end."""

_LATE = "farm_late"
"""What a worker sends home when it ends."""
_STOPPED = "stopping after"
"""How xdist begins to say that ``-x`` or ``--maxfail`` ended the session: no interruption, though it uses one."""
_INTERRUPTED = 130
_ON_BOARD = {"bench", "gate"}
"""Fixtures of a test whose failed assertion says something of a release."""


def note(item: pytest.Item, text: str) -> None:
    """Keep a line of what the farm did, shown under ``-v``; one that goes on from the last takes its place."""
    notes = item.stash.setdefault(NOTES, [])
    if notes and notes[-1].split()[0] == text.split()[0]:
        notes.pop()
    notes.append(text)


class Results:
    """Hooks that hear of every test of the session, wherever it ran."""

    def __init__(self, config: pytest.Config, lab: Lab, kept: Kept, hand: Hand) -> None:
        """Take the lab, where trials are kept, and what is lent to the tests of this process."""
        self.config, self._lab, self._kept, self._hand = config, lab, kept, hand
        self._kinds: set[Kind] = set()
        self._regressed = self._stopped = self._uncollected = self._interrupted = False
        self._rows: list[Row] = []
        self._late: list[str] = []
        self._records = 0

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Label lab faults, and send along what the farm did and measured."""
        report = yield
        bench = self._hand.bench
        lost = None if bench is None else bench.lease.lost
        on_board = not _ON_BOARD.isdisjoint(getattr(item, "fixturenames", ()))
        met = item.stash.get(MET, None) if call.when == "call" else None
        first = label(report, call, on_board=on_board, lost=lost, met=met)
        if kind_on(report) == "regression":
            keep_from_rerun(item)
        elif kind_on(report) == "lab fault" and bench is not None and first is not None:
            self._kept.note_fault(self._lab, bench.name, first)
        if report.when == "teardown":
            vars(report)["farm_rows"] = [row.as_dict() for row in item.stash.get(ROWS, list[Row]())]
        if report.when == "call" or report.failed:
            vars(report)["farm_notes"] = item.stash.get(NOTES, list[str]())
            item.stash[NOTES] = []
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:  # noqa: ANN401 -- pytest's own union
        """Count a lab fault as an error wherever in the test it struck."""
        if is_error(report):
            yellow = kind_on(report) == "no verdict"
            return "error", "E", ("ERROR", {"yellow": True}) if yellow else "ERROR"
        return None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Keep what decides the exit; JUnit writes ``<error>`` for whatever did not fail in a test's body."""
        kind, error = kind_on(report), is_error(report)
        if kind == "regression" or (report.failed and kind is None):
            self._regressed = True  # also where a plug-in calls it a rerun
        elif error and kind is not None:
            self._kinds.add(kind)
        self._rows += [Row.of(row) for row in getattr(report, "farm_rows", [])]
        # a worker passes the report on as it is: the session that writes the XML rewords it
        in_body = error and report.when == "call" and not hasattr(self.config, "workerinput")
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
            for line in notes:
                terminal.write_line(f"    {line}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a test file could not be read, here or by a worker."""
        self._uncollected |= report.failed

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell being interrupted from having had enough failures."""
        said = str(excinfo.value)
        self._stopped = said.startswith(_STOPPED)
        self._interrupted = not self._stopped and (excinfo.type is KeyboardInterrupt or "keyboard-interrupt" in said)

    @property
    def interrupted(self) -> bool:
        """Whether the session was told to end."""
        return self._interrupted

    def undecided(self) -> None:
        """Note that the session's gate has no verdict, whatever its tests say: some did not run."""
        self._kinds.add("no verdict")

    def late(self, fault: Exception | str) -> None:
        """Note a fault that belongs to no test: the board was given back after the last."""
        self._kinds.add("lab fault")
        self._late.append(str(fault))
        output: dict[str, object] | None = getattr(self.config, "workeroutput", None)
        if output is not None:
            output[_LATE] = list(self._late)

    def hear(self, node: object) -> None:
        """Take over such faults of a worker that has ended."""
        output: dict[str, list[str]] = getattr(node, "workeroutput", {})
        for fault in output.pop(_LATE, []):
            self.late(fault)

    def end(self, session: pytest.Session) -> None:
        """End the run in the store, and set the exit code: see :func:`.outcome.exit_code`."""
        if hasattr(self.config, "workerinput"):
            return
        self._records = self._kept.end()
        status = pytest.ExitCode.TESTS_FAILED if self._stopped else session.exitstatus
        if self._interrupted:
            session.exitstatus = _INTERRUPTED
        else:
            session.exitstatus = exit_code(
                status, regressed=self._regressed, kinds=self._kinds, collected=not self._uncollected
            )

    def pytest_terminal_summary(self) -> None:
        """Print the table of what was measured, and where it is kept."""
        lines = [f"lab fault: {fault}" for fault in self._late]
        if self._rows:
            lines += table(self._rows)
        if self._records:
            run = self._kept.run.id[:8]
            count = f"{self._records} record{'s' * (self._records != 1)}"
            which = self._inventory()
            lines.append(f"run {run}, {count}: `farm report {run}{which} --html report.html` draws it")
            lines.append(f"`farm results list --runs{which}` lists this run and others")
        if lines:
            self.say("edge-test-farm", lines)

    def _inventory(self) -> str:
        """Return the option that names the lab where its records do not lie in this folder."""
        here = self._lab.resolved is None or self._kept.where.resolve() == RESULTS.resolve()
        return "" if here else f" --inventory {quote(self._kept.run.inventory)}"

    def say(self, title: str, lines: Sequence[str]) -> None:
        """Print lines under a title, where there is a terminal to print to."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.section(title)
            for line in lines:
                terminal.write_line(line)


def keep_from_rerun(item: pytest.Item) -> None:
    """Tell pytest-rerunfailures that this failure is final: what regressed once has regressed.

    That plug-in asks this of the item itself. Should it come to ask elsewhere, a test shows it, and the session still
    ends with 1: see :meth:`Results.pytest_runtest_logreport`.
    """
    errors: dict[str, bool] | None = getattr(item, "_terminal_errors", None)
    if errors is not None:
        errors["call"] = True
