from farm.report.compare import compare
from farm.report.export import rows
from farm.report.table import ABSENT, Row, row, table
from farm.store.database import Stored
from farm.trial.scenario import EachOnce
from farm.verdict.figures import KINDS

TEXTS = {
    "board": "tx2-01 (process twin)",
    "model": "lenet5-int8",
    "fps": "20.00",
    "p99_ms": "3.1",
    "missed": "0/160",
    "accuracy": "98.06%",
    "loss": "+0.28%",
    "idle_watts": "5.100",
    "watts": "6.012 ±0.021",
    "joules_per_inference": "0.301 ±0.001",
    "verdict": "PASS",
}


def test_every_line_of_the_table_is_aligned_and_none_is_wrapped():
    lines = table([Row(**TEXTS), Row(**TEXTS | {"board": "x", "watts": ABSENT})])
    assert len(lines) == 4
    ends = {line.index("PASS") for line in lines[2:]}
    assert len(ends) == 1
    assert lines[0].split("  ")[0] == "board"
    assert "mean W" in lines[0]


def test_a_row_survives_the_way_between_processes():
    sent = Row(**TEXTS)
    assert Row.of(sent.as_dict()) == sent


def test_another_meter_s_watts_never_stand_for_the_board_s(a_record):
    assert row(a_record(), None).watts == "1.200 ±0.020"
    other = row(a_record(supply_meter="wall-1"), None)
    assert (other.watts, other.idle_watts, other.joules_per_inference) == (ABSENT, ABSENT, ABSENT)


def test_watts_that_are_not_measured_at_the_boards_input_say_so(a_record):
    assert row(a_record(power__0__kind="inlet"), None).watts == row(a_record(), None).watts
    told = row(a_record(power__0__kind="chip", power__0__how="estimated"), None)
    assert told.watts.endswith("(one chip only, estimated)")
    assert told.joules_per_inference.endswith("(one chip only, estimated)")


def test_what_was_run_for_an_accuracy_alone_states_no_speed(timed):
    untimed = timed(scenario__name=EachOnce.name)
    told = row(untimed, None)
    assert (told.fps, told.p99_ms) == (ABSENT, ABSENT)
    figures = {kind.name: kind.figure(untimed) for kind in KINDS}
    assert figures["fps"].got is figures["p99_ms"].got is None
    assert "nothing is said of speed" in figures["fps"].why
    ((pair,), _) = compare([timed()], [untimed])
    assert {one.why for one in pair.figures if one.name in ("fps", "latency_p99")} == {"not in both"}
    (exported, *_) = rows([Stored(untimed, None)])
    assert exported["fps"] is None
