"""Three outcomes where pytest knows two: a lab fault or an undecided trial is an ERROR, never a FAIL.

The kind travels on the report (xdist carries plain attributes), so that the session that only
hears of tests run elsewhere decides the exit code just the same.
"""

from typing import Literal

import pytest
from _pytest.junitxml import xml_key  # the only door to the XML being written

from devices.errors import DeviceError
from farm.errors import Exit, FarmError, NoVerdict, UsageFault
from power.errors import PowerError

Kind = Literal["lab fault", "no verdict", "usage", "crash"]
"""Why a test ended without saying anything about the release."""

_USAGE_EXIT = 4
"""pytest's own code for a usage error."""
_TIMEOUT = "from pytest-timeout"
"""Part of the message with which that plug-in fails a test: it was cut off, which decides nothing."""


def kind_of(error: BaseException, phase: str, *, on_board: bool) -> Kind | None:
    """Tell what an exception means; None for what pytest itself makes of it.

    In a test that uses a board that is a failed assertion in its body alone: a regression. In any other test
    all that the farm did not raise is pytest's.
    """
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
    return None if asserted else "crash"


def label(report: pytest.TestReport, call: pytest.CallInfo[None], *, on_board: bool) -> None:
    """Write the kind on a failed report; the farm's own errors say the component's words instead of a traceback."""
    if call.excinfo is None or not report.failed:
        return
    error = call.excinfo.value
    if (kind := kind_of(error, call.when, on_board=on_board)) is None:
        return
    vars(report)["farm_kind"] = kind
    if isinstance(error, (DeviceError, PowerError, FarmError)):
        report.longrepr = f"{kind}: {str(error).removeprefix('no verdict: ')}"


def kind_on(report: pytest.TestReport) -> Kind | None:
    """Return the kind that :func:`label` wrote, here or on another worker; a worker that died wrote none."""
    if report.failed and report.when not in ("setup", "call", "teardown"):
        return "crash"
    return getattr(report, "farm_kind", None)


def exit_code(exit_status: int, *, regressed: bool, kinds: set[Kind]) -> int:
    """Return the session's exit: regression over usage, crash, lab fault and no verdict, these over pass.

    Interruption and pytest's own usage and internal errors keep the code that pytest gave.
    """
    if exit_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or regressed or not kinds:
        return exit_status
    if "usage" in kinds:
        return _USAGE_EXIT
    return int(Exit.CRASH if "crash" in kinds else Exit.LAB_FAULT)


def write_as_error(config: pytest.Config, report: pytest.TestReport) -> None:
    """Reword the ``<error>`` that JUnit got for a fault inside a test's body: it happened in no setup."""
    if (xml := config.stash.get(xml_key, None)) is not None:
        for node in xml.node_reporter(report).nodes:
            if node.tag == "error":
                crash = getattr(report.longrepr, "reprcrash", None)
                said = f"{kind_on(report)}: {crash.message}" if crash else str(report.longrepr)
                node.set("message", said.splitlines()[0])
