"""Limits as data, and what on this machine they come to."""

import pytest

from farm.cli.predict import LIMITS, MODELS
from farm.errors import UsageFault
from farm.trial.prediction import host
from farm.trial.prediction.kernels import environment, warning
from farm.trial.prediction.limits import NAMES, PROCESSORS, limits_of
from farm.trial.prediction.mechanism import choose, offered, quota_of, share_of

NONE = (None, "there are none")


def test_the_command_line_names_the_models_and_limits_that_there_are():
    assert MODELS.split() == list(PROCESSORS)
    assert LIMITS.split() == list(NAMES)


def test_every_limit_says_where_it_comes_from():
    limits = limits_of("atom-e3940")
    assert (limits.cores, limits.clock_hz, limits.memory_bytes) == (4, 1.6e9, 8 << 30)
    assert limits.sources["clock_hz"].startswith("Intel's product specifications, x5-E3940")
    assert limits.sources["clock_hz"].endswith("base clock")
    other = limits_of("atom-e3940", ["clock_hz=1.8e9", "cores=1"])
    assert (other.sources["clock_hz"], other.sources["cores"]) == ("--limit", "--limit")


def test_all_that_is_wrong_with_limits_is_told_at_once():
    with pytest.raises(UsageFault) as seen:
        limits_of("atom-e3930", ["clok_hz=1", "cores=1.5", "share=2", "memory_bytes=-1", "threads=many"])
    assert [fault.partition(": ")[2] for fault in seen.value.faults] == [
        'want NAME=VALUE; did you mean "clock_hz"?',
        "is no whole number",
        "is more than all of a core's time",
        "is not a positive number",
        "could not convert string to float: 'many'",
    ]
    with pytest.raises(UsageFault, match="what the two clocks would"):
        limits_of("deeplens", ["share=0.1", "clock_hz=1e9"])


def test_a_limit_that_is_said_twice_and_not_the_same_is_refused():
    assert limits_of("atom-e3940", ["cores=2", "cores=2"]).cores == 2
    with pytest.raises(UsageFault, match="--limit cores: 2 and 1 contradict each other; give one"):
        limits_of("atom-e3940", ["cores=2", "cores=1"])


def test_a_board_of_another_family_cannot_be_predicted():
    with pytest.raises(UsageFault, match="--model jetson-tx2: only a board with a processor of this machine's family"):
        limits_of("jetson-tx2")


def test_the_share_of_a_core_is_the_clock_of_the_board_over_this_machines(a_host):
    assert share_of(limits_of("atom-e3930"), a_host()) == pytest.approx(0.5)
    assert share_of(limits_of("atom-e3930", ["host_clock_hz=3.9e9"]), a_host()) == pytest.approx(1 / 3)
    assert share_of(limits_of("atom-e3930", ["share=0.2"]), a_host(clock_hz=None)) == 0.2
    with pytest.raises(UsageFault, match="does not tell its clock: give --limit host_clock_hz"):
        share_of(limits_of("atom-e3930"), a_host(clock_hz=None))


@pytest.mark.parametrize(
    ("machine", "settings", "said"),
    [
        ({"clock_hz": 1.0e9}, [], "this machine is slower"),
        ({"architecture": "aarch64"}, [], "is an x86-64 board; this machine is aarch64"),
        ({"cores": 1}, ["threads=2"], "there are 1 cores for them"),
        ({}, ["threads=3"], "there are 2 cores for them"),
    ],
)
def test_a_machine_that_cannot_stand_in_for_the_board_is_refused(a_host, machine, settings, said):
    with pytest.raises(UsageFault, match=said):
        choose(limits_of("atom-e3930", settings), a_host(**machine), NONE)


def test_what_holds_no_quota_says_that_the_clock_is_computed(a_host):
    mechanism = choose(limits_of("atom-e3930"), a_host(), NONE)
    assert mechanism.words == (
        "no quota (there are none): clock computed from processor time; cores by sched_setaffinity; "
        "memory by prlimit RLIMIT_DATA, of each process"
    )
    assert mechanism.cores == (2, 3)
    assert offered(*NONE) == "cores by affinity, memory by prlimit, clock by computation alone (there are none)"


@pytest.mark.parametrize(
    ("cores", "quota_us", "period_us"), [(0.5, 5_000, 10_000), (2.0, 20_000, 10_000), (0.05, 1_000, 20_000)]
)
def test_a_quota_is_given_out_in_periods_as_short_as_the_kernel_takes_them(cores, quota_us, period_us):
    assert (quota_of(cores).quota_us, quota_of(cores).period_us) == (quota_us, period_us)


def test_less_than_the_least_quota_is_refused():
    with pytest.raises(UsageFault, match="less than any quota gives: 1000 of 1000000"):
        quota_of(0.0009)


def test_kernels_that_the_board_has_not_are_kept_away_or_told_of(a_host):
    more = a_host().more_than(PROCESSORS["atom-e3930"].flags)
    assert more == ["avx", "avx2"]
    assert environment("openvino", more) == {"ONEDNN_MAX_CPU_ISA": "SSE41"}
    assert environment("openvino", []) == environment("onnx", more) == {}
    assert warning("openvino", "Atom", more) == warning("onnx", "Atom", []) == ""
    assert warning("onnx", "Atom", more) == (
        "kernels: onnx may use avx, avx2 here, which Atom has not: the board will be slower than this"
    )


def test_a_host_is_read_from_what_linux_says(tmp_path):
    (tmp_path / "proc").mkdir()
    core = min(host.look().cores)
    (tmp_path / "proc/cpuinfo").write_text(
        f"processor\t: {core}\nmodel name\t: Some Xeon\ncpu MHz\t\t: 2599.998\nflags\t\t: fpu avx2 hypervisor\n\n"
    )
    found = host.look(tmp_path)
    assert (found.name, found.clock_hz, found.flags) == ("Some Xeon", 2599.998e6, {"fpu", "avx2", "hypervisor"})
    assert found.clock_source.startswith("/proc/cpuinfo under load, in a virtual machine")
    assert found.tick_s == 0.01  # nothing says otherwise
    frequency = tmp_path / f"sys/devices/system/cpu/cpu{core}/cpufreq"
    frequency.mkdir(parents=True)
    (frequency / "scaling_cur_freq").write_text("3400000\n")
    assert host.look(tmp_path).clock_hz == 3.4e9
