"""A board that is not as the plan demands, or does not stay so, decides nothing; what is set on it is put back."""

import json
import re
import signal
import subprocess

from farm.lab.twins import inject

from .conftest import BIN, MODELS

MODEL = str(MODELS / "artifacts" / "lenet-300-100-pruned-int8-onnx.tar.zst")
RUN = ("-v", "run", MODEL, "--board", "atom-01", "--idle-s", "0.2", "--no-bursts", "-s", "score_s=0")


def governor(whole) -> str:
    (file,) = whole.folder.glob(".farm/lab/atom-01/board/root/sys/devices/system/cpu/cpufreq/policy0/scaling_governor")
    return file.read_text().strip()


def once_frames_run(whole, words, then):
    """Return how a trial ended, and what it said, where ``then`` happens when its first frames are told."""
    command = [BIN / "farm", *RUN, *words]
    with subprocess.Popen(
        command, cwd=whole.folder, env=whole.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said = ""
        for line in process.stdout:
            if then and re.search(r"frame \d+ of", line):
                then(process)
                then = None
            said += line
    return process.returncode, said


def test_a_board_that_is_set_otherwise_and_throttles_meanwhile_gives_no_verdict_and_says_when(atom):
    def disturb(_):
        for fault in ("other-governor", "throttled"):
            inject(atom.folder / ".farm", "atom-01", fault, True)

    asked = ["--duration-s", "4", "--set", "governor=performance", "--limit", "max_p99_ms=1000", "--json"]
    status, said = once_frames_run(atom, asked, disturb)
    assert status == 3, said
    found, _ = json.JSONDecoder().raw_decode(said, said.index("{\n"))
    told = [re.sub(r"\d+\.\d s", "N s", reason) for reason in found["record"]["voids"]]
    assert "settings: governor performance → powersave at N s" in told
    assert "throttled: at N s: nothing → throttle events since boot: cpu0 core 7" in told
    assert found["verdict"]["outcome"] == "no verdict"
    faults = {event["what"] for event in found["record"]["events"] if event["kind"] == "fault"}
    assert "governor: performance → powersave" in faults
    (demand,) = found["record"]["demands"]
    assert (demand["name"], demand["before"], demand["during"]) == ("governor", "performance", "powersave")


def test_a_cancelled_trial_puts_back_what_it_set(atom):
    fresh: list[str] = []

    def cancel(process):
        fresh.append(governor(atom))
        process.send_signal(signal.SIGINT)

    status, said = once_frames_run(atom, ["--duration-s", "20", "--set", "governor=performance"], cancel)
    assert (status, fresh, governor(atom)) == (130, ["performance"], "powersave"), said
