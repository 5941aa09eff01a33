"""A board's own sensors over its shell: a twin of a TX2 with a real SSH server, and answers that go wrong."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from devices.errors import ConnectionLost, DeadlineExceeded, WrongBoard
from devices.shell import Result
from devices.ssh import Ssh
from devices.standing import Standing
from devices.twin import uart
from devices.twin.board_twin import BoardTwin
from devices.twin.machine import Life
from farm.lab.board_files import BoardFiles, BoardProgram, BoardReach
from power.block import Flag
from power.errors import InstrumentFault, MeterOffline, UnknownChoice
from power.onboard.files import Unanswered, read_number
from power.onboard.ina3221 import Ina3221
from power.onboard.ina3221_rails import rails
from power.onboard.rapl import Rapl
from power.onboard.tegrastats import Tegrastats

VOLTS, CARRIER_WATTS = 19.0, 1.2
STEP_WATTS = VOLTS * 0.004
"""40 µV over 10 mΩ."""


@dataclass
class Tx2:
    """A TX2 twin that is up, and the watts that flow into it."""

    twin: BoardTwin
    ssh: Ssh
    watts: list[float] = field(default_factory=lambda: [9.0])

    @property
    def reach(self) -> BoardReach:
        return BoardReach(self.ssh, str(self.twin.root))

    @property
    def root(self) -> Path:
        return self.twin.root

    def cost_ns(self, act: Callable[[], object], times: int) -> float:
        before_ns = self.twin.cpu_ns()
        for _ in range(times):
            act()
        return (self.twin.cpu_ns() - before_ns) / times


@pytest.fixture(scope="module")
def _a_tx2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tx2]:
    with pytest.MonkeyPatch.context() as hurried:
        wait = Life._wait
        hurried.setattr(Life, "_wait", lambda life, seconds: wait(life, seconds / 10))
        hurried.setattr(uart, "_BYTES_PER_S", 200_000)
        options = {"user": "farm", "password": "secret", "authorized_key": "", "serial_number": "1", "seed": 7}
        twin = BoardTwin("tx2", "jetson-tx2", tmp_path_factory.mktemp("tx2"), **options)
        address = twin.start()
        ssh = Ssh.open(
            "tx2-01", host="127.0.0.1", port=address.ssh_port, user="farm", password="secret", host_key=address.host_key
        )
        board = Tx2(twin, ssh)
        twin.sense(lambda: VOLTS, lambda _seconds: board.watts[0])
        twin.power(on=True)
        answering(board)
        yield board
        ssh.close()
        twin.close()


def answering(board: Tx2) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            board.ssh.run("true")
        except Exception:  # noqa: BLE001 -- whatever it is, it boots
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def tx2(_a_tx2: Tx2) -> Iterator[Tx2]:
    yield _a_tx2
    _a_tx2.watts[0] = 9.0


@pytest.fixture
def files(tx2: Tx2) -> Iterator[BoardFiles]:
    files = BoardFiles(tx2.ssh, str(tx2.root))
    yield files
    files.close()


def module(tx2: Tx2, rail: str = "VDD_IN", rate_hz: float = 2.0) -> Ina3221:
    """A meter on it, at a rate at which also a busy host answers promptly."""
    return Ina3221.open_on("m1", Ina3221.Config(rail=rail, rate_hz=rate_hz), tx2.reach)


def shown(tx2: Tx2, watts: float) -> None:
    """Let the board take so much, and wait until its sensors show it."""
    tx2.watts[0] = watts
    time.sleep(0.6)


def test_a_rail_of_a_board_elsewhere_tells_what_flows_there(tx2) -> None:
    with module(tx2) as meter:
        for watts in (7.0, 14.3):
            shown(tx2, watts)
            block = meter.read()
            assert block.volts[0] == pytest.approx(VOLTS)
            assert block.watts[0] == pytest.approx(watts - CARRIER_WATTS, abs=STEP_WATTS / 2)
    with module(tx2, "VDD_IN+VDD_MUX") as both:
        assert both.read().watts[0] == pytest.approx(14.3, abs=STEP_WATTS)


def test_both_generations_of_the_kernel_tell_the_same(tx2, files) -> None:
    class NewerKernel(BoardFiles):
        def glob(self, pattern: str) -> list[str]:
            return [] if "rail_name" in pattern else super().glob(pattern)

    newer = NewerKernel(tx2.ssh, str(tx2.root))
    old, new = ({rail.name: rail for rail in rails(kernel)} for kernel in (files, newer))
    newer.close()
    assert old.keys() == new.keys() >= {"VDD_IN", "VDD_MUX", "VDD_SYS_CPU"}
    for name, rail in old.items():
        assert rail.lag_s == pytest.approx(0.05376)
        assert new[name].lag_s == pytest.approx(0.064), "whose interval is told in whole milliseconds"
        for path in ("millivolts", "milliamps"):
            numbers = [read_number("m1", files, getattr(kernel[name], path)) for kernel in (old, new)]
            assert numbers[0] == numbers[1] > 0


def test_a_reading_lies_between_its_question_and_its_answer_less_the_chips_average(tx2) -> None:
    with module(tx2, rate_hz=20.0) as quick:
        assert quick.aperture_s == pytest.approx(1 / 20)
    with module(tx2) as meter:
        assert meter.aperture_s == pytest.approx(2 * 0.05376)
        before_ns = time.monotonic_ns()
        t_ns = meter.read().t_ns[0]
        cycle_ns = 53_760_000
        assert before_ns - cycle_ns <= t_ns <= time.monotonic_ns() - cycle_ns


def test_a_reading_of_several_files_is_one_question(tx2, monkeypatch) -> None:
    asked: list[str] = []
    run = Standing.run
    with module(tx2, "VDD_IN+VDD_MUX") as meter:
        monkeypatch.setattr(
            Standing, "run", lambda shell, command, **how: asked.append(command) or run(shell, command, **how)
        )
        meter.read()
    assert len(asked) == 1


def test_a_reading_costs_the_board_less_than_one_program(tx2, files) -> None:
    paths = [path for rail in rails(files) if rail.name == "VDD_IN" for path in (rail.millivolts, rail.milliamps)]
    names = " ".join(str(tx2.root / path) for path in paths)
    files.read_all(paths)
    with Standing(tx2.ssh) as standing:
        standing.run("true")
        program_ns = tx2.cost_ns(lambda: standing.run(f"cat {names}"), 40)
    assert tx2.cost_ns(lambda: files.read_all(paths), 40) < program_ns / 2


def test_what_is_wrong_with_a_file_is_told_as_the_kernel_tells_it(tx2, files) -> None:
    folder = tx2.root / "sys/class/odd one's"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "half").write_text("12")
    (folder / "empty").write_text("")
    (folder / "two").write_text("1\n2\n")
    (folder / "bytes").write_bytes(b"\0\0v\x07")
    (folder / "line").write_text(" 12  \\n=\n")
    names = ["half", "empty", "none", "", "two", "bytes", "line"]
    half, empty, none, directory, two, raw, line = files.read_all([f"sys/class/odd one's/{name}" for name in names])
    assert (half, empty, raw, line) == ("12", "", "\0\0v\x07", " 12  \\n=\n")
    assert two == "1\n", "files of sysfs are one line"
    assert isinstance(none, FileNotFoundError)
    assert isinstance(directory, OSError)
    assert files.glob("sys/class/odd*/[a-h]*") == []
    assert files.glob("sys/class/odd*/*e") == ["sys/class/odd one's/line"]


def test_a_board_that_boots_anew_numbers_its_sensors_otherwise_and_they_are_found(tx2) -> None:
    with module(tx2) as meter:
        meter.read()
        before = sorted(path.name for path in tx2.root.glob("sys/bus/i2c/drivers/ina3221x/*/iio*"))
        tx2.twin.power(on=False)
        with pytest.raises(MeterOffline) as off:
            meter.read()
        assert off.value.hint
        assert off.value.transient
        tx2.twin.power(on=True)
        answering(tx2)
        assert sorted(path.name for path in tx2.root.glob("sys/bus/i2c/drivers/ina3221x/*/iio*")) != before
        block = meter.read()
        assert block.watts[0] == pytest.approx(9.0 - CARRIER_WATTS, abs=STEP_WATTS / 2)
        assert Flag(int(block.flags[0])) == Flag(0)


def test_tegrastats_runs_on_the_board_as_long_as_it_is_read_and_no_longer(tx2) -> None:
    with Tegrastats.open_on("m1", Tegrastats.Config(rail="VDD_IN", interval_ms=50), tx2.reach) as meter:
        assert len(running(tx2)) == 1
        shown(tx2, 11.0)
        assert meter.read().watts[0] == pytest.approx(11.0 - CARRIER_WATTS, abs=STEP_WATTS)
        blocks = meter.stream()
        times = [next(blocks).t_ns[0] for _ in range(4)]
        assert min(later - earlier for earlier, later in pairwise(times)) > 0
        assert 0 < meter.stamp_bound_s < 0.05, "a round trip's half"
    assert running(tx2) == []


def test_tegrastats_dies_with_the_link_and_is_started_again(tx2) -> None:
    with Tegrastats.open_on("m1", Tegrastats.Config(rail="VDD_IN", interval_ms=50), tx2.reach) as meter:
        (first,) = running(tx2)
        tx2.twin.inject("drop-ssh")
        blocks = meter.stream()
        with pytest.raises(MeterOffline):
            all(len(block) for block in blocks)
        assert meter.read().watts[0] > 0
        until = time.monotonic() + 30
        while first in running(tx2):
            assert time.monotonic() < until, "the first one is an orphan"
            time.sleep(0.05)
        assert len(running(tx2)) == 1
    assert running(tx2) == []


def running(tx2: Tx2) -> list[str]:
    """Return the processes on the board that are a tegrastats; not what one forks for a moment."""
    here = str(tx2.root.parent).encode()
    parents: dict[str, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes()
            if b"tegrastats\0--interval" in words and here in words:
                parents[folder.name] = (folder / "stat").read_text().rpartition(")")[2].split()[1]
    return [process for process, parent in parents.items() if parent not in parents]


def test_a_rail_or_a_program_or_a_zone_that_the_board_has_not_is_told(tx2) -> None:
    with pytest.raises(UnknownChoice, match=r"no rail is called 'VDD'; there are .*VDD_IN, VDD_MUX"):
        module(tx2, "VDD")
    with pytest.raises(MeterOffline, match="no zone of RAPL"):
        Rapl.open_on("m1", Rapl.Config(), tx2.reach)
    with pytest.raises(MeterOffline, match="/nowhere/usr/bin/tegrastats: No such file"):
        Tegrastats.open_on("m1", Tegrastats.Config(rail="VDD_IN", root="/nowhere"), tx2.reach)


class Counting(BoardFiles):
    """Files of a board whose counter has gone on at 5 W, and as far as when it is asked."""

    counter: Path

    def read_all(self, paths):
        self.counter.write_text(f"{time.monotonic_ns() // 200}\n")
        return super().read_all(paths)


def test_the_processors_counter_is_read_over_the_shell(tx2) -> None:
    zone = tx2.root / "sys/class/powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in (("name", "package-0"), ("max_energy_range_uj", 262_143_328_850), ("energy_uj", 1)):
        (zone / name).write_text(f"{text}\n")
    files = Counting(tx2.ssh, str(tx2.root))
    files.counter = zone / "energy_uj"
    with Rapl.on(
        "m1", files, Rapl.Config(rate_hz=2)
    ) as meter:  # slower answers than half a second's half are not taken
        watts = [float(block.watts[0]) for block, _ in zip(meter.stream(), range(2), strict=False)]
    assert watts == pytest.approx([5.0] * 2, rel=0.3)


# answers that go wrong


class Answers:
    """A standing shell that says what it is told to."""

    def __init__(self, *said: Result | Exception) -> None:
        self._said = list(said)

    def run(self, command: str, *, timeout_s: float, check: bool = True) -> Result:
        said = self._said.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        pass


def answered(monkeypatch: pytest.MonkeyPatch, *said: Result | Exception) -> BoardFiles:
    monkeypatch.setattr("farm.lab.board_files.Standing", lambda _shell: Answers(*said))
    return BoardFiles(None, "/")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "number"),
    [("Permission denied", errno.EACCES), ("No data available", errno.ENODATA), ("who knows", errno.EIO)],
)
def test_why_a_file_cannot_be_read_is_known_by_its_number(words, number, monkeypatch) -> None:
    files = answered(monkeypatch, Result("", 0, b"\n", b""), Result("", 1, b"", f"cat: a: {words}\n".encode()))
    (error,) = files.read_all(["sys/a"])
    assert isinstance(error, OSError)
    assert error.errno == number


def test_a_counter_for_root_alone_is_told_with_its_remedy(monkeypatch) -> None:
    files = answered(monkeypatch, Result("", 0, b"\n", b""), Result("", 1, b"", b"cat: x: Permission denied"))
    with pytest.raises(InstrumentFault, match="only root may read it") as told:
        read_number("m1", files, "sys/energy_uj")
    assert "chmod a+r /sys/energy_uj" in told.value.hint


@pytest.mark.parametrize("fault", [ConnectionLost("a", "gone"), DeadlineExceeded("a", "hangs")])
def test_a_board_that_does_not_answer_is_offline_and_its_files_are_not_missing(fault, monkeypatch) -> None:
    with pytest.raises(MeterOffline, match="a: ") as told:
        read_number("m1", answered(monkeypatch, fault), "sys/a")
    assert "is the board up?" in told.value.hint


def test_another_board_is_no_meter_that_is_offline(monkeypatch) -> None:
    with pytest.raises(WrongBoard):
        read_number("m1", answered(monkeypatch, WrongBoard("a", "is b")), "sys/a")


def test_lines_that_do_not_fit_the_question_are_no_readings(monkeypatch) -> None:
    files = answered(monkeypatch, Result("", 0, b"=1\n=2\n", b""))
    with pytest.raises(Unanswered, match="2 lines for 1 files"):
        files.read_all(["sys/a"])


def test_a_program_takes_and_prints_lines(tx2) -> None:
    port = BoardProgram(tx2.ssh, ["sh", "-c", "read -r said; echo $said; sleep 60"])
    try:
        assert port.read_line(b"\n", 0.05) == b""
        port.write(b"one\n")
        assert port.read_line(b"\n", 10) == b"one\n"
        with pytest.raises(OSError, match="the program"):
            port.read_exactly(1, 1.0)
    finally:
        port.close()
        port.close()
    assert os.strerror(errno.ENOENT) == "No such file or directory", "errors are known by the words of the C locale"
