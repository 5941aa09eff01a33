"""Board time as an interval that holds the truth."""

import random
import threading
import time

import pytest

from devices.errors import ConnectionLost
from devices.shell import STANDING_S, Line
from farm.errors import LabFault
from farm.trial import clock_watch
from farm.trial.around import MOST_S
from farm.trial.clock import ClockMap, Offset, Probe, intersect
from farm.trial.clock_watch import ClockWatch
from farm.trial.scenario import FixedRate, SingleStream

START_NS = 5_000_000_000_000
S = 1_000_000_000


class Boards:
    """A clock that is off by ``offset_ns`` and fast by ``ppm``."""

    def __init__(self, offset_ns, ppm):
        self.offset_ns, self.ppm = offset_ns, ppm

    def reads(self, controller_ns):
        return controller_ns - self.offset_ns + (controller_ns - START_NS) * self.ppm // 1_000_000

    def true_offset_ns(self, controller_ns):
        return controller_ns - self.reads(controller_ns)


class Slewed(Boards):
    """The same, and faster by ``by_ppm`` for a while."""

    def __init__(self, offset_ns, ppm, *, from_ns, until_ns, by_ppm):
        super().__init__(offset_ns, ppm)
        self.from_ns, self.until_ns, self.by_ppm = from_ns, until_ns, by_ppm

    def reads(self, controller_ns):
        slewed_ns = max(0, min(controller_ns, self.until_ns) - self.from_ns)
        return super().reads(controller_ns) + slewed_ns * self.by_ppm // 1_000_000


def probes(clock, begin_ns, random_delay, count=50):
    now_ns = begin_ns
    for _ in range(count):
        sent_ns = now_ns
        reads_ns = sent_ns + random_delay()
        now_ns = reads_ns + random_delay()
        yield Probe(sent_ns, clock.reads(reads_ns), now_ns)


def slowly(seed):
    dice = random.Random(seed)
    return lambda: int(dice.expovariate(1 / 200_000)) + 20_000


def followed(clock, delay, seconds, every_s=1):
    """What a watch finds from a start to an end, ``seconds`` later."""
    later_ns = START_NS + seconds * S
    between = range(START_NS + every_s * S, later_ns, every_s * S)
    asked = [next(probes(clock, at_ns, delay, 1)).offset for at_ns in between]
    ends = [intersect("b", list(probes(clock, at_ns, delay))) for at_ns in (START_NS, later_ns)]
    return ClockMap.of("b", [ends[0], *asked, ends[1]])


@pytest.mark.parametrize("ppm", [-50, 0, 50])
@pytest.mark.parametrize("seed", range(5))
def test_the_true_offset_lies_inside_the_bound_during_the_whole_trial(ppm, seed):
    clock = Boards(17_123_456_789_012, ppm)
    times = followed(clock, slowly(seed), 60)
    assert times.bound_ns < 1_000_000
    for at_ns in range(START_NS, START_NS + 60 * S, S // 7):
        board_ns = clock.reads(at_ns)
        low_ns, high_ns = times.interval_ns(board_ns)
        assert low_ns <= clock.true_offset_ns(at_ns) <= high_ns
        assert abs(times.to_controller_ns(board_ns) - at_ns) <= times.bound_ns
    if ppm:
        assert times.drift_ppm == pytest.approx(ppm, abs=3)
    else:
        assert times.drift_ppm is None or abs(times.drift_ppm) < 3


@pytest.mark.parametrize("seed", range(5))
def test_a_clock_that_ntp_slews_in_mid_trial_is_followed(seed):
    clock = Slewed(-3 * S, 20, from_ns=START_NS + 11 * S, until_ns=START_NS + 34 * S, by_ppm=500)
    times = followed(clock, slowly(seed), 60)
    assert times.bound_ns < 1_000_000
    errors_ns = [
        times.offset_ns(clock.reads(at_ns)) - clock.true_offset_ns(at_ns)
        for at_ns in range(START_NS, START_NS + 60 * S, S // 7)
    ]
    assert max(map(abs, errors_ns)) <= times.bound_ns


def test_without_questions_in_between_the_bound_grows_with_the_time_and_stays_true():
    clock = Slewed(5 * S, 0, from_ns=START_NS + 5 * S, until_ns=START_NS + 10 * S, by_ppm=-500)
    times = followed(clock, slowly(1), 10, every_s=10)
    assert 1_000_000 < times.bound_ns < 4_000_000
    at_ns = START_NS + 5 * S
    assert abs(times.offset_ns(clock.reads(at_ns)) - clock.true_offset_ns(at_ns)) <= times.bound_ns


def test_many_probes_know_more_than_the_best_of_them():
    asked = [Probe(0, 60, 100), Probe(1000, 1010, 1100)]
    offset = intersect("b", asked)
    assert (offset.low_ns, offset.high_ns) == (-11, 40)  # 1 ns for what the clocks may drift between the two
    assert offset.bound_ns < 50


def test_a_clock_that_jumps_while_it_is_looked_at_is_a_lab_fault():
    with pytest.raises(LabFault, match="b: its clock jumped"):
        intersect("b", [Probe(0, 50, 100), Probe(1000, 9_001_050, 1100)])


@pytest.mark.parametrize("after", [Offset(100, 0, 2), Offset(2_000_000_000, 9_000_000, 9_000_002)])
def test_a_clock_that_started_anew_during_the_trial_is_a_lab_fault(after):
    with pytest.raises(LabFault, match="reboot"):
        ClockMap.of("b", [Offset(1_000_000_000, 0, 2), after])


def test_a_helper_on_the_board_is_asked_over_one_channel_until_the_trial_ends(local_bench):
    with ClockWatch(local_bench(shift_s=-77).shell, every_s=0.01) as watch:
        first = watch.now
        while len(watch._offsets) < 5:
            time.sleep(0.01)
        times = watch.finish()
    assert first.low_ns <= 77 * S <= first.high_ns
    assert len(times.offsets) >= 6
    for offset in times.offsets:
        assert offset.low_ns <= 77 * S <= offset.high_ns
    assert [offset.board_ns for offset in times.offsets] == sorted(offset.board_ns for offset in times.offsets)


LATE = """#!/bin/sh
# answers the 60th question only after the next one was asked, and then both
while read number; do
    now=$(date +%s%N)
    case $number in
        60) late="60 $now" ;;
        *) [ -n "$late" ] && echo "$late"; late=; echo "$number $now" ;;
    esac
done
"""


def test_an_answer_that_comes_too_late_is_never_taken_for_the_next_one(local_bench, tmp_path, monkeypatch):
    shell = local_bench().shell
    (tmp_path / "bin" / "python3").write_text(LATE)
    monkeypatch.setattr(clock_watch, "_PROBE_TIMEOUT_S", 0.3)
    with ClockWatch(shell, every_s=0.01) as watch:
        while watch._asked < 65:
            time.sleep(0.01)
        times = watch.finish()
    assert times.bound_ns < 300_000_000


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no libc here; cat", "its python3 answers: 'no libc here'"),
        ("echo no libc here >&2; exit 127", "its python3 ends with status 127: 'no libc here'"),
    ],
)
def test_a_board_that_cannot_tell_the_time_is_named(local_bench, tmp_path, script, said):
    shell = local_bench().shell
    (tmp_path / "bin" / "python3").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(LabFault) as seen, ClockWatch(shell):
        pass
    assert str(seen.value).startswith(f"here: asked for its time, {said}")


