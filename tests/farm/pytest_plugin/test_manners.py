"""A session that has a lab beside pytest's own options and other people's plug-ins."""

import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from devices.errors import ConnectionLost
from farm.errors import LabFault, NoVerdict
from farm.pytest_plugin.outcome import kind_of
from farm.store.database import Store
from farm.store.health import faults_in_a_row, history, note_fault

ON_BOARD = "import pytest\nfrom farm.errors import LabFault\npytestmark = pytest.mark.board(any='jetson-tx2')\n"


@pytest.fixture
def run(pytester, silent_lab, session):
    silent_lab(1)

    def run(source, *args, **how):
        pytester.makepyfile(test_it=source)
        return session("--farm-inventory=lab.yaml", *args, **how)

    return run


# what came first decides


def raised(first, *later):
    """Raise errors, each while the one before it is handled, and return the last."""
    if not later:
        return first
    *between, last = later
    last.__context__ = raised(first, *between)
    return last


LOST, MISSED, BROKEN, BAD, TIME, STARVED, SAYS_SO = (
    lambda: ConnectionLost("tx2-01"),
    lambda: AssertionError("80 <= 50"),
    lambda: KeyError("clean-up"),
    lambda: pytest.fail.Exception("the board is broken"),
    lambda: TimeoutError(),
    lambda: NoVerdict("starved"),
    lambda: LabFault("me", "says it is the lab's"),
)


@pytest.mark.parametrize(
    ("chain", "kind"),
    [
        ([LOST], "lab fault"),
        ([LOST, MISSED], "lab fault"),
        ([LOST, BAD], "lab fault"),
        ([TIME, LOST, MISSED], "lab fault"),
        ([STARVED, MISSED], "no verdict"),
        ([MISSED], "regression"),
        ([MISSED, BROKEN], "regression"),
        ([MISSED, LOST], "regression"),
        ([MISSED, SAYS_SO], "regression"),
        ([BROKEN, MISSED], "regression"),
        ([BROKEN], "crash"),
    ],
)
def test_no_test_can_make_one_outcome_of_another_by_catching_it(chain, kind):
    assert kind_of(raised(*(make() for make in chain)), "call", on_board=True) == kind


def test_of_several_at_once_a_regression_counts_first():
    assert (
        kind_of(ExceptionGroup("both", [LabFault("a", "b"), AssertionError()]), "call", on_board=True) == "regression"
    )
    assert kind_of(ExceptionGroup("two", [LabFault("a", "b"), NoVerdict("c")]), "call", on_board=True) == "lab fault"


def test_a_fault_that_a_test_made_an_assertion_of_is_shown_beside_it(run):
    source = "def test_it(bench):\n  try: raise LabFault('tx2-01', 'smokes')\n  except Exception: assert False, 'bad'\n"
    result = run(ON_BOARD + source)
    assert result.ret == 3
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*what came first*", "lab fault: tx2-01: smokes"])


LETS_IT_PASS = """
from contextlib import suppress
from devices.errors import ConnectionLost
from farm.lab.bench import Bench
from farm.pytest_plugin import trials

Bench.ensure_up = lambda bench: None

def run_trial(*_, **__):
    raise ConnectionLost("tx2-01", "the link broke")

trials.run_trial = run_trial

def test_it(trial, request):
    with suppress(ConnectionLost):
        trial(object(), rate_hz=1, duration_s=1)
    {then}
"""


@pytest.mark.parametrize(
    ("then", "exit_code"),
    [
        ("assert False", 3),
        ("None.check()", 3),
        ("with trials.remembered(request.node): pass  # a trial that comes to its end\n    assert False", 1),
    ],
)
def test_what_fails_for_want_of_a_trial_that_met_a_lab_fault_is_that_fault(run, then, exit_code):
    result = run(ON_BOARD + LETS_IT_PASS.format(then=then), alone=True)  # it replaces a part of the farm
    assert result.ret == exit_code
    if exit_code == 3:
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*what came first*", "lab fault: tx2-01: the link broke"])


# pytest-rerunfailures

SECOND_TIME_LUCKY = """
tried = []
def test_it(bench):
    tried.append(1)
    if len(tried) == 1: {first}
"""


