"""Three outcomes where pytest knows two: a lab fault or an undecided trial is an ERROR, never a FAIL.

The kind travels on the report (xdist carries plain attributes), so that the session that only
hears of tests run elsewhere decides the exit code just the same.
"""

from collections.abc import Iterator
from typing import Literal

import pytest
from _pytest.junitxml import xml_key  # the only door to the XML being written

from devices.errors import DeviceError
from farm.errors import Exit, FarmError, NoVerdict, UsageFault
from power.errors import PowerError

Kind = Literal["regression", "usage", "crash", "lab fault", "no verdict"]
"""What a failed test says of the release: only the first one says anything."""

_PRECEDENCE: tuple[Kind | None, ...] = ("regression", None, "usage", "crash", "lab fault", "no verdict")
"""Of several at once, the first one counts. None: what pytest itself makes of it."""
_TELLING = (FarmError, DeviceError, PowerError, AssertionError, pytest.fail.Exception)
"""Errors that say by their class what happened."""
_USAGE_EXIT = 4
"""pytest's own code for a usage error."""
_TIMEOUT = "from pytest-timeout"
"""Part of the message with which that plug-in fails a test: it was cut off, which decides nothing."""


def kind_of(error: BaseException, phase: str, *, on_board: bool) -> Kind | None:
    """Tell what an exception means; None for what pytest itself makes of it: see :func:`decisive`."""
    return decisive(error, phase, on_board=on_board)[0]


def decisive(error: BaseException, phase: str, *, on_board: bool) -> tuple[Kind | None, BaseException]:
    """Return what an exception means, and which error in it says so.

    In a test that uses a board only a failed assertion in its body is a regression. In any other test all that the
    farm did not raise is pytest's: None.

    What came first decides: a test that catches the farm's errors and fails an assertion over them has met a lab
    fault, and one that misses its limits and then trips in its clean-up has regressed. Of several at once, as in an
    exception group, a regression counts first.
    """
    found = {_kind_of_one(first, phase, on_board=on_board): first for first in _firsts(error)}
    return next((kind, found[kind]) for kind in _PRECEDENCE if kind in found)


def _firsts(error: BaseException) -> Iterator[BaseException]:
    """Yield the earliest error that tells something, else the error itself; of a group, each member's."""
    earliest, seen, at = error, set[int](), error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, BaseExceptionGroup):
            for member in at.exceptions:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
                yield from _firsts(member)  # pyright: ignore[reportUnknownArgumentType]
            return
        if isinstance(at, _TELLING):
            earliest = at
        at = at.__cause__ or at.__context__
    yield earliest


def _kind_of_one(error: BaseException, phase: str, *, on_board: bool) -> Kind | None:
    if isinstance(error, UsageFault):
        return "usage"
    if isinstance(error, NoVerdict):
        return "no verdict"
    if isinstance(error, (DeviceError, PowerError, FarmError)):
        return "lab fault"
    if isinstance(error, pytest.fail.Exception) and _TIMEOUT in str(error):
        return "no verdict"
    if not on_board:
        return None
    asserted = phase == "call" and isinstance(error, (AssertionError, pytest.fail.Exception))
    return "regression" if asserted else "crash"


def label(
    report: pytest.TestReport,
    call: pytest.CallInfo[None],
    *,
    on_board: bool,
    lost: FarmError | None = None,
    met: FarmError | DeviceError | PowerError | None = None,
) -> BaseException | None:
    """Write the kind on a failed report; the farm's own errors say the component's words instead of a traceback.

    Args:
        report: What pytest made of it.
        call: How the test's phase ended.
        on_board: Whether the test uses a board.
        lost: Why the board was taken away meanwhile: whatever failed then, it says nothing of the release.
        met: The lab fault of the test's newest trial, which the test let pass: what fails for want of that trial
            says nothing of the release either.

    Returns:
        The error that decided it, where there was one.
    """
    if call.excinfo is None or not report.failed:
        return None
    kind, first = decisive(call.excinfo.value, call.when, on_board=on_board)
    if lost is not None:
        kind, first = "lab fault", lost
    elif met is not None and kind in ("regression", "crash"):
        kind, first = "lab fault", met
    if kind is None:
        return None
    vars(report)["farm_kind"] = kind
    if isinstance(first, (DeviceError, PowerError, FarmError)):
        said = f"{kind}: {str(first).removeprefix('no verdict: ')}"
        if first is call.excinfo.value:
            report.longrepr = said
        else:  # the test made another error of it: both are shown
            report.sections.append(("what came first", said))
    return first


def kind_on(report: pytest.TestReport) -> Kind | None:
    """Return the kind that :func:`label` wrote, here or on another worker; a worker that died wrote none."""
    if report.failed and report.when not in ("setup", "call", "teardown"):
        return "crash"
    return getattr(report, "farm_kind", None)


def is_error(report: pytest.TestReport) -> bool:
    """Whether a report is of a failure that says nothing of the release."""
    return report.failed and kind_on(report) not in (None, "regression")


def exit_code(exit_status: int, *, regressed: bool, kinds: set[Kind], collected: bool) -> int:
    """Return the session's exit: regression over usage, crash, lab fault and no verdict, these over pass.

    Args:
        exit_status: What pytest would say. Its own usage errors and an interruption stand.
        regressed: Whether a test failed that says so of the release, or that uses no board.
        kinds: What else the tests ended with.
        collected: Whether every test file could be read: with xdist pytest ends with 1 where one could not.
    """
    if exit_status == pytest.ExitCode.INTERNAL_ERROR:  # 3 too, and no fault of the lab
        return int(Exit.CRASH)
    if exit_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return exit_status
    if regressed:
        return int(Exit.REGRESSION)
    if not collected:
        return int(pytest.ExitCode.INTERRUPTED)
    if "usage" in kinds:
        return _USAGE_EXIT
    if kinds:
        return int(Exit.CRASH if "crash" in kinds else Exit.LAB_FAULT)
    # pytest stopped the session for a reason that is none of a test's, such as its time being up
    return int(Exit.LAB_FAULT) if exit_status == pytest.ExitCode.TESTS_FAILED else exit_status


def write_as_error(config: pytest.Config, report: pytest.TestReport) -> None:
    """Reword the ``<error>`` that JUnit got for a fault inside a test's body: it happened in no setup."""
    if (xml := config.stash.get(xml_key, None)) is not None:
        for node in xml.node_reporter(report).nodes:
            if node.tag == "error":
                crash = getattr(report.longrepr, "reprcrash", None)
                said = f"{kind_on(report)}: {crash.message}" if crash else str(report.longrepr)
                node.set("message", said.splitlines()[0])
