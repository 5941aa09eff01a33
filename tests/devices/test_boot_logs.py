"""Captured logs, ours and others': what the watcher says of each, whatever chunks it comes in."""

import json
import random
import re
from pathlib import Path

import pytest

from devices.boot import BootReport, BootWatcher
from devices.boot_symptoms import SYMPTOMS

LOGS = sorted((Path(__file__).parents[1] / "wire" / "boot").glob("*.log"))
KINDS = {symptom.kind for symptom in SYMPTOMS} | {"boot-loop", "reset"}


def report(data: bytes, sizes) -> BootReport:
    watcher = BootWatcher(0)
    while data:
        n = next(sizes)
        watcher.feed(data[:n], 0)
        data = data[n:]
    watcher.end()
    return watcher.report()


def whole(data: bytes) -> BootReport:
    return report(data, iter([len(data)]))


def expected(log: Path) -> dict:
    return json.loads(log.with_suffix(".json").read_text())


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_captured_log_is_understood(log):
    seen = whole(log.read_bytes())
    wanted = expected(log)
    assert seen.furthest == wanted["furthest"]
    assert {fault.kind for fault in seen.faults if fault.fatal} == set(wanted["fatal"])
    assert {fault.kind for fault in seen.faults if not fault.fatal} == set(wanted["told"])
    assert (seen.resets, seen.stalled) == (wanted["resets"], wanted["stalled"])


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_no_chunking_changes_a_report(log):
    data = log.read_bytes()
    dice = random.Random(log.stem)
    assert report(data, iter(lambda: 1, 0)) == whole(data)
    for most in (3, 20, 200):
        assert report(data, iter(lambda most=most: dice.randint(1, most), 0)) == whole(data)


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_a_fault_stands_at_the_line_that_shows_it(log):
    printed = re.sub(r"\[\d+(;\d+)*m", "", log.read_bytes().decode(errors="replace"))
    lines = printed.replace("\r\n", "\n").split("\n")
    for fault in whole(log.read_bytes()).faults:
        if fault.kind not in ("reset", "boot-loop"):
            assert fault.text[:20] in lines[fault.line - 1].replace('\\"', '"')


def test_every_log_names_its_source():
    assert all(expected(log)["source"] for log in LOGS)


def test_there_is_a_log_for_each_kind_that_ends_a_boot():
    shown = {kind for log in LOGS for kind in expected(log)["fatal"] + expected(log)["told"]}
    assert {symptom.kind for symptom in SYMPTOMS if symptom.ends != "never"} - shown == set()
    assert shown <= KINDS


def test_healthy_boots_raise_no_alarm_in_ten_thousand_lines():
    healthy = [log.read_bytes() for log in LOGS if log.stem.startswith("healthy") and not expected(log)["stalled"]]
    lines = 0
    dice = random.Random(0)
    while lines < 10_000:
        log = dice.choice(healthy)
        seen = whole(log)
        assert (seen.faults, seen.resets, seen.stalled) == ([], 0, False)
        lines += log.count(b"\n") + log.count(b"\r")
