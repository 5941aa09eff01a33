"""Stages of a frame against a load whose joules are known exactly."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from power import parts as parts_module
from power.block import Block
from power.budget import Term
from power.energy import energy
from power.meter import Accuracy, Tolerance
from power.parts import Joules, Part, joules_of, with_meter

MS = 1_000_000
S = 1_000 * MS
BEGIN_NS = 40_000 * S
"""Eleven hours after a boot: float seconds would tell no microseconds apart any more."""
IDLE, WATTS = 2.0, {"convert": 4.0, "infer": 7.0}
LENGTHS_MS = {"convert": 5.0, "infer": 12.0}
GAIN, OFFSET = 0.01, 0.02
ACCURACY = Accuracy(None, None, "made up", watts=Tolerance(GAIN, OFFSET))


@dataclass(frozen=True)
class Load:
    """Watts that are constant between corners."""

    corner_ns: np.ndarray
    joules: np.ndarray
    parts: dict[str, Part]
    end_ns: int

    def mean_watts(self, begin_ns, end_ns):
        t_s = (self.corner_ns - BEGIN_NS) / 1e9
        upto = [np.interp((at - BEGIN_NS) / 1e9, t_s, self.joules) for at in (begin_ns, end_ns)]
        return (upto[1] - upto[0]) * 1e9 / (end_ns - begin_ns)


def load(rng, *, frames=200, rate_hz=20.0, ramp=0.0, jitter=0.1):
    """Frames of two stages, hardly one as long as the one before.

    ``ramp``: at its end, infer takes so many watts more than at its beginning.
    """
    first_ns = BEGIN_NS + 2 * S
    due_ns = first_ns + (np.arange(frames) * 1e9 / rate_hz).astype(np.int64)
    corners, levels, parts, at_ns = [BEGIN_NS], [], {}, due_ns.copy()
    for name, length_ms in LENGTHS_MS.items():
        spent_ns = (length_ms * MS * rng.uniform(1 - jitter, 1 + jitter, frames)).astype(np.int64)
        parts[name] = Part(at_ns, at_ns + spent_ns)
        at_ns = at_ns + spent_ns
    for frame in range(frames):
        corners.append(int(parts["convert"].start_ns[frame]))
        levels += [IDLE, WATTS["convert"]]
        start, end = (int(edge[frame]) for edge in (parts["infer"].start_ns, parts["infer"].end_ns))
        steps = 8 if ramp else 1
        corners += [start + (end - start) * step // steps for step in range(steps)]
        levels += [WATTS["infer"] + ramp * ((step + 0.5) / steps - 0.5) for step in range(steps - 1)]
        levels.append(WATTS["infer"] + ramp * (0.5 - 0.5 / steps))
        corners.append(end)
    end_ns = int(due_ns[-1]) + int(1e9 / rate_hz)
    corners.append(end_ns + 2 * S)
    levels.append(IDLE)
    corner_ns = np.array(corners)
    spent = np.array(levels) * np.diff(corner_ns) / 1e9
    return Load(corner_ns, np.concatenate([[0.0], np.cumsum(spent)]), parts, end_ns)


def readings(rng, truth, *, rate_hz, aperture_s=None, gain=0.0, offset=0.0, late_ns=0, noise=0.01, drift=0.0):
    """What a meter tells of it: means over its apertures, wrong as a meter is."""
    half_ns = int((aperture_s or 1 / rate_hz) * S) // 2
    period_ns = int(S / rate_hz)
    t_ns = np.arange(BEGIN_NS + S + int(rng.integers(period_ns)), truth.end_ns + S, period_ns)
    watts = truth.mean_watts(t_ns - half_ns, t_ns + half_ns) * (1 + gain) + offset
    watts = watts + rng.normal(0, noise, len(t_ns)) + drift * np.linspace(0, 1, len(t_ns))
    none = np.full(len(t_ns), np.nan)
    return Block(t_ns + late_ns, none, none, np.zeros(len(t_ns), np.uint8), watts)


def found(truth, block, *, rate_hz, bound_ns, aperture_s=None) -> dict[str, Joules]:
    start_ns, aperture_s = BEGIN_NS + 2 * S, aperture_s or 1 / rate_hz
    told = joules_of(
        truth.parts, block, start_ns, truth.end_ns, rate_hz=rate_hz, aperture_s=aperture_s, bound_ns=bound_ns
    )
    assert told is not None
    whole = energy(
        block, start_ns, truth.end_ns, rate_hz=rate_hz, aperture_s=aperture_s, accuracy=ACCURACY, clock_bound_ns=0
    )
    frames = len(truth.parts["infer"].start_ns)
    return {name: with_meter(part, whole.terms, whole.joules, whole.seconds, frames) for name, part in told.items()}


def exact(truth, name):
    return WATTS[name] * truth.parts[name].seconds


@pytest.mark.parametrize("rate_hz", [1000.0, 97.0])
def test_stages_have_their_exact_joules_where_readings_are_exact(rate_hz):
    rng = np.random.default_rng(1)
    truth = load(rng)
    block = readings(rng, truth, rate_hz=rate_hz, noise=0.0)
    for name, got in found(truth, block, rate_hz=rate_hz, bound_ns=0).items():
        assert got.joules == pytest.approx(exact(truth, name), rel=1e-6)


def test_readings_longer_than_a_stage_still_tell_it_when_thousands_are_alike():
    rng = np.random.default_rng(2)
    truth = load(rng, frames=1200)
    block = readings(rng, truth, rate_hz=97.0, noise=0.05)
    got = found(truth, block, rate_hz=97.0, bound_ns=100_000)["convert"]
    assert got.u_joules < 0.1 * got.joules
    assert got.joules == pytest.approx(exact(truth, "convert"), abs=got.u_joules)


def held(runs, draw):
    """Return the share of the intervals, over runs and stages, that hold the truth, gross and above idle."""
    inside = {"gross": 0, "above idle": 0}
    for run in range(runs):
        truth, block, told = draw(np.random.default_rng(run))
        idle = float(block.watts[block.t_ns < BEGIN_NS + 2 * S - 100 * MS].mean())
        for name, got in told.items():
            above, seconds = got.above([idle]), truth.parts[name].seconds
            inside["gross"] += abs(got.joules - exact(truth, name)) <= got.u_joules
            inside["above idle"] += abs(above.joules - (WATTS[name] - IDLE) * seconds) <= above.u_joules
    return {what: count / (runs * len(WATTS)) for what, count in inside.items()}


@pytest.mark.parametrize("bound_ns", [0, MS])
@pytest.mark.parametrize("ramp", [0.0, 3.0])
def test_the_stated_interval_holds_the_truth(ramp, bound_ns):
    """Gain, offset, time and noise as the meter states them, and readings that fit into a stage or do not."""

    def draw(rng):
        truth = load(rng, frames=100, ramp=ramp)
        rate_hz = float(rng.choice([97.0, 400.0, 1000.0]))
        late_ns = int(rng.uniform(-bound_ns, bound_ns))
        wrong = {"gain": rng.uniform(-GAIN, GAIN), "offset": rng.uniform(-OFFSET, OFFSET)}
        wrong |= {"late_ns": late_ns, "noise": 0.1}
        block = readings(rng, truth, rate_hz=rate_hz, **wrong)
        return truth, block, found(truth, block, rate_hz=rate_hz, bound_ns=bound_ns)

    share = held(100, draw)
    assert share["gross"] >= 0.93
    assert share["above idle"] >= 0.93


def test_the_test_above_can_fail():
    """Times that are off by more than is stated push the interval off the truth."""

    def draw(rng):
        truth = load(rng, frames=100)
        block = readings(rng, truth, rate_hz=400.0, late_ns=int(rng.choice([-2, 2])) * MS)
        return truth, block, found(truth, block, rate_hz=400.0, bound_ns=0)

    assert held(40, draw)["gross"] < 0.7


def test_an_offset_counts_in_the_gross_and_cancels_above_idle():
    rng = np.random.default_rng(3)
    truth = load(rng)
    block = readings(rng, truth, rate_hz=1000.0, offset=OFFSET, noise=0.0)
    got = found(truth, block, rate_hz=1000.0, bound_ns=0)["infer"]
    seconds = truth.parts["infer"].seconds
    assert got.joules - exact(truth, "infer") == pytest.approx(OFFSET * seconds, rel=1e-3)
    assert abs(got.joules - exact(truth, "infer")) <= got.u_joules
    above = got.above([IDLE + OFFSET])
    assert above.joules == pytest.approx((WATTS["infer"] - IDLE) * seconds, rel=1e-3)
    assert above.u_joules < got.u_joules


def test_what_volts_and_amps_read_apart_leave_open_may_all_be_in_one_part():
    whole = [Term("pairing", 20.0, "full"), Term("sampling", 9.0, "normal")]
    got = with_meter(Joules(0.01, 0.05, ()), whole, joules=100.0, seconds=50.0, frames=1000)
    assert [(term.name, term.joules) for term in got.terms] == [("pairing", 0.02)]
    assert got.above([1.0]).terms[0].joules == 0.02, "idling has no share in it"


def test_a_row_in_which_a_reading_is_missing_is_left_out():
    none, t_ns = np.full(1000, np.nan), BEGIN_NS + np.arange(1000) * 1_010_000  # a hundredth slower than it says
    block = Block(t_ns, none, none, np.zeros(1000, np.uint8), np.ones(1000))
    missing = np.arange(1000) == 507
    ((middles_ns, watts),) = parts_module._in_a_row(block.pick(~missing), BEGIN_NS, BEGIN_NS + 2 * S, 10)
    assert len(middles_ns) == len(watts) == 98, "of 99 whole rows"
    assert not np.any((middles_ns > t_ns[500]) & (middles_ns < t_ns[510]))


def test_idle_watts_that_moved_widen_what_is_above_them():
    part = Joules(0.01, 0.05, ())
    assert part.above([2.0, 2.0]).u_joules == 0
    assert part.above([1.0, 3.0]).u_joules == pytest.approx(0.01 * 0.95, rel=0.02)


def test_parts_and_the_rest_add_up_to_all_that_was_read():
    rng = np.random.default_rng(4)
    truth = load(rng)
    block = readings(rng, truth, rate_hz=1000.0, noise=0.2)
    rest = Part(truth.parts["infer"].end_ns[:-1], truth.parts["convert"].start_ns[1:])
    got = found(replace(truth, parts={**truth.parts, "pause": rest}), block, rate_hz=1000.0, bound_ns=0)
    frames = len(truth.parts["infer"].start_ns)
    joules = sum(got[name].joules * frames for name in truth.parts) + got["pause"].joules * (frames - 1)
    inside = (block.t_ns > BEGIN_NS + 2 * S) & (block.t_ns < truth.end_ns)
    whole = float(block.watts[inside].mean()) * (truth.end_ns - BEGIN_NS - 2 * S) / 1e9
    last = (truth.end_ns - int(truth.parts["infer"].end_ns[-1])) / 1e9
    assert joules + IDLE * last == pytest.approx(whole, rel=0.01)


def test_slow_drift_of_the_board_is_scatter_and_not_a_stage():
    rng = np.random.default_rng(5)
    truth = load(rng, jitter=0.0)
    steady, drifting = (
        found(truth, readings(rng, truth, rate_hz=1000.0, drift=watts), rate_hz=1000.0, bound_ns=0)["infer"]
        for watts in (0.0, 4.0)
    )
    assert drifting.u_joules > 2 * steady.u_joules
    mean_drift = 2.0 * truth.parts["infer"].seconds
    assert drifting.joules == pytest.approx(exact(truth, "infer") + mean_drift, abs=drifting.u_joules)


def test_readings_in_step_with_the_frames_tell_nothing_apart():
    rng = np.random.default_rng(6)
    truth = load(rng, jitter=0.0)
    block = readings(rng, truth, rate_hz=20.0)
    start_ns = BEGIN_NS + 2 * S
    assert joules_of(truth.parts, block, start_ns, truth.end_ns, rate_hz=20.0, aperture_s=0.05, bound_ns=0) is None


def test_a_handful_of_readings_tells_nothing():
    rng = np.random.default_rng(7)
    truth = load(rng, frames=10)
    block = readings(rng, truth, rate_hz=20.0)
    assert (
        joules_of(truth.parts, block, BEGIN_NS + 2 * S, truth.end_ns, rate_hz=20.0, aperture_s=0.05, bound_ns=0) is None
    )


class Cut:
    """Readings in pieces of a few."""

    def __init__(self, whole, size):
        self.whole, self.size = whole, size

    def __len__(self):
        return len(self.whole)

    def pieces(self, start_ns=None, end_ns=None):
        for at in range(0, len(self.whole), self.size):
            yield self.whole.pick(slice(at, at + self.size))


def in_pieces(truth, block, size, *, rate_hz, bound_ns=0):
    edges_ns = (BEGIN_NS + 2 * S, truth.end_ns)
    told = {"rate_hz": rate_hz, "aperture_s": 1 / rate_hz, "bound_ns": bound_ns}
    got = joules_of(truth.parts, Cut(block, size), *edges_ns, **told)
    assert got is not None
    return got


def test_a_trace_in_pieces_tells_the_same():
    rng = np.random.default_rng(8)
    truth = load(rng, frames=100)
    block = readings(rng, truth, rate_hz=1000.0)
    block.watts[::97] = np.nan
    whole, cut = (in_pieces(truth, block, size, rate_hz=1000.0, bound_ns=100_000) for size in (100_000, 333))
    for name, part in whole.items():
        assert cut[name].joules == pytest.approx(part.joules, rel=1e-9)
        assert cut[name].u_joules == pytest.approx(part.u_joules, rel=1e-6)


def test_of_very_many_readings_means_tell_what_the_joules_between_the_edges_are():
    """Held against the other way: the running joules at each part's begin and end."""
    rng = np.random.default_rng(9)
    truth = load(rng, frames=40)
    block = readings(rng, truth, rate_hz=50_000.0, noise=0.1)
    lost = (block.t_ns // (30 * MS) % 5 == 0) & (block.t_ns // 100_000 % 7 == 0)
    assert lost.sum() > 500
    got = in_pieces(truth, block.pick(~lost), 5000, rate_hz=50_000.0)
    upto = np.concatenate([[0.0], np.cumsum(block.watts) * 20e-6])
    borders_ns = np.append(block.t_ns - 10_000, block.t_ns[-1] + 10_000)
    for name, part in truth.parts.items():
        between = np.interp(part.end_ns, borders_ns, upto) - np.interp(part.start_ns, borders_ns, upto)
        assert got[name].joules == pytest.approx(between.mean(), rel=5e-3)
        assert got[name].joules == pytest.approx(exact(truth, name), abs=got[name].u_joules)
