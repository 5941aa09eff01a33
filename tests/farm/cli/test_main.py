"""The farm command itself: exit codes, start-up, and what it does when things end early."""

import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from devices.errors import ConnectionLost
from farm.cli import main as frame
from farm.cli import output
from farm.errors import LabFault, NoVerdict, UsageFault
from power.errors import MeterOffline

HEAVY = (
    "fabric",
    "paramiko",
    "pyvisa",
    "numpy",
    "pydantic",
    "sqlalchemy",
    "rich",
    "serial",
    "yaml",
    "zstandard",
    "pytest",
)


class Fake:
    """A command that ends as the test says."""

    HELP = "fake"

    def __init__(self, end):
        self._end = end

    def arguments(self, parser):
        parser.add_argument("--x")

    def run(self, args):
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end


@pytest.fixture
def ends(monkeypatch):
    """Run a command that returns or raises this; return the exit code."""

    def run(end, *words):
        monkeypatch.setattr(frame, "COMMANDS", {"fake": "fake"})
        monkeypatch.setattr(frame, "import_module", lambda _: Fake(end))
        return frame.main(["fake", *words])

    return run


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (0, 0),
        (1, 1),
        (UsageFault("inventory.yaml:3: lab: missing"), 2),
        (LabFault("tx2-01", "gone"), 3),
        (NoVerdict("host overloaded"), 3),
        (ConnectionLost("tx2-01"), 3),
        (MeterOffline("um25c-1"), 3),
        (ValueError("a bug"), 70),
        (KeyboardInterrupt(), 130),
        (output.ReaderGone(), 130),
    ],
)
def test_each_outcome_has_its_exit_code(ends, end, code):
    assert ends(end) == code


def test_wrong_arguments_are_a_usage_error(ends):
    with pytest.raises(SystemExit) as seen:
        ends(0, "--y")
    assert seen.value.code == 2


def test_an_unknown_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as seen:
        frame.main(["chekc"])
    assert seen.value.code == 2


def test_every_usage_fault_is_a_line_of_its_own(ends, capsys):
    ends(UsageFault(["a.yaml:1: x", "a.yaml:2: y"]))
    assert capsys.readouterr().err == "a.yaml:1: x\na.yaml:2: y\n"


def test_a_crash_is_one_line_and_a_traceback_only_where_it_is_asked_for(ends, capsys):
    ends(ValueError("a bug"))
    assert capsys.readouterr().err == "farm: crash: ValueError: a bug (--debug shows where)\n"
    ends(ValueError("a bug"), "--debug")
    assert "Traceback" in capsys.readouterr().err


def test_being_told_to_end_is_an_interruption(ends, monkeypatch):
    class Slow(Fake):
        def run(self, args):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()

    monkeypatch.setattr(frame, "COMMANDS", {"fake": "fake"})
    monkeypatch.setattr(frame, "import_module", lambda _: Slow(0))
    before = signal.getsignal(signal.SIGTERM)
    assert frame.main(["fake"]) == 130
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_reader_that_leaves_is_no_crash():
    loud = "import sys; from farm.cli.main import main; sys.exit(main(['schema']))"
    with subprocess.Popen([sys.executable, "-c", loud], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait(60) == 130


def test_a_reader_of_the_faults_that_leaves_is_no_regression():
    faulty = "import sys; from farm.cli.main import main; sys.exit(main(['check', '--inventory', '/nowhere/x.yaml']))"
    with subprocess.Popen([sys.executable, "-c", faulty], stderr=subprocess.PIPE) as command:
        command.stderr.close()
        assert command.wait(60) == 130


def test_a_command_that_does_not_even_load_is_a_crash(monkeypatch, capsys):
    monkeypatch.setattr(frame, "COMMANDS", {"fake": "farm.cli.nowhere"})
    assert frame.main(["fake"]) == 70
    assert capsys.readouterr().err.startswith("farm: crash: ModuleNotFoundError: ")


def test_the_help_loads_none_of_the_heavy_libraries():
    look = (
        "import sys\nfrom farm.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    code = end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[] 0"
    for command in frame.COMMANDS:
        assert f"    {command}" in done.stdout


def cpu_ms(*words):
    """CPU that a Python takes, at its quickest of three."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return min(took)


def test_the_help_costs_at_most_a_tenth_of_a_second(record_property):
    bare_ms = cpu_ms("-c", "")
    help_ms = cpu_ms("-c", "from farm.cli.main import main; main(['--help'])")
    record_property("farm_help_cpu_ms", round(help_ms))
    # 100 ms where a bare Python takes up to 20 (assumed); a slower or busier machine takes longer for both
    assert help_ms < 100 * max(1, bare_ms / 20), f"{help_ms:.0f} ms, a bare Python {bare_ms:.0f} ms"


def test_the_version_is_the_distribution_s(capsys):
    with pytest.raises(SystemExit) as seen:
        frame.main(["--version"])
    assert (seen.value.code, capsys.readouterr().out[:15]) == (0, "edge-test-farm ")


def test_a_table_is_as_wide_as_its_values_and_never_shows_the_unknown_as_a_number(capsys):
    output.table(("board", "watts"), [("a" * 100, None), ("b", 0.0)])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.index("watts") == 102
    assert (first, second.split()) == ("a" * 100 + "  -", ["b", "0.0"])


def test_json_holds_no_word_that_json_does_not_know(capsys):
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.print_json({"watts": float("nan")})
    output.print_json({"µ": 1})
    assert json.loads(capsys.readouterr().out) == {"µ": 1}


def test_a_terminal_that_lacks_a_letter_gets_another():
    say = "from farm.cli.output import *; prepare(); say('± 1 µs')"
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "? 1 ?s\n"


def test_the_help_of_run_names_every_limit_there_is():
    from farm.cli.run import LIMITS
    from farm.verdict.criteria import Limits

    assert LIMITS.split() == list(Limits.model_fields)