def test_a_regression_is_not_rerun_away(run):
    result = run(ON_BOARD + SECOND_TIME_LUCKY.format(first="assert 80 <= 50"), "--reruns=2")
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    assert "rerun" not in result.stdout.str().splitlines()[-1]


def test_neither_by_a_marker_nor_by_force_nor_in_a_worker(run):
    source = ON_BOARD + SECOND_TIME_LUCKY.format(first="assert 80 <= 50").replace(
        "def test_it", "@pytest.mark.flaky(reruns=3)\ndef test_it"
    )
    for options in ([], ["--force-reruns=3"], ["-n1", "--reruns=2"]):
        result = run(source, *options)
        assert (result.ret, result.parseoutcomes().get("failed")) == (1, 1), options


def test_a_lab_fault_may_be_rerun_and_is_forgiven_when_it_passes(run):
    result = run(ON_BOARD + SECOND_TIME_LUCKY.format(first="raise LabFault('tx2-01', 'hiccup')"), "--reruns=2")
    assert result.ret == 0
    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}


def test_a_test_without_a_board_is_rerun_as_ever(run):
    result = run(SECOND_TIME_LUCKY.format(first="assert False").replace("bench", ""), "--reruns=1")
    assert (result.ret, result.parseoutcomes()) == (0, {"passed": 1, "rerun": 1})


# pytest-timeout


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_a_test_that_is_cut_off_decides_nothing_and_gives_its_board_back(run, pytester, method):
    hangs = "import time\ndef test_hangs(bench): time.sleep(30)\n"
    result = run(ON_BOARD + hangs, "--timeout=1", f"--timeout-method={method}", alone=True)
    assert result.ret == 3
    assert run(ON_BOARD + "def test_it(bench): pass\n").ret == 0


def test_the_session_running_out_of_time_is_no_regression(run):
    tests = "import time\ndef test_a(bench): time.sleep(0.2)\ndef test_b(bench): pass\n"
    assert run(ON_BOARD + tests, "--session-timeout=0.1", alone=True).ret == 3


# pytest's own


def test_a_dry_run_tells_which_board_would_run_what_and_runs_nothing(run, pytester, silent_lab):
    silent_lab(2)
    result = run(
        """
        import pytest
        @pytest.mark.board(model="jetson-tx2")
        def test_each(bench): assert False
        @pytest.mark.board(any="jetson-tx2")
        def test_any(bench): assert False
        @pytest.mark.board(any="coral-dev")
        def test_nowhere(bench): assert False
        def test_plain(): assert False
        """,
        "--farm-dry-run",
        "-n2",
        "--farm-board=tx2-01",
        "--farm-board=tx2-02",
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "test_it.py::test_each[[]tx2-01[]] * tx2-01 (jetson-tx2)",
            "test_it.py::test_any[[]any-jetson-tx2[]] * the first free of tx2-01 (jetson-tx2), tx2-02 (jetson-tx2)",
            "test_it.py::test_nowhere* impossible: lab 'silent' has no coral-dev among --farm-board tx2-01, tx2-02",
            "test_it.py::test_plain * needs no board",
        ]
    )
    assert not (pytester.path / ".farm").exists(), "nothing was touched"


def test_a_dry_run_of_no_lab_is_a_usage_error(pytester):
    assert pytester.runpytest_subprocess("--farm-dry-run").ret == 4


TWINS = """\
lab: twins
boards:
  tx2-01:
    model: jetson-tx2
    twin: process
    console: {port: twin, user: nvidia, password: twin}
    ssh: {host: twin, user: nvidia, key: twin}
"""


def test_twins_that_are_not_up_are_needed_only_by_a_test_that_is_about_to_run(pytester, session):
    (pytester.path / "lab.yaml").write_text(TWINS)
    pytester.makepyfile(test_it=ON_BOARD + "def test_it(bench): pass\n", test_plain="def test_plain(): pass\n")

    def run(*args):
        return session("--farm-inventory=lab.yaml", *args, alone="-n2" in args)

    assert run("--collect-only").ret == 0
    assert run("--farm-dry-run").ret == 0
    assert run("-k", "plain").ret == 0
    for distributed in ([], ["-n2"]):
        refused = run(*distributed)
        assert refused.ret == 4
        refused.stderr.fnmatch_lines(["*lab.yaml:*tx2-01 are twins and not up; run `farm lab up`"])


