"""MLPerf's folders: the load's window, the clocks of load and watts, a training's watts.

Times and watts are those of public logs: the session 2021-03-03_00-06-49 of mlcommons/inference_results_v1.0 (Krai, a
Raspberry Pi 4), and a run of mlcommons/training_results whose lines are quoted in a public article.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from power.trace import TraceError, window_energy
from power.trace_files import read
from power.trace_session import clock_difference_s, complaints, load_window

CLIENT = [
    ("time", 1614730692.353643, 1614730692.3564653),
    ("session,2021-03-03_00-06-49,start,testing", 1614730692.3580282, 1614730705.7029397),
    ("session,2021-03-03_00-06-49,stop,testing", 1614731349.7938902, 1614731359.9751399),
]
SERVER = [
    ("time", 1614730692.3454056, 1614730692.3456767),
    ("session,2021-03-03_00-06-49,start,testing", 1614730692.35019, 1614730705.6922693),
    ("session,2021-03-03_00-06-49,stop,testing", 1614731349.7900054, 1614731359.9681742),
]
START_MS, STOP_MS = 1745926251617, 1745927530858
"""``run_start`` and ``run_stop`` of that training."""


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def messages(rows: list[tuple[str, float, float]]) -> str:
    return json.dumps({"messages": [{"cmd": cmd, "cmd_time": at, "reply_time": back} for cmd, at, back in rows]})


def session(folder: Path) -> Path:
    rows = [f"Time,03-03-2021 00:18:{s:02d}.500,Watts,5.{s:02d},Volts,229.1,Amps,0.05,PF,0.5,Mark,x" for s in range(60)]
    write(folder / "run_1" / "spl.txt", *rows)
    write(
        folder / "run_1" / "mlperf_log_detail.txt",
        ':::MLLOG {"key": "power_begin", "value": "03-03-2021 00:18:10.000", "time_ms": 1.2, "namespace": "mlperf"}',
        ':::MLLOG {"key": "power_end", "value": "03-03-2021 00:18:50.000", "time_ms": 9.9, "namespace": "mlperf"}',
    )
    return folder


def mllog(key: str, time_ms: float, value: object = None, before: str = "") -> str:
    entry = {"namespace": "", "time_ms": time_ms, "event_type": "POINT_IN_TIME", "key": key, "value": value}
    return f"{before}:::MLLOG {json.dumps({**entry, 'metadata': {'file': 'a.py', 'lineno': 1}})}"


def training(folder: Path, *, runs: int = 1, nodes: int = 1) -> Path:
    for run in range(runs):
        write(
            folder / f"result_{run}.txt",
            "some other output",
            mllog("run_start", START_MS, before="0: "),
            mllog("run_start", START_MS + 7, before="1: "),
            ":::MLLOG {half a line",
            mllog("run_stop", STOP_MS),
        )
        for node in range(nodes):
            readings = [mllog("power_reading", START_MS + s * 1000 - 500, 100.0 * (node + 1)) for s in range(-2, 1300)]
            write(
                folder / "power" / f"result_{run}" / f"node_{node}.txt", mllog("power_measurement_start", 0), *readings
            )
    return folder


def test_the_clocks_of_load_and_watts_are_compared_by_the_sessions_own_messages(tmp_path: Path) -> None:
    session(tmp_path)
    assert clock_difference_s(tmp_path) is None
    write(tmp_path / "power" / "client.json", messages(CLIENT))
    write(tmp_path / "power" / "server.json", messages(SERVER))
    low, high = clock_difference_s(tmp_path) or (0, 0)
    assert low == pytest.approx(-0.01067, abs=1e-5)  # what was answered came 10.67 ms later by the other clock
    assert high == pytest.approx(-0.00388, abs=1e-5)
    assert clock_difference_s(tmp_path / "run_1" / "spl.txt") == (low, high)
    write(tmp_path / "power" / "server.json", messages([("other", 1.0, 2.0), *SERVER]))
    assert clock_difference_s(tmp_path) is None  # another session's


@pytest.mark.parametrize(
    "damaged", ["", "[]", "{}", '{"messages": 5}', '{"messages": [5]}', '{"messages": [{"cmd": "a,start,testing"}]}']
)
def test_messages_that_do_not_tell_leave_the_difference_unknown(damaged: str, tmp_path: Path) -> None:
    session(tmp_path)
    write(tmp_path / "power" / "client.json", messages(CLIENT))
    write(tmp_path / "power" / "server.json", damaged)
    assert clock_difference_s(tmp_path) is None


def test_what_the_daemon_complained_of_while_the_load_ran_is_told(tmp_path: Path) -> None:
    window = load_window(session(tmp_path))
    assert window is not None
    assert complaints(tmp_path, window) == []
    write(
        tmp_path / "power" / "ptd_logs.txt",
        "SPEC PTDaemon Tool",
        "03-03-2021 00:18:09.444: ERROR: Can't evaluate uncertainty of this sample!",
        "03-03-2021 00:18:11.444: WARNING: Uncertainty 1.05%, which is above 1.00% limit for the last sample!",
        "03-03-2021 00:18:12.444: WARNING: Uncertainty unknown for the last measurement sample! channel 0",
        "03-03-2021 00:18:13.444: Response to client sent: Range A changed",
    )
    assert complaints(tmp_path, window) == [
        "ptd_logs.txt: 2 of WARNING while the load ran, first: "
        "Uncertainty 1.05%, which is above 1.00% limit for the last sample!"
    ]


def test_a_log_of_watts_beside_a_trainings_own_log_has_its_window(tmp_path: Path) -> None:
    write(tmp_path / "spl.txt", "Time,04-29-2025 11:30:51.000,Watts,5.0", "Time,04-29-2025 11:52:20.000,Watts,5.0")
    write(tmp_path / "result_0.txt", mllog("run_start", START_MS), mllog("run_stop", STOP_MS))
    found = load_window(tmp_path)
    assert found is not None
    assert found.source == "run_start to run_stop of result_0.txt, ms since 1970"
    assert (found.start_ns, found.end_ns) == (START_MS * 10**6, STOP_MS * 10**6)
    write(tmp_path / "result_1.txt", mllog("run_start", START_MS), mllog("run_stop", STOP_MS))
    with pytest.raises(
        TraceError, match=r"several runs lie beside the watts: result_0\.txt, result_1\.txt; say --from"
    ):
        load_window(tmp_path)


@pytest.mark.parametrize("place", [".", "result_0.txt", "power/result_0"])
def test_a_trainings_nodes_are_read_with_the_window_of_its_run(place: str, tmp_path: Path) -> None:
    path = training(tmp_path) / place
    trace, window = read(path), load_window(path)
    assert window is not None
    energy = window_energy(trace, window.start_ns, window.end_ns)
    assert trace.form == "mlperf-training"
    assert energy.duration_s == pytest.approx(1279.241)
    assert energy.joules_trapezoid == pytest.approx(127_924.1)
    assert energy.joules_mean == pytest.approx(127_924.1)


def test_nodes_are_added_up_where_all_were_read_and_estimates_are_not(tmp_path: Path) -> None:
    folder = training(tmp_path, nodes=2) / "power" / "result_0"
    write(folder / "sw_0.txt", mllog("interconnect_power_est", START_MS, 42.0))
    late = [mllog("power_reading", START_MS + s * 1000, 10.0) for s in range(5, 20)]
    write(folder / "node_2.txt", mllog("conversion_eff", START_MS, 0.9), *late, mllog("power_reading", START_MS, None))
    trace = read(tmp_path)
    assert np.all(trace.watts == pytest.approx(100 + 200 + 9))
    assert (int(trace.t_ns[0]), int(trace.t_ns[-1])) == ((START_MS + 5000) * 10**6, (START_MS + 19000) * 10**6)
    told = " | ".join(trace.notes)
    assert "the sum of 3 nodes" in told
    assert "sw_0: 42 W estimated, not measured, and not in the sum" in told
    assert "conversion_eff: watts times 0.9" in told
    assert "rows without a value (1)" in told


def test_of_several_runs_one_must_be_named(tmp_path: Path) -> None:
    training(tmp_path, runs=2)
    with pytest.raises(TraceError, match=r"several runs have watts: result_0\.txt, result_1\.txt; name one of these"):
        read(tmp_path)
    assert len(read(tmp_path / "result_1.txt").t_ns) == 1302


@pytest.mark.parametrize("name", ["node_1.txt", "result_1.txt"])
def test_a_table_of_such_a_name_is_a_table(name: str, tmp_path: Path) -> None:
    table = write(tmp_path / name, "time_s,watts", "0,5.0", "1,6.0")
    assert read(table).watts.tolist() == [5.0, 6.0]


def test_a_training_without_watts_and_nodes_without_common_time_are_refused(tmp_path: Path) -> None:
    result = write(tmp_path / "a" / "result_0.txt", mllog("run_start", START_MS))
    with pytest.raises(TraceError, match=r"holds no node_\*\.txt with the watts of result_0\.txt"):
        read(result)
    node = write(tmp_path / "b" / "node_0.txt", mllog("power_reading", 1000, 5.0))
    write(tmp_path / "b" / "node_1.txt", mllog("power_reading", 2000, 5.0))
    assert len(read(node).t_ns) == 1
    with pytest.raises(TraceError, match="no time in common"):
        read(tmp_path / "b")
    write(tmp_path / "c" / "node_0.txt", mllog("power_reading", 1000, "many"))
    with pytest.raises(TraceError, match=r"no power_reading in node_0\.txt"):
        read(tmp_path / "c")
