"""The commands that touch boards, on twins that run."""

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import tty
from pathlib import Path

import pytest

from farm.cli.main import main
from farm.lab.bench import borrow
from farm.lab.known_hosts import KnownHosts, fingerprint
from farm.lab.twins import inject
from farm.store.database import Store
from farm.store.health import note_fault, release

SAMPLES = Path(__file__).parents[2] / "lab"
FARM = [sys.executable, "-c", "import sys; from farm.cli.main import main; sys.exit(main(sys.argv[1:]))"]


@pytest.fixture
def farm(here, capsys):
    """Run a command in the lab's folder: exit code, what it printed, what it said beside."""

    def run(*words):
        code = main(list(words))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_power_is_switched_and_told(farm):
    off = "zero-01 (process twin): off: um25c-1 reads 0.00 W, its console is silent\n"
    assert farm("power", "off", "zero-01")[:2] == (0, off)
    assert farm("power", "status", "zero-01")[:2] == (0, off)
    answer = json.loads(farm("power", "status", "zero-01", "--json")[1])
    assert (answer["powered"], answer["off_proven_by"]) == (False, ["um25c-1 reads 0.00 W", "its console is silent"])
    code, out, _ = farm("power", "on", "zero-01")
    assert (code, out) == (0, "zero-01 (process twin): booted: firmware, kernel, userspace, login\n")
    assert farm("power", "on", "zero-01")[:2] == (0, "zero-01 (process twin): was on and up already\n")
    code, out, _ = farm("power", "status", "zero-01", "--json")
    answer = {"board": "zero-01", "made": "process twin", "powered": True, "said": "on", "off_proven_by": []}
    assert json.loads(out) == answer | {"fault": None}


@pytest.mark.parametrize("action", ["status", "off"])
def test_a_switch_that_does_not_answer_is_a_fault_in_json_too(farm, here, action):
    inject(here.state, "relay-zero", "silent")
    try:
        code, out, err = farm("power", action, "zero-01", "--json")
    finally:
        inject(here.state, "relay-zero", "silent", False)
    answer = json.loads(out)
    assert (code, answer["board"], answer["powered"], answer["said"]) == (3, "zero-01", None, None)
    assert answer["fault"].startswith("relay-zero: ")
    assert err.startswith(answer["fault"])


def test_a_board_that_does_not_boot_is_a_lab_fault_with_its_last_lines(farm, here):
    inject(here.state, "zero-01", "kernel-panic")
    code, _, err = farm("power", "cycle", "zero-01")
    inject(here.state, "zero-01", "kernel-panic", False)
    farm("power", "off", "zero-01")
    assert code == 3
    assert err.startswith("zero-01: did not boot, in stage kernel: panic: ")
    assert "\n  | " in err
    assert "\n  try: " in err


def test_a_board_that_the_lab_lacks_is_a_usage_fault(farm):
    assert farm("power", "on", "zero-1")[0] == 2
    assert farm("health", "zero-1")[0] == 2
    assert farm("trust", "zero-1")[0] == 2


def test_a_board_in_use_is_a_lab_fault(farm, here):
    with borrow(here.lab, "zero-01", state=here.state):
        code, _, err = farm("power", "status", "zero-01")
    assert (code, err.partition(" of ")[0]) == (3, f"zero-01: in use by process {os.getpid()}")


@pytest.mark.parametrize("command", ["run", "deploy"])
def test_nothing_is_measured_on_a_board_in_quarantine_and_it_can_be_repaired(farm, here, command):
    with Store.open(here.state / "results.sqlite") as store:
        note_fault(store, "atom-01", "atom-01: smokes", quarantine_after=1)
        try:
            artifact = SAMPLES / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst"
            code, _, err = farm(command, str(artifact), "--board", "atom-01")
            assert (code, "atom-01: in quarantine: a fault, the last: atom-01: smokes" in err) == (3, True)
            assert farm("power", "status", "atom-01")[0] == 0
        finally:
            release(store, "atom-01", "a test", by="ann")


def test_the_lab_s_status_is_a_table_or_json(farm):
    code, out, _ = farm("lab", "status")
    assert (code, [line.split()[:2] for line in out.splitlines()[1:]]) == (0, [["atom-01", "up"], ["zero-01", "up"]])
    code, out, _ = farm("lab", "status", "--json")
    assert {one["state"] for one in json.loads(out)} == {"up"}