def test_what_the_lab_lacks_is_skipped_by_reason(run):
    result = run("import pytest\n@pytest.mark.board(any='coral-dev')\ndef test_it(bench): pass\n", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*lab 'silent' has no coral-dev*"])


def test_the_board_that_ran_an_open_request_stands_in_junit_and_on_the_screen(run, pytester):
    result = run(ON_BOARD + "def test_it(bench): pass\n", "-v", "--junitxml=junit.xml")
    result.stdout.fnmatch_lines(["*test_it[[]any-jetson-tx2[]] PASSED*", "    on tx2-01"])
    (board,) = ET.parse(pytester.path / "junit.xml").iter("property")
    assert (board.get("name"), board.get("value")) == ("farm.board", "tx2-01")


def test_the_last_failed_are_lab_faults_too(run):
    source = ON_BOARD + "def test_fine(bench): pass\ndef test_fault(bench): raise LabFault('tx2-01', 'smokes')\n"
    assert run(source).ret == 3
    again = run(source, "--lf", "-v")
    again.assert_outcomes(errors=1)


@pytest.mark.parametrize("without", ["no:xdist", "no:terminal", "no:cacheprovider", "no:junitxml", "no:timeout"])
def test_it_does_without_other_plugins(run, without):
    assert run(ON_BOARD + "def test_it(bench): raise LabFault('tx2-01', 'smokes')\n", "-p", without).ret == 3


def test_it_can_be_left_out(pytester):
    pytester.makepyfile("def test_it(): pass\ndef test_needs_a_board(bench): pass\n")
    result = pytester.runpytest_subprocess("-p", "no:farm")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*fixture 'bench' not found"])


def test_a_broken_plugin_is_a_crash_and_no_lab_fault(run, pytester):
    pytester.makeconftest("def pytest_runtest_setup(): pass\ndef pytest_runtestloop(): raise KeyError('plug-in')\n")
    assert run("def test_it(): pass\n").ret == 70


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_gives_the_board_back_and_ends_with_130(run, pytester, told):
    pytester.makepyfile(test_it=ON_BOARD + "import time\ndef test_it(bench):\n  print('here'); time.sleep(60)\n")
    command = [sys.executable, "-m", "pytest", "-s", "--farm-inventory=lab.yaml"]
    with subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        assert any("here" in line for line in session.stdout)
        session.send_signal(told)
        session.communicate(timeout=60)
    assert session.returncode == 130
    assert run(ON_BOARD + "def test_it(bench): pass\n").ret == 0


def test_a_lab_fault_is_noted_for_the_boards_health(run, pytester):
    assert run(ON_BOARD + "def test_it(bench): raise LabFault('tx2-01', 'smokes')\n").ret == 3
    with Store.open(pytester.path / ".farm" / "results.sqlite") as store:
        assert [(entry.board, entry.why) for entry in history(store)] == [("tx2-01", "tx2-01: smokes")]


def test_a_fault_of_something_else_is_not_noted_for_the_board(run, pytester):
    assert run(ON_BOARD + "def test_it(bench): raise LabFault('dns', 'no address')\n").ret == 3
    with Store.open(pytester.path / ".farm" / "results.sqlite") as store:
        assert history(store) == []


@pytest.mark.parametrize("asked", ["any='jetson-tx2'", "model='jetson-tx2'"])
def test_a_board_in_quarantine_is_refused_with_the_reason_also_by_name(run, pytester, asked):
    with Store.open(pytester.path / ".farm" / "results.sqlite") as store:
        note_fault(store, "tx2-01", "tx2-01: smokes", quarantine_after=1)
    ended = run(f"import pytest\n@pytest.mark.board({asked})\ndef test_it(bench): pass\n")
    assert ended.ret == 3
    ended.stdout.fnmatch_lines(["*lab fault: *in quarantine: a fault, the last: tx2-01: smokes*"])
    with Store.open(pytester.path / ".farm" / "results.sqlite") as store:
        assert faults_in_a_row(store, "tx2-01") == 1, "to be refused is no fault"
