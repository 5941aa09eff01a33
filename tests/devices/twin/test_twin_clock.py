"""The board has a clock of its own, and all its programs agree on it."""

import json
import random
import time

from devices.twin.clock import boot_clock, crystal

ASK = (
    "import time, json; a = time.monotonic_ns(); print(json.dumps([a, time.clock_gettime_ns(time.CLOCK_MONOTONIC), "
    "int(time.monotonic() * 1e9), time.perf_counter_ns(), int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1e9), "
    "time.time_ns(), time.clock_gettime_ns(time.CLOCK_REALTIME), int(time.time() * 1e9)]))"
)


def test_clocks_differ_from_the_hosts_by_ten_seconds_and_drift_within_50_ppm():
    for seed in range(200):
        chance = random.Random(seed)
        drift_ppb = crystal(chance)
        clock = boot_clock(chance, drift_ppb)
        assert abs(clock.offset_ns - clock.boot_ns) >= 10e9
        assert abs(clock.wall_ns - clock.host_wall_ns) >= 10e9
        assert -50_000 <= drift_ppb <= 50_000
        assert clock.offset_ns > 0


def test_every_clock_of_the_boards_python_is_the_boards(client):
    asked, asked_wall = time.monotonic_ns(), time.time_ns()
    read = json.loads(client.text(f"python3 -c '{ASK}'"))
    monotonic, wall = read[:5], read[5:]
    assert max(monotonic) - min(monotonic) < 5e9  # another clock would be ten seconds off
    assert max(wall) - min(wall) < 5e9
    assert not asked - 1e9 < monotonic[0] < time.monotonic_ns() + 1e9, "the host's"
    assert not asked_wall - 1e9 < wall[0] < time.time_ns() + 1e9, "the host's"


def test_isolated_python_and_the_date_command_agree_with_it(client):
    ask = "-c 'import time; print(time.time_ns())'"
    answers = client.text(f"python3 -I {ask}; date +%s%N; python3 {ask}")
    before, date, after = (int(line) for line in answers.split())
    assert before < date < after


def test_uptime_is_the_boards_monotonic_clock(client, up):
    monotonic = float(client.text("python3 -c 'import time; print(time.monotonic())'"))
    uptime = float((up[0].root / "proc/uptime").read_text().split()[0])
    assert abs(monotonic - uptime) < 9.0  # the host's is ten seconds off


def test_the_clock_drifts_as_drawn(client, up):
    helper = client.start("python3 -c 'import sys, time\nfor _ in sys.stdin: print(time.monotonic_ns(), flush=True)'")

    def probe() -> tuple[int, int, int]:
        """Return when the host asked, how long it waited, and what the board's clock said in between."""
        best = None
        for _ in range(40):
            sent = time.monotonic_ns()
            helper.sendall(b"\n")
            board = int(helper.recv(40))
            round_trip = time.monotonic_ns() - sent
            if best is None or round_trip < best[1]:
                best = (sent, round_trip, board)
        return best

    drawn_ppm, deadline_s, bound_ppm = up[0]._drift_ppb / 1e3, time.monotonic() + 60, 1e9
    host_1, wait_1, board_1 = probe()
    while bound_ppm > 40:  # the longer between the probes, the smaller it gets
        assert time.monotonic() < deadline_s, f"the drift is known to {bound_ppm:.0f} ppm only"
        time.sleep(1.0)
        host_2, wait_2, board_2 = probe()
        elapsed_ns = host_2 + wait_2 / 2 - host_1 - wait_1 / 2
        bound_ppm = (wait_1 + wait_2) / 2 / elapsed_ns * 1e6
        drift_ppm = ((board_2 - board_1) / elapsed_ns - 1) * 1e6
        assert abs(drift_ppm - drawn_ppm) < bound_ppm + 1
    helper.close()


def test_nothing_is_compiled_beside_the_hosts_libraries_or_the_boards(client, up):
    client.text("python3 -c 'import json, board_clock'")
    assert not list(up[0].root.rglob("__pycache__"))