def test_the_lab_is_started_once(farm):
    code, out, _ = farm("lab", "up", "--json")
    assert (code, sorted(json.loads(out)["boards"])) == (0, ["atom-01", "zero-01"])
    code, out, _ = farm("lab", "up")
    assert out.endswith("twins are up, powered off; resolved inventory: .farm/lab/inventory.yaml\n")


def test_a_fault_is_injected_and_taken_back(farm):
    assert farm("lab", "fault", "wall-1", "garbage")[:2] == (0, "wall-1: garbage injected\n")
    assert "wall-1: garbage" in farm("lab", "status")[1]
    assert farm("lab", "fault", "wall-1", "garbage", "--off")[:2] == (0, "wall-1: garbage taken back\n")
    assert farm("lab", "fault", "wall-1", "nonsense")[0] == 2


def test_nothing_is_up_in_an_empty_folder(farm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert farm("lab", "status")[:2] == (0, "no twins are up\n")
    assert farm("lab", "down")[:2] == (0, "no twins were up\n")


def test_a_board_whose_key_is_in_the_inventory_is_trusted_already(farm):
    farm("power", "on", "zero-01")
    code, out, _ = farm("trust", "zero-01")
    assert (code, out.endswith("is trusted already\n")) == (0, True)


@pytest.fixture
def stranger(here, twin_lab, tmp_path, monkeypatch):
    """An inventory of a real board, as far as the farm can tell, whose key nobody has noted yet."""
    entry = twin_lab.lab.boards["zero-01"]
    (tmp_path / "inventory.yaml").write_text(
        "lab: shelf\nboards:\n  pi:\n    model: pi-zero-aiy\n    console:\n      port: /dev/ttyS9\n"
        f"    ssh:\n      host: 127.0.0.1\n      port: {entry.ssh.port}\n      user: pi\n"
    )
    assert main(["power", "on", "zero-01"]) == 0
    monkeypatch.chdir(tmp_path)
    return entry.ssh


def test_nothing_is_trusted_unasked(farm, stranger, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 -- closed with the process
    code, _, err = farm("trust", "pi")
    assert (code, "nobody to ask" in err) == (2, True)
    assert not (tmp_path / ".farm" / "known_hosts").exists()
    sys.stdin.close()


def test_a_fingerprint_that_is_right_is_noted_and_a_wrong_one_is_not(farm, stranger, tmp_path):
    right = fingerprint(stranger.host_key).split()[1]
    assert farm("trust", "pi", "--fingerprint", "SHA256:" + "A" * 43)[0] == 3
    code, out, _ = farm("trust", "pi", "--fingerprint", right)
    assert (code, out) == (0, f"pi: ssh-ed25519 {right} is trusted now; noted in .farm/known_hosts\n")
    assert KnownHosts(tmp_path / ".farm" / "known_hosts").key("127.0.0.1", stranger.port) == stranger.host_key


def test_a_key_that_changed_is_not_replaced_unless_told_so(farm, stranger, tmp_path, twin_lab):
    known = KnownHosts(tmp_path / ".farm" / "known_hosts")
    other = twin_lab.lab.boards["atom-01"].ssh.host_key
    known.note("127.0.0.1", stranger.port, other)
    code, _, err = farm("trust", "pi", "--yes")
    assert (code, "farm trust --replace pi" in err) == (3, True)
    assert known.key("127.0.0.1", stranger.port) == other
    assert farm("trust", "pi", "--yes", "--replace")[0] == 0
    assert known.key("127.0.0.1", stranger.port) == stranger.host_key


def test_a_board_that_shows_no_key_is_a_lab_fault(farm, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    (tmp_path / "inventory.yaml").write_text(
        "lab: shelf\nboards:\n  pi:\n    model: pi-zero-aiy\n    console:\n      port: /dev/ttyS9\n"
        f"    ssh:\n      host: 127.0.0.1\n      port: {port}\n      user: pi\n"
    )
    monkeypatch.chdir(tmp_path)
    assert farm("trust", "pi", "--yes")[0] == 3


def test_deploying_twice_sends_nothing_the_second_time(farm):
    words = ["deploy", str(SAMPLES / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst")]
    words += ["--dataset", str(SAMPLES / "datasets" / "digits-540"), "--board", "zero-01"]
    code, out, _ = farm(*words)
    assert code == 0
    assert re.fullmatch(
        r"zero-01 \(process twin\): lenet5-pruned-int8-onnx [0-9a-f]{12} is deployed; .* were there\n", out
    )
    code, out, _ = farm(*words, "--json")
    assert json.loads(out)["bytes_sent"] == 0


def test_a_board_that_was_off_is_off_again_unless_it_is_to_be_left_on_and_both_are_said(farm):
    packed = SAMPLES / "artifacts" / "lenet5-fine-shared-onnx.tar.zst"
    farm("power", "off", "zero-01")
    code, _, err = farm("deploy", str(packed), "--board", "zero-01")
    assert (code, err) == (0, "zero-01 (process twin): was off before, and is off again; --leave-on leaves it on\n")
    assert farm("power", "status", "zero-01")[1].startswith("zero-01 (process twin): off: ")
    code, _, err = farm("deploy", str(packed), "--board", "zero-01", "--leave-on")
    assert (code, err) == (0, "zero-01 (process twin): was off before, and is left on\n")
    code, _, err = farm("deploy", str(packed), "--board", "zero-01", "-q")
    assert (code, err) == (0, "")
    assert farm("power", "off", "zero-01")[1].startswith("zero-01 (process twin): off: ")


def test_a_run_is_kept_as_a_run_that_has_ended_with_its_record_in_it(farm, here):
    packed = SAMPLES / "artifacts" / "lenet-300-100-pruned-int8-onnx.tar.zst"
    how = ["--rate-hz", "5", "--duration-s", "1", "--idle-s", "0", "--limit", "max_mean_watts=0.0001"]
    code, out, _ = farm("run", str(packed), "--board", "zero-01", *how, "--json")
    assert code in (1, 3)  # 3 where this machine was too busy for a trial that counts
    record = json.loads(out)["record"]
    with Store.open(here.state / "results.sqlite") as store:
        kept = store.run(record["run_id"])
        (inside,) = store.records(run_id=kept.run.id)
    assert (kept.run.kind, kept.run.command[0], kept.run.lab) == ("run", "farm", record["lab"])
    assert kept.run.ended_utc is not None
    assert kept.run.releases == {"candidate": {"pi-zero-aiy": record["artifact"]["id"]}}
    assert (inside.record.id, inside.verdict is not None) == (record["id"], True)


def test_a_verbose_command_tells_component_by_component_what_is_done(farm):
    farm("power", "off", "zero-01")
    _, out, err = farm("power", "on", "zero-01", "-v")
    assert out.startswith("zero-01 (process twin): booted: ")
    steps = [line.partition("  ")[2] for line in err.splitlines()]
    begins = ("zero-01: is lent, lease ", "zero-01: listens to the console ", "zero-01: switching on")
    assert [step.startswith(begin) for step, begin in zip(steps, begins, strict=False)] == [True] * 3
    assert any(step.startswith("zero-01: booted: ") for step in steps)
    assert "zero-01: the switch relay-zero says on" in steps


def test_without_a_terminal_the_console_prints_what_comes(here):
    assert main(["power", "off", "zero-01"]) == 0
    listen = [*FARM, "console", "zero-01", "--seconds", "1"]
    done = subprocess.run(listen, capture_output=True, stdin=subprocess.DEVNULL, check=False, cwd=here.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_on_a_terminal_the_console_is_a_login_and_ctrl_bracket_leaves(here):
    assert main(["power", "on", "zero-01"]) == 0
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    seen = bytearray()
    login = threading.Event()

    def watch():
        while piece := os.read(ours, 4096):
            seen.extend(piece)
            if b"login:" in seen:
                login.set()
            if b"bye" in piece:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    with subprocess.Popen(
        [*FARM, "console", "zero-01"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=here.folder
    ) as command:
        for _ in range(500):
            os.write(ours, b"\r")
            if login.wait(0.2):
                break
        os.write(ours, b"\x1d")
        assert command.wait(60) == 0
    os.write(theirs, b"bye\n")
    watcher.join(20)
    os.close(theirs)
    os.close(ours)
    assert b"Ctrl-] leaves" in seen
    assert login.is_set()
