"""What a pytest session makes of lab faults, undecided trials, regressions and usage errors."""

import re
import xml.etree.ElementTree as ET

import pytest

INVENTORY = """\
lab: shelf
switches:
  relay-1:
    driver: shelly
    options:
      url: http://127.0.0.1:9
boards:
  tx2-01:
    model: jetson-tx2
    console:
      port: /dev/ttyUSB0
      user: nvidia
      password: env:TX2_PASSWORD
    ssh:
      host: 127.0.0.1
      user: nvidia
      key: file:id_ed25519
    switch: relay-1
"""

FAULT = "from devices.errors import ConnectionLost\ndef test_cut(): raise ConnectionLost('tx2-01', hint='the cable')\n"
UNDECIDED = "from farm.errors import NoVerdict\ndef test_starved(): raise NoVerdict('host overloaded')\n"
REGRESSION = "def test_slow(): assert 80 <= 50\n"
PASS = "def test_fine(): pass\n"
USAGE = "from farm.errors import UsageFault\ndef test_no_model(): raise UsageFault('model.tar.zst: no such file')\n"


@pytest.fixture
def lab(pytester, session):
    """Run a test file in a session that has a lab nobody touches."""
    (pytester.path / "lab.yaml").write_text(INVENTORY)  # a test may write another one over it

    def run(source, *args):
        pytester.makepyfile(test_it=source)
        return session("--farm-inventory=lab.yaml", "-p", "no:cacheprovider", *args)

    return run


def test_a_lab_fault_in_a_tests_body_is_an_error_and_the_session_ends_with_3(lab):
    result = lab(FAULT + PASS)
    assert result.ret == 3
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at call of test_cut*", "lab fault: tx2-01: The connection broke.", "  try: the cable"]
    )


def test_a_trial_that_decides_nothing_is_an_error_and_the_session_ends_with_3(lab):
    result = lab(UNDECIDED)
    assert result.ret == 3
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no verdict: host overloaded*"])


def test_a_regression_outranks_a_lab_fault(lab):
    result = lab(FAULT + REGRESSION)
    assert result.ret == 1
    result.assert_outcomes(errors=1, failed=1)


BOARD = """
import pytest
pytestmark = pytest.mark.board()
@pytest.fixture(scope="session")
def bench(request): return request.param
"""
CRASHES = {
    "in a test's body": BOARD + "def test_it(bench): {}['farm']\n",
    "in a fixture": BOARD + "@pytest.fixture\ndef broken(bench): assert False\ndef test_it(broken): pass\n",
    "of a worker": "import os\ndef test_it(): os._exit(1)\n",
}


@pytest.mark.parametrize("where", CRASHES)
def test_a_crash_on_a_board_is_neither_a_regression_nor_a_lab_fault(lab, where):
    result = lab(CRASHES[where], *(["-n1", "--max-worker-restart=0"] if "worker" in where else []))
    assert result.ret == 70
    result.assert_outcomes(errors=1)


def test_a_test_without_a_board_is_pytests_own_affair(lab):
    result = lab("def test_it(): {}['farm']\n")
    assert result.ret == 1
    result.assert_outcomes(failed=1)


def test_a_test_that_is_cut_off_by_its_timeout_decides_nothing(lab):
    result = lab("import time, pytest\n@pytest.mark.timeout(0.5)\ndef test_it(): time.sleep(5)\n")
    assert result.ret == 3
    result.assert_outcomes(errors=1)


def test_a_wrong_artifact_found_on_the_way_is_a_usage_error(lab):
    assert lab(USAGE + PASS).ret == 4


def test_the_session_ends_with_0_when_all_is_well(lab):
    assert lab(PASS).ret == 0


def test_junit_holds_a_lab_fault_as_error_and_a_regression_as_failure(lab, pytester):
    lab(FAULT + REGRESSION, "--junitxml=junit.xml")
    cases = {case.get("name"): case for case in ET.parse(pytester.path / "junit.xml").iter("testcase")}
    (error,) = cases["test_cut"]
    assert error.tag == "error"
    assert error.get("message") == "lab fault: tx2-01: The connection broke."
    assert [child.tag for child in cases["test_slow"]] == ["failure"]


def test_outcomes_survive_the_way_from_an_xdist_worker(lab):
    result = lab(FAULT + UNDECIDED + PASS, "-n", "2")
    assert result.ret == 3
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(["*ERROR at call of test_cut*"])


def test_one_boards_tests_stay_on_one_xdist_worker_and_in_order(lab, pytester):
    second = INVENTORY[INVENTORY.index("  tx2-01:") :].replace("tx2-01", "tx2-02").replace("    switch: relay-1\n", "")
    (pytester.path / "lab.yaml").write_text(INVENTORY + second.replace("ttyUSB0", "ttyUSB1").replace("0.0.1", "0.0.2"))
    marked = "import pytest\npytestmark = pytest.mark.board()\n"
    result = lab(marked + "".join(f"def test_{n}(bench): pass\n" for n in "cab"), "-n", "2", "-v")
    ran = re.findall(r"\[(gw\d)\].*::test_(\w)\[(tx2-\d\d)\]", result.stdout.str())
    order = {board: [(worker, test) for worker, test, its in ran if its == board] for board in ("tx2-01", "tx2-02")}
    for runs in order.values():
        assert [test for _, test in runs] == ["c", "a", "b"]
        assert len({worker for worker, _ in runs}) == 1


def test_a_wrong_inventory_is_a_usage_error_that_names_every_line(lab, pytester):
    (pytester.path / "lab.yaml").write_text(INVENTORY.replace("shelly", "shely").replace("jetson-tx2", "jetson-tx"))
    result = pytester.runpytest_subprocess("--farm-inventory=lab.yaml")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*lab.yaml:4: *shelly*", "*lab.yaml:9: *jetson-tx2*"])


def test_a_board_that_the_lab_lacks_is_a_usage_error(lab):
    result = lab(PASS, "--farm-board=tx2-09")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--farm-board: *no board 'tx2-09'; did you mean \"tx2-01\"?"])


def test_a_marker_with_a_typing_error_is_a_usage_error(lab):
    result = lab("import pytest\n@pytest.mark.board(model='jetson-tx3')\ndef test_it(bench): pass\n")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*did you mean 'jetson-tx2'*"])


def test_collecting_touches_no_lab(lab):
    result = lab(
        "import pytest\n@pytest.mark.board(model='jetson-tx2')\ndef test_it(bench): pass\n", "--collect-only", "-q"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_it.py::test_it[[]tx2-01[]]"])


def test_without_an_inventory_a_test_that_needs_a_board_is_skipped_by_reason(pytester):
    pytester.makepyfile("def test_it(bench): pass\n")
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*pass --farm-inventory FILE*"])


def test_a_session_without_a_lab_loads_nothing_heavy(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # others may be as heavy as they like
    pytester.makepyfile(
        """
        import sys
        def test_nothing_heavy_is_loaded():
            heavy = {"fabric", "paramiko", "pyvisa", "numpy", "pydantic", "sqlalchemy", "rich", "serial", "yaml"}
            assert "farm.pytest_plugin" in sys.modules
            assert heavy & set(sys.modules) == set()
        """
    )
    pytester.runpytest_subprocess("-p", "farm.pytest_plugin").assert_outcomes(passed=1)
