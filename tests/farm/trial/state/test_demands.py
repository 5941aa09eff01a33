"""What a plan demands of a board's state, before anything runs."""

import pytest

from farm.errors import LabFault, UsageFault
from farm.store.record import AcceleratorFacts, StateFacts
from farm.trial.state.conditions import Conditions, parse_conditions
from farm.trial.state.demands import Demands, look, parse_demands, refuse

TX2 = StateFacts(
    celsius={"BCPU-therm": 41.5, "GPU-therm": 38.0},
    clock_hz={"cpu0": 2_035_200_000, "cpu3": 1_200_000_000, "gpu": 114_750_000, "emc": 1_866_000_000},
    governor="schedutil",
    power_mode="MAXP_CORE_ARM",
    throttled=False,
    load1=0.3,
    memory_free_bytes=6_000_000_000,
    accelerators=[AcceleratorFacts(kind="coral-usb", port="1-2", link_mbps=480)],
)


def findings(state=TX2, remembers=False, **demands):
    return {one.name: one for one in look(Demands.model_validate(demands), state, remembers=remembers)}


@pytest.mark.parametrize(
    ("demands", "held"),
    [
        ({"governor": "schedutil"}, True),
        ({"governor": "performance"}, False),
        ({"power_mode": "MAXP_CORE_ARM"}, True),
        ({"power_mode": "MAXN"}, False),
        ({"min_cpu_hz": 1_200_000_000}, True),
        ({"min_cpu_hz": 1_205_000_000}, True),  # within what drivers that count cycles are off
        ({"min_cpu_hz": 1_300_000_000}, False),
        ({"min_gpu_hz": 1_300_500_000}, False),
        ({"min_memory_hz": 1_866_000_000}, True),
        ({"max_celsius": 41.5}, True),
        ({"max_celsius": 41.4}, False),
        ({"min_memory_free_bytes": 6_000_000_000}, True),
        ({"min_memory_free_bytes": 6_000_000_001}, False),
        ({"max_load1": 0.3}, True),
        ({"max_load1": 0.2}, False),
        ({"usb_link": "usb2"}, True),
        ({"usb_link": "usb3"}, False),
        ({"unthrottled": "now"}, True),
    ],
)
def test_a_demand_is_held_against_what_the_board_says(demands, held):
    ((_, found),) = findings(**demands).items()
    assert found.got is not None
    assert found.held is held


@pytest.mark.parametrize(
    "name", ["governor", "power_mode", "min_cpu_hz", "min_gpu_hz", "max_celsius", "max_other_load", "usb_link"]
)
def test_what_a_board_does_not_tell_is_never_taken_as_fulfilled(name):
    wanted = {"governor": "performance", "power_mode": "MAXN", "usb_link": "usb2", "max_other_load": 1.0}.get(name, 1)
    (found,) = findings(StateFacts(), **{name: wanted}).values()
    assert (found.got, found.held) == (None, False)
    with pytest.raises(
        LabFault, match=rf"(?s){name} wanted .*, got nothing \(this pi tells none\)\n  {name}: leave {name} out"
    ):
        refuse("here", "pi", [found])


def test_a_board_that_remembers_nothing_cannot_show_that_nothing_was():
    assert not findings(unthrottled="since boot")["unthrottled"].held
    free = findings(remembers=True, unthrottled="since boot")["unthrottled"]
    assert (free.wanted, free.got, free.held) == ("nothing since boot", "nothing since boot", True)
    hot = StateFacts(throttled=False, throttle_detail="since boot under-voltage")
    assert findings(hot, unthrottled="now")["unthrottled"].held
    assert findings(hot, remembers=True, unthrottled="since boot")["unthrottled"].got == "since boot under-voltage"


def test_everything_that_is_not_fulfilled_is_told_at_once_with_what_to_do():
    found = findings(governor="performance", min_gpu_hz=1_300_500_000, max_celsius=60, usb_link="usb3")
    with pytest.raises(LabFault) as seen:
        refuse("tx2-01", "jetson-tx2", list(found.values()))
    lines = str(seen.value).splitlines()
    assert lines[0] == (  # a gate's table has room for one line
        "tx2-01: is not as the plan demands: governor wanted performance, got schedutil; "
        "min_gpu_hz wanted >= 1300.5 MHz, got 114.75 MHz (gpu); "
        "usb_link wanted >= usb3 (5000 Mbit/s), got 480 Mbit/s (coral-usb on port 1-2)"
    )
    assert lines[1] == "  governor: `--set governor=performance` sets it for the trial"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["governor", "min_gpu_hz", "usb_link", "try"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("goverrnor=performance", 'did you mean "governor"?'),
        ("max_celsius=warm", "valid number"),
        ("max_other_load=20", "less than or equal to 1"),
        ("usb_link=usb4", "'usb2' or 'usb3'"),
        ("governor", "match"),
    ],
)
def test_a_demand_that_there_is_not_is_a_fault_of_usage(text, said):
    with pytest.raises(UsageFault) as seen:
        parse_demands([text, "max_celsius=60"])
    assert str(seen.value).startswith("--demand ")
    assert said in str(seen.value)


def test_what_is_said_twice_and_not_the_same_is_refused_whichever_came_last():
    assert parse_demands(["max_celsius=60", "max_celsius=60"]) == Demands(max_celsius=60)
    with pytest.raises(UsageFault) as seen:
        parse_conditions(["max_celsius=60", "max_celsius=70"], ["governor=a", "governor=b"], "jetson-tx2")
    assert seen.value.faults == [
        "--demand max_celsius: 60 and 70 contradict each other; give one",
        "--set governor: a and b contradict each other; give one",
    ]


def test_what_is_set_is_demanded_too_and_a_power_mode_comes_first():
    settings = ["governor=performance", "max_clocks=max", "power_mode=MAXN"]
    asked = parse_conditions(["max_celsius=60"], settings, "jetson-tx2")
    assert list(asked.settings) == ["power_mode", "governor", "max_clocks"]
    assert asked.demands == Demands(governor="performance", power_mode="MAXN", max_celsius=60)
    stronger = Conditions.of(Demands(governor="powersave"), {"governor": "performance"})
    assert stronger.demands.governor == "powersave"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("power_mode=MAXN", "a pi-zero-aiy has no such setting; there are governor"),
        ("governor=Fast!", "'Fast!' is none of its values, which match [a-z_]+"),
    ],
)
def test_a_setting_that_the_model_has_not_is_refused_before_the_board_is_touched(setting, said):
    with pytest.raises(UsageFault, match="--set") as seen:
        parse_conditions(["nonsense=1"], [setting], "pi-zero-aiy")
    assert said in str(seen.value)
    assert "--demand nonsense=1" in str(seen.value)
