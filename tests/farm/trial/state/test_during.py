"""What a board's state while frames ran means for a trial, from what the helper printed."""

import pytest

from devices.atom import AtomE3930
from devices.coral_dev import CoralDev
from devices.jetson_tx2 import JetsonTX2
from devices.pi_zero_aiy import PiZeroAIY
from farm.store.record import VOIDS, AcceleratorFacts, StateFacts
from farm.trial.clock import ClockMap, Offset
from farm.trial.state.asked import Asked
from farm.trial.state.demands import Demands
from farm.trial.state.during import judge
from farm.trial.state.lines import read_life, read_stamped
from farm.trial.state.watch import Watched
from farm.trial.watts import Window

S = 1_000_000_000
SHIFT_S = 1000
"""The board's clock is behind the controller's by so much."""
FIRST_S = 10
"""The first frame is due then, by the board's clock; frames last until 30 s, idle watts begin at 5 s."""


def said(*moments, every_s=1):
    """Return the helper's lines: each moment is (seconds by the board's clock, facts; None: it is gone)."""
    for nth, (at_s, facts) in enumerate(moments):
        head = f"{at_s * S} {(at_s - (every_s if nth else 0)) * S} 1000 {nth + 1} {300 * (nth + 1)} - - -"
        changes = [name if value is None else f"{name}\x1e{value}" for name, value in facts.items()]
        yield "\t".join([head, *changes]).encode()


def quiet(first_s, last_s):
    return [(at_s, {}) for at_s in range(first_s, last_s + 1)]


def told(model, *lives, before=None, why="", **demands):
    board = model("here", None)
    watched = Watched(tuple(read_life(said(*life), board.read_state) for life in lives), why)
    times = ClockMap((Offset(0, SHIFT_S * S, SHIFT_S * S), Offset(40 * S, SHIFT_S * S, SHIFT_S * S)))
    frames = Window((SHIFT_S + FIRST_S) * S, (SHIFT_S + 30) * S)
    asked = Asked(Demands.model_validate(demands), before or StateFacts(), (SHIFT_S + 5) * S, frames)
    during = judge(watched, times, asked)
    assert all(reason.partition(":")[0] in VOIDS for reason in during.voids)
    return during


CALM = {"cooling.thermal-cpufreq-0": "0", "governor.policy0": "performance", "khz.cpu0": "1500000"}


@pytest.mark.parametrize(
    ("model", "calm", "hot", "expected"),
    [
        (CoralDev, CALM, {"cooling.thermal-cpufreq-0": "1"}, "nothing → thermal-cpufreq-0=1"),
        (
            CoralDev,
            CALM | {"apex.temp": "84000", "apex.trip_point0_temp": "85000"},
            {"apex.temp": "85500"},
            "nothing → Edge TPU at or above its first trip, 85 °C",
        ),
        (
            PiZeroAIY,
            {"throttled": "throttled=0x50000"},
            {"throttled": "50005"},
            "since boot under-voltage, throttled → now under-voltage, throttled; since boot under-voltage, throttled",
        ),
        (
            AtomE3930,
            {"throttle.cpu0 core": "0"},
            {"throttle.cpu0 core": "7"},
            "nothing → throttle events since boot: cpu0 core 7",
        ),
    ],
)
def test_a_board_that_holds_itself_back_in_the_middle_voids_the_trial_and_says_when(model, calm, hot, expected):
    during = told(model, [(4, calm), *quiet(5, 21), (22, hot), *quiet(23, 31)])
    assert during.voids == [f"throttled: at 12.0 s: {expected}"]
    assert [(event.kind, event.t_ns) for event in during.events] == [("fault", (SHIFT_S + 22) * S)]


