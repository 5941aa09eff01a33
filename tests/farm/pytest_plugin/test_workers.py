"""pytest-xdist's workers and their boards: real sessions, real leases, boards that only have to be there."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

WAITING = """
import json, os, time
from pathlib import Path
import pytest

@pytest.mark.board(any="jetson-tx2")
@pytest.mark.parametrize("n", range({tests}))
def test_it(bench, n):
    began = time.monotonic()
    time.sleep({seconds})  # the board is at work
    log = {{"n": n, "board": bench.name, "pid": os.getpid(), "began": began, "ended": time.monotonic()}}
    Path(f"ran-{{n}}.json").write_text(json.dumps(log))
"""


@pytest.fixture
def run(pytester, session):
    def run(source, *args):
        pytester.makepyfile(test_it=source)
        return session("--farm-inventory=lab.yaml", "-p", "no:cacheprovider", *args)

    return run


def ran(folder: Path) -> list[dict]:
    return [json.loads(file.read_text()) for file in folder.glob("ran-*.json")]


def test_16_tests_on_4_boards_are_shared_by_4_workers_and_run_side_by_side(run, pytester, silent_lab):
    silent_lab(4)
    result = run(WAITING.format(tests=16, seconds=0.5), "-n", "4")
    result.assert_outcomes(passed=16)
    logs = ran(pytester.path)
    at_once = [sum(other["began"] <= log["began"] < other["ended"] for other in logs) for log in logs]
    assert max(at_once) > 1
    assert {
        board: len({log["pid"] for log in logs if log["board"] == board}) for board in {log["board"] for log in logs}
    } == {f"tx2-0{n}": 1 for n in range(1, 5)}, "each worker its own board, kept from test to test"


def test_more_workers_than_boards_share_them_and_never_have_one_at_the_same_time(run, pytester, silent_lab):
    silent_lab(2)
    result = run(WAITING.format(tests=8, seconds=0.1) + "def test_plain(): pass\n", "-n", "4")
    result.assert_outcomes(passed=9)
    for board in ("tx2-01", "tx2-02"):
        uses = sorted((log["began"], log["ended"]) for log in ran(pytester.path) if log["board"] == board)
        assert all(ended <= began for (_, ended), (began, _) in pairwise(uses))


def test_a_worker_waits_for_a_board_that_another_session_has_until_its_deadline_and_says_who(run, pytester, silent_lab):
    silent_lab(1)
    other = f"{sys.executable} -m pytest other.py -q -p no:cacheprovider --farm-inventory=lab.yaml -n1 --farm-wait=0.5"
    meanwhile = f"    os.system('{other} > other.txt; echo $? > other.rc')\n"
    held = WAITING.format(tests=1, seconds=0).replace("    began =", f"{meanwhile}    began =")
    (pytester.path / "other.py").write_text(WAITING.format(tests=1, seconds=0).replace("ran-", "other-"))
    run(held).assert_outcomes(passed=1)
    assert (pytester.path / "other.rc").read_text().strip() == "3"
    assert "tx2-01: in use by" in (pytester.path / "other.txt").read_text()


def test_a_board_goes_back_as_soon_as_no_test_follows_that_it_would_do_for(run, pytester, silent_lab):
    silent_lab(2)
    result = run(
        """
        import pytest
        from pathlib import Path
        from farm.lab.inventory import load
        from farm.lab.lease import Leases

        seen = []

        def held():
            with Leases.open(load(Path("lab.yaml"))) as leases:
                return [held.board for held in leases.held()]

        @pytest.mark.board(any="jetson-tx2", tags=["shelf-2"])
        def test_first(bench): seen.append(bench)

        @pytest.mark.board(any="jetson-tx2")
        def test_the_same_bench_is_kept_while_it_will_do(bench):
            assert bench is seen[0]
            assert held() == ["tx2-02"]

        def test_nobody_holds_a_board_that_nobody_needs():
            assert held() == []

        @pytest.mark.board(any="jetson-tx2", tags=["shelf-1"])
        def test_another(bench):
            assert held() == ["tx2-01"]
        """
    )
    result.assert_outcomes(passed=4)


def test_workers_collect_the_same_tests(run, silent_lab):
    silent_lab(2)
    result = run("import os, pytest\n@pytest.mark.parametrize('n', [os.getpid()])\ndef test_it(n): pass\n", "-n", "2")
    assert result.ret == pytest.ExitCode.INTERRUPTED, "which tests there are is not decided: no regression"
    result.stdout.fnmatch_lines(
        ["*collected other tests than another worker: as number 1 *", "*try: let neither chance*"]
    )


def test_a_file_that_cannot_be_read_is_no_regression_with_workers_either(run, silent_lab):
    silent_lab(1)
    assert run("import no_such_module\n", "-n", "2").ret == pytest.ExitCode.INTERRUPTED
    assert run("import no_such_module\n").ret == pytest.ExitCode.INTERRUPTED


def test_the_first_regression_ends_a_session_of_workers_with_1_under_x(run, silent_lab):
    silent_lab(2)
    result = run(WAITING.format(tests=6, seconds=0) + "    assert n != 1\n", "-n", "2", "-x")
    assert result.ret == 1


def test_the_first_lab_fault_ends_a_session_of_workers_with_3_under_x(run, silent_lab):
    silent_lab(2)
    fault = "    from farm.errors import LabFault\n    if n == 1: raise LabFault('tx2-01', 'smokes')\n"
    assert run(WAITING.format(tests=6, seconds=0) + fault, "-n", "2", "-x").ret == 3


NOT_PUT_BACK = """
import pytest
from farm.errors import LabFault

@pytest.mark.board(any="jetson-tx2")
@pytest.mark.parametrize("n", range(3))
def test_it(bench, n, request):
    close = bench.close

    def fail():
        close()
        raise LabFault(bench.name, "its governor could not be put back")

    bench.close = fail
    {ends}
"""


@pytest.mark.parametrize(
    ("ends", "exit_code"),
    [("assert False", 1), ("request.session.shouldstop = 'enough'", 3)],
)
def test_what_a_worker_could_not_put_back_at_its_end_reaches_the_session(run, silent_lab, ends, exit_code):
    silent_lab(1)
    result = run(NOT_PUT_BACK.format(ends=ends), "-n", "1", "-x")
    assert result.ret == exit_code
    result.stdout.fnmatch_lines(["lab fault: tx2-01: its governor could not be put back"])


def test_another_distribution_is_the_users_own_choice(run, silent_lab):
    silent_lab(2)
    result = run(WAITING.format(tests=2, seconds=0), "-n", "2", "--dist", "loadfile", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["scheduling tests via LoadFileScheduling"])
