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

Kind = Literal["lab fault", "no verdict", "usage"]

_USAGE_EXIT = 4
"""pytest's own code for a usage error."""


def kind_of(error: BaseException) -> Kind | None:
    """Tell what an exception says of the lab; None for anything else, which is the test's own failure."""
    if isinstance(error, UsageFault):
        return "usage"
    if isinstance(error, (DeviceError, PowerError)):
        return "lab fault"
    if isinstance(error, FarmError):
        return "no verdict" if isinstance(error, NoVerdict) else "lab fault"
    return None


def label(report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    """Write the kind on a failed report and let it say the component's words instead of a traceback."""
    if call.excinfo is None or not report.failed or (kind := kind_of(call.excinfo.value)) is None:
        return
    vars(report)["farm_kind"] = kind
    report.longrepr = f"{kind}: {str(call.excinfo.value).removeprefix('no verdict: ')}"


def kind_on(report: pytest.TestReport | pytest.CollectReport) -> Kind | None:
    """Return the kind that :func:`label` wrote, here or on another worker."""
    return getattr(report, "farm_kind", None)


def exit_code(exit_status: int, *, regressed: bool, kinds: set[Kind]) -> int:
    """Return the session's exit: regression over lab fault and no verdict over pass.

    Usage, interruption and pytest's internal errors keep the code that pytest gave.
    """
    if exit_status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or regressed:
        return exit_status
    if "usage" in kinds:
        return _USAGE_EXIT
    return int(Exit.LAB_FAULT) if kinds else exit_status


def write_as_error(config: pytest.Config, report: pytest.TestReport) -> None:
    """Reword the ``<error>`` that JUnit got for a fault inside a test's body: it happened in no setup."""
    if (xml := config.stash.get(xml_key, None)) is not None:
        for node in xml.node_reporter(report).nodes:
            if node.tag == "error":
                node.set("message", str(report.longrepr).splitlines()[0])