def test_several_changes_of_one_thing_are_one_reason():
    hot, cool = {"cooling.thermal-cpufreq-0": "1"}, {"cooling.thermal-cpufreq-0": "0"}
    during = told(CoralDev, [(4, CALM), *quiet(5, 11), (12, hot), (13, cool), (14, hot), *quiet(15, 31)])
    assert during.voids == ["throttled: at 2.0 s: nothing → thermal-cpufreq-0=1, and 2 more"]
    assert during.facts is not None
    assert [change.is_now for change in during.facts.changes] == [
        "thermal-cpufreq-0=1",
        "nothing",
        "thermal-cpufreq-0=1",
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"governor.policy0": "powersave"}, "settings: governor performance → powersave at 3.0 s"),
        ({"power_mode_kept": "pmode:0000"}, "settings: power mode MAXP_CORE_ARM → id 0 at 3.0 s"),
        ({"khz.cpu3": None}, "settings: cores 0, 3 → 0 at 3.0 s"),
    ],
)
def test_somebody_elses_hand_on_the_settings_voids_the_trial(facts, expected):
    calm = {
        "governor.policy0": "performance",
        "power_mode": "NV Power Mode: MAXP_CORE_ARM 3",
        "power_mode_kept": "pmode:0003",
    }
    calm |= {"khz.cpu0": "2035200", "khz.cpu3": "2035200"}
    assert told(JetsonTX2, [(4, calm), *quiet(5, 12), (13, facts), *quiet(14, 31)]).voids == [expected]


def test_what_could_not_be_read_for_a_moment_is_held_against_what_was_read_last():
    back = [(13, {"governor.policy0": None}), (14, {}), (15, {"governor.policy0": "powersave"}), *quiet(16, 31)]
    assert told(CoralDev, [(4, CALM), *quiet(5, 12), *back]).voids == [
        "settings: governor performance → powersave at 5.0 s"
    ]
    back[2] = (15, {"governor.policy0": "performance"})
    assert told(CoralDev, [(4, CALM), *quiet(5, 12), *back]).voids == []


@pytest.mark.parametrize(
    ("at_s", "voids"),
    [
        (4, []),  # before anything was measured
        (7, ["settings: governor performance → powersave 3.0 s before the first frame"]),  # idle watts are
        (30, ["settings: governor performance → powersave at 20.0 s"]),
        (31, []),  # while images are scored
    ],
)
def test_what_changes_when_nothing_is_measured_voids_nothing(at_s, voids):
    during = told(
        CoralDev, [(3, CALM), *quiet(4, at_s - 1), (at_s, {"governor.policy0": "powersave"}), *quiet(at_s + 1, 35)]
    )
    assert during.voids == voids
    assert during.facts is not None
    assert during.facts.watched == 1.0
    assert [change.voids for change in during.facts.changes] == [bool(voids)]


def test_what_may_have_changed_before_the_last_frame_was_done_counts_as_if_it_had():
    life = [(3, CALM), *quiet(4, 29), (31, {"governor.policy0": "powersave"})]
    lines = [line.replace(f" {30 * S} ".encode(), f" {29 * S} ".encode()) for line in said(*life)]
    watched = Watched((read_life(lines, CoralDev("here", None).read_state),))
    asked = Asked(Demands(), StateFacts(), 5 * S, Window(10 * S, 30 * S))
    times = ClockMap((Offset(0, 0, 0), Offset(40 * S, 0, 0)))
    assert judge(watched, times, asked).voids == ["settings: governor performance → powersave at 21.0 s"]


def test_a_link_that_comes_back_slower_voids_the_trial():
    before = StateFacts(accelerators=[AcceleratorFacts(kind="coral-usb", port="2-1", link_mbps=5000)])
    slow = [(4, CALM | {"link.2-1": "5000"}), *quiet(5, 12), (13, {"link.2-1": "480"}), *quiet(14, 31)]
    assert told(AtomE3930, slow, before=before).voids == [
        "link: coral-usb on port 2-1 5000 Mbit/s → 480 Mbit/s at 3.0 s"
    ]
    gone = [(4, CALM | {"link.2-1": "5000"}), *quiet(5, 12), (13, {"link.2-1": None}), *quiet(14, 31)]
    assert told(AtomE3930, gone, before=before).voids == ["link: coral-usb on port 2-1 5000 Mbit/s → gone at 3.0 s"]


