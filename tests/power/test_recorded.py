"""Every recording under ``tests/wire/recorded``, played to its driver; and how they are made."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import accumulate, count
from pathlib import Path
from random import randrange
from typing import Any

import pytest

from power.by_itself import some
from power.meter import Meter
from power.port import opened_by
from power.registry import load_meter
from power.testing import Replay
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply
from power.wire import Kept, PlayedPort, Recording, Tape, anonymous, kept, read, without_secrets, write

FOLDER = Path(__file__).parents[1] / "wire" / "recorded"
RECORDED = sorted(FOLDER.glob("*.json*"))


class PlayedTime:
    """Goes on as it did when it was recorded, and while somebody sleeps."""

    def __init__(self) -> None:
        self.begin_ns = self.now_ns = 10**15

    def heard(self, at_s: float) -> None:
        self.now_ns = max(self.now_ns, self.begin_ns + round(at_s * 1e9))

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> PlayedTime:
    played = PlayedTime()
    monkeypatch.setattr(time, "monotonic_ns", lambda: played.now_ns)
    monkeypatch.setattr(time, "monotonic", lambda: played.now_ns / 1e9)
    monkeypatch.setattr(time, "sleep", played.sleep)
    return played


def play(recording: Recording, clock: PlayedTime) -> tuple[dict[str, str], list[Kept]]:
    port = PlayedPort(recording.exchange, clock.heard)
    kind = load_meter(recording.driver)
    with (
        opened_by(lambda _: port),
        kind.open(recording.driver, kind.Config.model_validate(recording.options)) as meter,
    ):
        blocks = list(some(meter, max(2, len(recording.readings))))
        who = meter.identity()
    identity = {name: getattr(who, name) for name in recording.identity}
    return identity, kept(blocks, clock.begin_ns)


def same(one: list[Kept], other: list[Kept]) -> bool:
    return [(k.volts, k.amps, k.watts, k.flags) for k in one] == [(k.volts, k.amps, k.watts, k.flags) for k in other]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_what_a_driver_once_understood_it_goes_on_understanding(path: Path, clock: PlayedTime) -> None:
    recording = read(path)
    identity, readings = play(recording, clock)
    assert identity == recording.identity
    assert same(readings, recording.readings)


def test_there_is_one_and_twins_say_what_they_are() -> None:
    assert RECORDED
    for path in RECORDED:
        assert ("-twin" in path.name) is (read(path).made != "instrument"), path.name


MODELS = {"wt310e": "atom-e3930", "n6705c": "jetson-tx2", "lpm01a": "coral-dev"}
OPTIONS: dict[str, dict[str, Any]] = {
    "wt310e": {"volts_range": 15, "amps_range": 2},
    "n6705c": {"channel": 1},
    "ppk2": {"mode": "ampere", "volts": 5.0, "rate_hz": 100},
    "lpm01a": {"volts": 3.3},
    "km003c": {"rate_hz": 50},
}


@pytest.fixture
def twin_of() -> Iterator[Any]:
    with ExitStack() as stack:

        def start(driver: str) -> dict[str, Any]:
            # never twice the same: whether a meter shows a value anew or still would be a matter of milliseconds
            used_ns = accumulate(randrange(10_000_000) for _ in count()).__next__
            supply = Supply(PROFILES[MODELS.get(driver, "coral-dev")], powered=lambda: True, cpu_ns=used_ns)
            stack.callback(supply.close)
            twin = TWINS[driver](driver, OPTIONS.get(driver, {}), supply, seed=5)
            stack.callback(twin.close)
            return {**OPTIONS.get(driver, {}), **twin.start()}

        yield start


def recorded(driver: str, options: dict[str, Any]) -> Recording:
    tape, kind = Tape(), load_meter(driver)
    with opened_by(tape), kind.open(driver, kind.Config.model_validate(options)) as meter:
        blocks = list(some(meter, 6))
        who = meter.identity()
    identity = {"maker": who.maker, "model": who.model, "serial_number": who.serial_number, "firmware": who.firmware}
    return Recording(
        driver=driver,
        made="process twin",
        origin="a twin",
        identity=identity,
        options=options,
        exchange=tape.pieces,
        readings=tape.kept(blocks),
    )


@pytest.mark.parametrize(
    "driver", ["dp832", "34465a", "wt310e", "n6705c", "ka3005p", "tc66c", "um25c", "km003c", "ppk2", "otii"]
)
def test_what_is_recorded_is_played_again_to_the_last_bit(
    driver: str, twin_of: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    options = twin_of(driver)
    if driver == "34465a":
        options = {**options, "assume_volts": 5.0, "measures": "amps"}
    for _ in range(5):
        made = recorded(driver, options)
        if not any(one.flags for one in made.readings):  # else a busy host held it up, also where nothing is noted
            break
    write(made, tmp_path / "one.json.gz")
    found = read(tmp_path / "one.json.gz")
    assert found == made
    identity, readings = play(found, request.getfixturevalue("clock"))
    assert identity == made.identity
    assert same(readings, made.readings)
    spent_s = [one.t_s for one in made.readings]
    assert [one.t_s for one in readings] == pytest.approx(spent_s, abs=0.1)


def small(*pieces: tuple[float, Any, bytes], serial: str = "MY53001234") -> Recording:
    return Recording(
        driver="dp832",
        made="instrument",
        origin="built",
        identity={"maker": "A", "model": "B", "serial_number": serial, "firmware": "1"},
        options={"resource": f"USB0::1::2::{serial}::INSTR", "serial_number": serial},
        exchange=[(at, way, data.hex()) for at, way, data in pieces],
        readings=[],
    )


def test_a_question_of_then_is_answered_as_then_and_another_meets_silence() -> None:
    exchange = small((0.0, ">", b"*IDN?\n"), (0.1, "<", b"A,B\n"), (0.2, ">", b"V?\n"), (0.3, "<", b"5\n")).exchange
    port = PlayedPort(exchange)
    port.write(b"*IDN?\n")
    assert port.read_line(b"\n", 1.0) == b"A,B\n"
    assert port.read_line(b"\n", 1.0) == b""
    port.write(b"NEW?\n")
    assert port.read_line(b"\n", 1.0) == b""
    port.write(b"V?\n")
    assert port.read_line(b"\n", 1.0) == b"5\n"
    port.write(b"V?\n")
    assert port.read_line(b"\n", 1.0) == b""
    assert port.strange == [b"NEW?\n", b"V?\n"]


def test_bytes_come_in_other_pieces_than_then_if_the_driver_wants_them_so() -> None:
    port = PlayedPort(small((0.0, ">", b"?"), (0.1, "<", b"12"), (0.2, "<", b"34\n5")).exchange)
    port.write(b"?")
    assert port.read_exactly(3, 1.0) == b"123"
    assert port.read_line(b"\n", 1.0) == b"4\n"
    assert port.read_exactly(9, 1.0) == b"5"


def test_a_stand_in_for_the_serial_number_is_as_long_and_stands_everywhere() -> None:
    told = small((0.0, ">", b"*IDN?\n"), (0.1, "<", b"A,B,MY530"), (0.2, "<", b"01234,1\n"))
    hidden = anonymous(told)
    assert hidden.anonymous
    assert "MY53001234" not in json.dumps(hidden.model_dump())
    assert b"".join(bytes.fromhex(data) for _, way, data in hidden.exchange if way == "<") == b"A,B,XX00000000,1\n"
    assert [len(data) for _, _, data in hidden.exchange] == [len(data) for _, _, data in told.exchange]
    assert hidden.identity["serial_number"] == hidden.options["serial_number"] == "XX00000000"


def test_a_serial_number_that_may_stand_there_in_another_form_is_not_given_away() -> None:
    with pytest.raises(ValueError, match="may hold it in another form"):
        anonymous(small((0.1, "<", b"\x01\x02\x03")))


def test_a_secret_is_never_kept_not_even_as_it_stands_in_json() -> None:
    secret = 'a"b'
    sent = json.dumps({"password": secret}).encode()
    kept_of_it = without_secrets(small((0.0, ">", sent)), {"password": secret})
    data = bytes.fromhex(kept_of_it.exchange[0][2])
    assert data == b'{"password": "XXXX"}'
    assert kept_of_it.options["password"] == "XXX"


def test_what_is_no_recording_is_refused_and_none_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match=r"x\.json: no recording of a meter"):
        read(tmp_path / "x.json")
    with pytest.raises(FileExistsError):
        write(small(), tmp_path / "x.json")


def test_a_port_that_is_recorded_is_what_it_was() -> None:
    tape, inner = Tape(), Replay([b"12"])
    port = tape(lambda: inner)
    port.discard()
    port.write(b"?")
    assert port.read_exactly(2, 1.0) == b"12"
    assert port.read_exactly(2, 1.0) == b""
    assert tape.asked() == [("?", "12")]
    tape.stop()
    port.write(b"!")
    port.close()
    assert inner.closed
    assert [(way, data) for _, way, data in tape.pieces] == [(">", b"?".hex()), ("<", b"12".hex())]


def test_only_who_records_is_recorded(twin_of: Any) -> None:
    options, kind = twin_of("dp832"), load_meter("dp832")
    tape = Tape()
    with opened_by(tape):
        pass
    meter: Meter
    with kind.open("m1", kind.Config.model_validate(options)) as meter:
        meter.read()
    assert tape.pieces == []