ENDS = """#!/bin/sh
n=0
while [ $n -lt 55 ] && read number; do n=$((n + 1)); echo "$number $(date +%s%N)"; done
"""


def test_a_helper_that_ends_in_mid_trial_is_told_at_the_trials_end(local_bench, tmp_path):
    shell = local_bench().shell
    (tmp_path / "bin" / "python3").write_text(ENDS)
    with ClockWatch(shell, every_s=0.01) as watch:
        while watch._fault is None:
            time.sleep(0.01)
        with pytest.raises((ConnectionLost, LabFault)):
            watch.finish()


class Helpers:
    """A way to a board whose first link breaks; ``second`` makes the next one."""

    name = "here"

    def __init__(self, second):
        self.second, self.made, self.ended = second, [], []
        self.breaks, self.twice = threading.Event(), threading.Event()

    def stream(self, _command, *, timeout_s):
        assert timeout_s == STANDING_S
        made = Telling(self) if not self.made else self.second(self)
        self.made.append(made)
        return made


class Telling:
    """Tells the time until its link breaks."""

    def __init__(self, shell):
        self.shell, self.asked = shell, b""

    def send(self, data):
        if self.shell.breaks.is_set():
            raise ConnectionLost("here", "the link broke")
        self.asked = data.strip()

    def readline(self, *, timeout_s):
        said = self.asked + b" %d" % time.monotonic_ns()
        return Line(time.monotonic_ns(), said)

    def exit_status(self, *, timeout_s):
        raise ConnectionLost("here", "no exit status")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shell.ended.append(self)
        if len(self.shell.ended) == 2:
            self.shell.twice.set()


class Chatty(Telling):
    def send(self, data):
        pass

    def readline(self, *, timeout_s):
        return Line(time.monotonic_ns(), b"welcome")


def test_a_helper_that_is_just_begun_when_the_trial_ends_is_ended_too():
    begins = threading.Event()

    def slowly(shell):
        begins.set()
        assert shell.twice.wait(10)  # the first one by the thread, and by the trial's end
        return Telling(shell)

    def trial(shell):
        with ClockWatch(shell, every_s=0.01):
            shell.breaks.set()
            assert begins.wait(10)
            raise InterruptedError

    shell = Helpers(slowly)
    with pytest.raises(InterruptedError):
        trial(shell)
    assert len(shell.made) == 2
    assert shell.ended[-1] is shell.made[-1]


def test_a_helper_that_tells_no_time_after_a_broken_link_is_told_at_the_trials_end():
    shell = Helpers(Chatty)
    with ClockWatch(shell, every_s=0.01) as watch:
        shell.breaks.set()
        watch._thread.join(10)
        with pytest.raises(LabFault, match="its python3 answers: 'welcome'"):
            watch.finish()


@pytest.mark.parametrize("longest", [SingleStream(MOST_S), FixedRate(5, MOST_S)], ids=lambda one: one.name)
def test_what_is_asked_during_a_trial_stands_longer_than_any_trial_takes(longest):
    assert longest.limit_s + 2 * MOST_S + MOST_S < STANDING_S  # idle before and after, and what is scored
