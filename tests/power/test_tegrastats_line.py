"""Lines of tegrastats, of every generation that is public."""

import json
from pathlib import Path

import pytest

from power.onboard.tegrastats_line import decode, parse

KEPT = json.loads((Path(__file__).parents[1] / "wire" / "power" / "tegrastats" / "lines.json").read_text())["lines"]
BY_BOARD = {one["board"]: one["line"] for one in KEPT}


@pytest.mark.parametrize("kept", KEPT, ids=[one["board"] for one in KEPT])
def test_the_rails_of_a_public_line_are_all_there_and_nothing_else_is(kept) -> None:
    rails = parse(kept["line"]).rails
    assert {name: [rail.watts, rail.watts_average] for name, rail in rails.items()} == kept["rails"]


def test_cores_that_are_off_are_not_idle_ones() -> None:
    cores = parse(BY_BOARD["TX2"]).cores
    assert [core is None for core in cores] == [False, True, True, False, False, False]
    assert cores[0] is not None
    assert (cores[0].percent, cores[0].mhz) == (1.0, 345.0)


def test_an_older_line_has_one_clock_for_all_cores() -> None:
    line = parse(BY_BOARD["TX1, L4T 28, no sensors"])
    assert [core.mhz for core in line.cores if core] == [408.0] * 4
    assert {name: engine.percent for name, engine in line.engines.items()} == {"EMC": 1.0, "GR3D": 3.0}
    assert (line.ram_mb, line.swap_mb) == ((3468, 3983), (873, 8192))


def test_temperatures_engines_and_the_stamp_are_read() -> None:
    line = parse(BY_BOARD["Orin Nano"])
    assert (line.celsius["tj"], line.celsius["cv2"], len(line.celsius)) == (65.562, 60.875, 9)
    assert (line.engines["GR3D_FREQ"].percent, line.engines["GR3D_FREQ"].mhz) == (84.0, 713.0)
    assert (line.engines["NVDEC"].percent, line.engines["NVDEC"].mhz) == (40.0, 115.0)
    assert line.stamp == "05-15-2025 18:30:28"


@pytest.mark.parametrize(
    ("part", "celsius"),
    [("gpu@62.906C", 62.906), ("gpu@62.906C/90C", 62.906), ("gpu@62.906/90C", 62.906), ("gpu@-256C", None)],
)
def test_a_temperature_may_name_its_limit_and_a_sensor_without_power_has_none(part, celsius) -> None:
    assert parse(f"RAM 1/2MB CPU [1%@9] {part} VDD_IN 5mW").celsius.get("gpu") == celsius


@pytest.mark.parametrize("said", ["2003", "2003mW", "2003/1", "2003mW/1mW", "2003mW/1mW/3000mW"])
def test_the_first_value_of_a_rail_is_the_one_of_now(said) -> None:
    assert parse(f"RAM 1/2MB CPU [1%@9] VDE 0 NVENC 115 VDD_IN {said}").rails["VDD_IN"].watts == 2.003


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "total used free shared\nMem: 1 2 3",
        BY_BOARD["TX2"][: BY_BOARD["TX2"].index("off,off")],
        BY_BOARD["TX2"][: BY_BOARD["TX2"].index("1423/1423") - 1],
        BY_BOARD["TX2"][: BY_BOARD["TX2"].index("/1423") + 1],
        BY_BOARD["Thor"].replace("12%@972", "12%@x"),
    ],
)
def test_half_a_line_and_other_text_is_refused(line) -> None:
    with pytest.raises(ValueError, match=r"no line|cut off|no load"):
        parse(line)


def test_a_capture_names_the_line_that_is_none() -> None:
    text = f"# captured\n\n{BY_BOARD['Thor']}\n{BY_BOARD['TX2']}\n"
    assert [len(one["rails"]) for one in decode(text)] == [4, 6]
    assert next(iter(decode(text)))["stamp"] == "2026-07-31T14:45:55"
    with pytest.raises(ValueError, match="line 5: no line of tegrastats"):
        list(decode(f"{text}oops\n"))
    with pytest.raises(ValueError, match="not one line"):
        list(decode("\n# nothing\n"))