@pytest.mark.parametrize(
    ("demands", "facts", "expected"),
    [
        (
            {"min_cpu_hz": 1.3e9},
            {"khz.cpu0": "600000"},
            "demand: min_cpu_hz: wanted >= 1300 MHz, got 600 MHz (cpu0) at 3.0 s",
        ),
        (
            {"max_celsius": 60},
            {"celsius.0": "60500"},
            "demand: max_celsius: wanted <= 60.0 °C, got 60.5 °C (cpu) at 3.0 s",
        ),
        (
            {"min_memory_free_bytes": 500_000_000},
            {"memory_kb": "100000"},
            "demand: min_memory_free_bytes: wanted >= 500,000,000 bytes, got 102,400,000 bytes at 3.0 s",
        ),
        (
            {"governor": "performance"},
            {"governor.policy0": "powersave"},
            "settings: governor performance → powersave at 3.0 s",
        ),
    ],
)
def test_a_demand_that_is_broken_in_the_middle_voids_the_trial_and_says_when(demands, facts, expected):
    calm = CALM | {"zone.0": "cpu", "celsius.0": "45000", "memory_kb": "900000"}
    board = CoralDev("here", None)
    before = StateFacts.model_validate(board.read_state(calm), from_attributes=True)
    during = told(CoralDev, [(4, calm), *quiet(5, 12), (13, facts), *quiet(14, 31)], before=before, **demands)
    assert during.voids == [expected]
    (demand,) = during.demands
    assert not demand.held
    kept = told(CoralDev, [(4, calm), *quiet(5, 31), (32, facts)], before=before, **demands)
    assert kept.voids == []
    assert kept.demands[0].held


def test_a_link_that_drops_leaves_a_hole_that_is_told_and_a_demand_that_nobody_watched_is_no_verdict():
    lives = [[(4, CALM), *quiet(5, 15)], [(20, CALM), *quiet(21, 31)]]
    why = "here: the connection broke"
    before = StateFacts(governor="performance")
    during = told(CoralDev, *lives, before=before, why=why, governor="performance")
    assert during.voids == [f"unwatched: governor: nothing is known of 5.0 to 10.0 s ({why})"]
    assert during.facts is not None
    assert (during.facts.watched, during.facts.unwatched_s) == (0.75, [(5.0, 10.0)])
    assert [event.what for event in during.events] == ["state unknown"]
    without = told(CoralDev, *lives, before=before, why=why)
    assert without.voids == []
    assert without.warnings == [f"state: nothing is known of 5.0 to 10.0 s ({why})"]


def test_a_hole_shorter_than_a_tenth_of_the_frames_is_borne_and_what_changed_in_it_is_not():
    lives = [[(4, CALM), *quiet(5, 15)], [(17, CALM), *quiet(18, 31)]]
    before = StateFacts(governor="performance")
    assert told(CoralDev, *lives, before=before, governor="performance").voids == []
    lives[1][0] = (17, CALM | {"governor.policy0": "powersave"})
    assert told(CoralDev, *lives, before=before).voids == ["settings: governor performance → powersave at 7.0 s"]


def test_readings_that_had_to_wait_leave_a_hole_too():
    lines = list(said((4, CALM), *quiet(5, 12)))
    lines += [f"{20 * S} {12 * S} 1000 11 3300 - - -".encode(), *said(*quiet(21, 31))]
    watched = Watched((read_life(lines, CoralDev("here", None).read_state),))
    times = ClockMap((Offset(0, 0, 0), Offset(40 * S, 0, 0)))
    asked = Asked(Demands(), StateFacts(), 5 * S, Window(10 * S, 30 * S))
    facts = judge(watched, times, asked).facts
    assert facts is not None
    assert facts.unwatched_s == [(2.0, 10.0)]


def test_a_board_that_was_not_watched_at_all_has_no_state_during_and_nothing_is_held_to_have_been_kept():
    during = told(CoralDev, before=StateFacts(governor="performance"), why="no python3", governor="performance")
    assert during.facts is None
    assert during.voids == ["unwatched: governor: nothing is known of 0.0 to 20.0 s (no python3)"]
    assert during.demands[0].during is None


