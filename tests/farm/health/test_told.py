"""What changed is told: on lines, to a command, to Prometheus."""

import sys
import threading

import pytest
from prometheus_client.parser import text_string_to_metric_families

from farm.errors import LabFault, UsageFault
from farm.health import BoardHealth, LastTrial
from farm.health.notify import Notifier
from farm.health.prometheus import text, write
from farm.health.watch import Shown, keep
from farm.store.database import Store
from farm.store.health import Turn, history


def well(board="a", **changes):
    health = BoardHealth(board, "atom-e3930", "process twin", powered=True, up=True, watts={"m": 7.5})
    for name, value in changes.items():
        setattr(health, name, value)
    return health


@pytest.mark.parametrize(
    ("changes", "state", "bad"),
    [
        ({}, "ok", False),
        ({"powered": False, "up": None}, "off", False),
        ({"up": False, "boot_stage": "kernel"}, "booting", False),
        ({"up": False, "faults": ["a: x"]}, "faulty", True),
        ({"in_use": "bob", "powered": None, "up": None}, "in use", False),
        ({"quarantine": "x", "in_use": "bob"}, "quarantined", True),
        ({"powered": None, "up": None}, "unknown", False),
    ],
)
def test_one_word_says_how_a_board_is(changes, state, bad):
    health = well(**changes)
    assert (health.state, health.bad) == (state, bad)


def test_a_line_is_for_what_is_new_and_not_for_other_figures():
    shown = Shown()
    assert len(shown.news([well("a"), well("b")])) == 2
    assert shown.news([well("a"), well("b")]) == []
    assert [one.board for one in shown.news([well("a", faults=["m: 3 W"]), well("b")])] == ["a"]
    assert shown.news([well("a", faults=["m: 4 W"]), well("b")]) == []
    assert len(shown.news([well("a", faults=["relay: silent"]), well("b")])) == 1


def test_what_passes_by_itself_is_never_kept(sockets_lab, tmp_path):
    lab = sockets_lab({"a": 22}, "/dev/null")
    faulty, off = well(faults=["a: x"]), well(powered=False, up=None)
    assert [turn.state for turn in keep(lab, [faulty], tmp_path)] == ["faulty"]
    for passing in (off, well(in_use="bob"), well(up=False)):
        assert keep(lab, [passing], tmp_path) == []
    assert keep(lab, [faulty], tmp_path) == []
    (turn,) = keep(lab, [well()], tmp_path)
    assert (turn.was, turn.state) == ("faulty", "ok")
    with Store.open(tmp_path / "results.sqlite") as store:
        assert [entry.good for entry in history(store)] == [True, False]


SCRIPT = "import os, sys; open(sys.argv[1], 'w').write(' '.join(os.environ['FARM_' + n] for n in sys.argv[2:]))"


def test_the_command_is_told_what_happened(tmp_path):
    warned, out = [], tmp_path / "out"
    names = "BOARD WAS STATE REASON"
    with Notifier(f'{sys.executable} -c "{SCRIPT}" {out} {names}', warned.append) as notifier:
        notifier.tell([Turn("a", "ok", "faulty", "m: silent")])
    assert (out.read_text(), warned) == ("a ok faulty m: silent", [])


def test_a_command_that_fails_or_hangs_is_told_and_never_fatal():
    warned = []
    with Notifier("sh -c 'echo no mail today; exit 3'", warned.append) as notifier:
        notifier.tell([Turn("a", "ok", "faulty", "x")])
    with Notifier("sh -c 'sleep 60 & wait'", warned.append, deadline_s=0.2) as notifier:
        notifier.tell([Turn("b", "ok", "faulty", "x")])
    assert warned == [
        "--notify sh, for a: ended with status 3: no mail today",
        "--notify sh, for b: is not over after 0.2 s, and was ended",
    ]


@pytest.mark.parametrize("command", ["", "no-such-program-here --x", "sh 'unfinished"])
def test_a_command_that_cannot_be_is_a_usage_fault(command):
    with pytest.raises(UsageFault, match="--notify"):
        Notifier(command, print)


def samples(*found):
    families = text_string_to_metric_families(text(found))
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def test_prometheus_gets_what_is_known_and_nothing_else():
    last = LastTrial("00c0ffee", "2026-01-02T03:04:05Z", "lenet", "pass")
    health = well(celsius={"soc": 41.5}, throttled=False, watts={"m": 7.5, "n": None}, last=last, clock_off_s=-3.0)
    told = samples(health, well("b", powered=None, up=None, in_use="bob", watts={}))
    assert told["farm_board_up", "a"] == 1
    assert told["farm_board_throttled", "a"] == 0
    assert told["farm_board_celsius", "a", "soc"] == 41.5
    assert told["farm_meter_watts", "a", "m"] == 7.5
    assert told["farm_board_clock_off_seconds", "a"] == -3
    assert told["farm_board_last_trial_timestamp_seconds", "a", "pass"] == 1767323045
    assert told["farm_board_state", "a", "ok"] == 1
    assert told["farm_board_state", "b", "in use"] == 1
    assert told["farm_board_state", "b", "ok"] == 0
    absent = {"farm_board_up", "farm_board_powered", "farm_board_throttled", "farm_board_faults", "farm_board_load1"}
    assert not {name for name, board, *_ in told if board == "b"} & absent
    assert ("farm_meter_watts", "a", "n") not in told


def test_the_node_exporter_never_sees_half_a_file(tmp_path):
    path, over, seen = tmp_path / "farm.prom", threading.Event(), set()
    write(path, "first\n")

    def read():
        while not over.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        write(path, "second " * 10_000)
        write(path, "first\n")
    over.set()
    reader.join()
    assert seen <= {"first\n", "second " * 10_000}
    assert [file.name for file in tmp_path.iterdir()] == ["farm.prom"]
    assert path.stat().st_mode & 0o044 == 0o044


def test_a_file_that_cannot_be_written_is_a_lab_fault(tmp_path):
    with pytest.raises(LabFault, match="cannot be written"):
        write(tmp_path / "no-folder" / "farm.prom", "x\n")


def test_without_the_extra_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageFault, match=r"pip install 'edge-test-farm\[metrics\]'"):
        text([])