def test_what_was_watched_throughout_is_not_held_against_the_look_afterwards_and_nothing_else_is():
    calm = {"governor.policy0": "performance"}
    whole, torn = [[(4, calm), *quiet(5, 31)]], [[(4, calm), *quiet(5, 15)], [(20, calm), *quiet(21, 31)]]
    assert told(AtomE3930, *whole).decides >= {"governor", "accelerators"}
    assert told(AtomE3930, *torn).decides == frozenset()
    assert "governor" not in told(AtomE3930, [(4, {}), *quiet(5, 31)]).decides


def test_extremes_are_those_of_the_frames():
    calm = CALM | {"zone.0": "cpu", "celsius.0": "45000", "memory_kb": "900000"}
    life = [(4, calm), (6, {"celsius.0": "80000"}), (9, {"celsius.0": "50000"}), *quiet(10, 12)]
    life += [(13, {"celsius.0": "61500", "khz.cpu0": "800000", "memory_kb": "200000"}), (14, CALM), *quiet(15, 31)]
    facts = told(CoralDev, [*life, (33, {"celsius.0": "90000"})]).facts
    assert facts is not None
    assert (facts.celsius_max, facts.clock_min_hz) == ({"cpu": 61.5}, {"cpu0": 800_000_000})
    assert facts.memory_free_min_bytes == 204_800_000
    assert facts.cpu_ms == pytest.approx(0.3)


def ticked(at_s, busy, total, own):
    return f"{at_s * S} {(at_s - 1) * S} 1000 {at_s} 300 {busy} {total} {own}".encode()


@pytest.mark.parametrize(
    ("own", "demands", "voids", "warned"),
    [
        (1900, {}, [], 0),
        (1000, {}, [], 1),
        (1000, {"max_other_load": 0.2}, ["demand: max_other_load: wanted <= 20 %, got 28 % over the frames"], 0),
        (1900, {"max_other_load": 0.2}, [], 0),
        (0, {"max_other_load": 0.2}, ["unwatched: max_other_load: the board does not tell while frames run"], 0),
        ("-", {"max_other_load": 0.2}, ["unwatched: max_other_load: the board does not tell while frames run"], 0),
    ],
)
def test_other_load_is_what_the_processors_did_beyond_the_runner(own, demands, voids, warned):
    lines = [ticked(4, 100, 1000, 0 if own != "-" else "-")]
    lines += [ticked(9, 200, 2000, 100 if own != "-" else "-"), ticked(31, 2200, 6000, own)]
    life = read_life(lines, CoralDev("here", None).read_state)
    watched = Watched((life,))
    times = ClockMap((Offset(0, 0, 0), Offset(40 * S, 0, 0)))
    asked = Asked(Demands.model_validate(demands), StateFacts(other_load=0.0), 5 * S, Window(10 * S, 30 * S))
    during = judge(watched, times, asked)
    assert during.voids == voids
    assert len([one for one in during.warnings if one.startswith("load: ")]) == warned


@pytest.mark.parametrize("torn", [b"", b"12 13", b"Killed", b"1 1 1 1 1 - -\tgovernor\x1eperformance"])
def test_of_what_comes_after_a_torn_line_nothing_is_known(torn):
    lines = list(said((4, CALM), *quiet(5, 9)))
    life = read_life([torn, *lines[:3], torn, *lines[3:]], CoralDev("here", None).read_state)
    assert [sample.t_ns // S for sample in life.samples] == [4, 5, 6]
    assert life.stretches() == [(4 * S, 6 * S)]


def test_a_stamped_line_that_was_cut_off_is_no_earlier_moment():
    """A shell's line ends with its time: half of that is a number, too."""
    lines = [
        f"1000 {n} 0 - - -\tgovernor.policy0\x1e{name} {1000 + n}"
        for n, name in enumerate(("powersave", "performance"))
    ]
    life = read_stamped([line.encode() for line in (*lines, lines[1][:-2])], CoralDev("here", None).read_state)
    assert [(one.t_ns, one.before_ns, one.state.governor) for one in life.samples] == [
        (1000, 1000, "powersave"),
        (1001, 1000, "performance"),
    ]
