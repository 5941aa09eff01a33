"""The SCPI link over PyVISA, on real sockets of this machine, with instruments that misbehave."""

import fcntl
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, cast

import pytest
from pyvisa import constants, errors

from power.errors import FrameError, InstrumentFault, MeterOffline, WrongInstrument
from power.scpi.identify import identify
from power.scpi.number import number, numbers, series
from power.scpi.port import ScpiPort
from power.scpi.visa import MessagePort, SocketPort
from power.testing import Answering, Clock
from power.twin.link import PtyLink, cut_lines

Instrument = Callable[[socket.socket, bytes], None]


@contextmanager
def instrument(answer: Instrument) -> Iterator[str]:
    """Listen on a free port for one client; ``answer`` is called with each line that it sends."""

    def serve() -> None:
        with listener.accept()[0] as client, client.makefile("rb") as lines:
            for line in lines:
                answer(client, line)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"TCPIP::127.0.0.1::{listener.getsockname()[1]}::SOCKET"
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def link(answer: Instrument, *, timeout_s: float = 20.0) -> Iterator[ScpiPort]:
    with instrument(answer) as resource:
        port = ScpiPort.open("m1", resource, timeout_s=timeout_s)
        try:
            yield port
        finally:
            port.close()


def test_an_answer_comes_back_without_its_end() -> None:
    with link(lambda client, line: client.sendall(b"<" + line.strip() + b">\r\n")) as port:
        assert port.query("*IDN?") == "<*IDN?>"


def test_an_answer_in_pieces_is_put_together() -> None:
    def dribble(client: socket.socket, _: bytes) -> None:
        for piece in (b"+1.0", b"00E", b"+00\n"):
            client.sendall(piece)
            time.sleep(0.01)

    with link(dribble) as port:
        assert port.query_number("MEAS:CURR?") == 1.0


def test_a_late_answer_is_not_taken_for_the_next() -> None:
    given_up, answered = threading.Event(), threading.Event()

    def late(client: socket.socket, line: bytes) -> None:
        if line == b"SLOW?\n":
            given_up.wait(20)
        client.sendall(line.lower())
        answered.set()

    with link(late, timeout_s=0.1) as port:
        with pytest.raises(MeterOffline, match=r"SLOW\?: no answer within 0.1 s"):
            port.query("SLOW?")
        given_up.set()
        assert answered.wait(20)
        port._timeout_s = 20.0
        assert port.query("FAST?") == "fast?"


def test_half_an_answer_is_never_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    said = threading.Event()

    def half(client: socket.socket, _: bytes) -> None:
        client.sendall(b"+1.23")
        said.set()

    with link(half, timeout_s=0.05) as port:
        write = port._port.write
        monkeypatch.setattr(port._port, "write", lambda data: (write(data), said.wait(20)))
        with pytest.raises(FrameError):
            port.query("MEAS:CURR?")


def test_a_closed_port_is_offline_and_worth_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free_port = listener.getsockname()[1]
    with pytest.raises(
        MeterOffline, match=rf"m1: TCPIP::127\.0\.0\.1::{free_port}::SOCKET: Connection refused"
    ) as seen:
        ScpiPort.open("m1", f"TCPIP::127.0.0.1::{free_port}::SOCKET").query("*IDN?")
    assert seen.value.transient
    assert "resource name" in seen.value.hint


@pytest.mark.parametrize("resource", ["", "nonsense", "GPIB0::7::INSTR", "USB0::0x0B21::INSTR"])
def test_a_resource_that_cannot_be_opened_is_offline_and_named(resource: str) -> None:
    with pytest.raises(MeterOffline, match="m1: "):
        ScpiPort.open("m1", resource).query("*IDN?")


def test_a_peer_that_closes_is_noticed_at_once_and_without_spinning() -> None:
    def hang_up(client: socket.socket, _: bytes) -> None:
        client.shutdown(socket.SHUT_RDWR)

    with link(hang_up, timeout_s=30) as port:
        busy_s, began_s = time.process_time(), time.monotonic()
        with pytest.raises(MeterOffline, match="closed the connection"):
            port.query("*IDN?")
        assert time.monotonic() - began_s < 20
        assert time.process_time() - busy_s < 1


def test_a_descriptor_above_1023_is_read_too() -> None:
    """``select`` knows none; a controller of a large lab has more files open."""
    with link(lambda client, line: client.sendall(line)) as port:
        assert isinstance(port._port, SocketPort)
        high = socket.socket(fileno=fcntl.fcntl(port._port._link, fcntl.F_DUPFD_CLOEXEC, 1100))
        with high:
            beyond = ScpiPort("m2", SocketPort(port._port._resource, high))
            assert beyond.query("HIGH?") == "HIGH?"


def test_what_came_unasked_is_thrown_away_before_each_question() -> None:
    def chatty(client: socket.socket, line: bytes) -> None:
        client.sendall(line)
        client.sendall(b"unasked\n")

    with link(chatty) as port:
        assert isinstance(port._port, SocketPort)
        for n in range(20):
            assert port.query(f"N{n}?") == f"N{n}?"
            if not port._port._arrived:  # it did not come together with the answer
                assert select.select([port._port._link], [], [], 20)[0]
        port._port.discard()


def test_threads_that_share_a_link_each_get_their_own_answers() -> None:
    wrong: list[str] = []

    def ask(port: ScpiPort, name: str) -> None:
        for count in range(200):
            question = f"{name}{count}?"
            if (answer := port.query(question)) != question:
                wrong.append(f"{question} got {answer}")

    with link(lambda client, line: client.sendall(line)) as port:
        threads = [threading.Thread(target=ask, args=(port, name)) for name in "ABCD"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_closing_one_link_leaves_the_others_open() -> None:
    with link(lambda client, line: client.sendall(line)) as one:
        with link(lambda client, line: client.sendall(line)) as other:
            assert other.query("A?") == "A?"
        assert one.query("B?") == "B?"


def test_a_query_takes_milliseconds_and_not_a_hundred() -> None:
    with link(lambda client, line: client.sendall(line)) as port:
        port.query("A?")
        took_s = []
        for _ in range(20):
            began_s = time.monotonic()
            port.query("A?")
            took_s.append(time.monotonic() - began_s)
        assert min(took_s) < 0.05  # the library's own flush alone would take twice that


def scripted(*answers: bytes) -> ScpiPort:
    left = iter(answers)
    return ScpiPort("m1", Answering(lambda data: next(left) if b"?" in data else b""))


@pytest.mark.parametrize(
    "none",
    [
        b'+0,"No error"\n',
        b'0,"No error"\n',
        b"+0, No Error\n",
        b"0  No Error\n",
        b"ERR 0\n",
        b':STAT:ERR 0,"No error"\n',
    ],
)
def test_every_makers_empty_error_queue_is_empty(none: bytes) -> None:
    assert scripted(none).errors() == []


def test_the_error_queue_is_emptied_and_quoted() -> None:
    answers = (b'-113,"Undefined header"\n', b'-222,"Data out of range"\n', b'+0,"No error"\n')
    with pytest.raises(InstrumentFault, match=r"-113.*; -222") as seen:
        scripted(*answers).refuse_errors()
    assert seen.value.hint


def test_an_error_queue_that_never_empties_is_none() -> None:
    """An instrument that answers every question alike says nothing of the settings."""
    port = ScpiPort("m1", Answering(lambda _: b'-113,"Undefined header"\n'))
    with pytest.raises(FrameError, match="50 errors, and no end"):
        port.errors()


def test_an_error_queue_that_answers_something_else_is_a_frame_error() -> None:
    with pytest.raises(FrameError, match="no error number"):
        scripted(b"hello\n").errors()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500.0E-03", 0.5),
        ("10.000E+00", 10.0),
        ("0.2972E+03", 297.2),
        ("+1.86850000E-03", 1.8685e-3),
        ("+1.73730000E-03 VDC", 1.7373e-3),
        (":INP:VOLT:RANG 15.0E+00", 15.0),
        ("1.2E-3A", 1.2e-3),
        ("500MA", 0.5),
        ("1.5 kW", 1500.0),
        ("V 24.00", 24.0),
        ("MEAS:VOLT 5.1", 5.1),
        ("5.00V\0", 5.0),
        ("9.9E37", float("inf")),
        ("-9.9E+37", float("-inf")),
        ("INF", float("inf")),
    ],
)
def test_every_makers_number_is_read(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["NAN", "nan", "9.91E37", "9.91E+37", "", "------"])
def test_no_value_is_not_a_number(text: str) -> None:
    assert number(text) != number(text)


@pytest.mark.parametrize(
    ("text", "unit"), [("5.0 V", "A"), ("5.0 VA", "V"), ("5.0 VA", "W"), ("5.0 A", "S"), ("12 mADC", "V")]
)
def test_a_number_of_another_unit_is_refused(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match="it is in"):
        number(text, unit)


@pytest.mark.parametrize(
    "text", ["hello", "1.2.3", "1,2", "0x10", "1_0", "-", "+", "ERR 5", "0  No Error", "5.0 apples"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        number(text)


def test_the_count_of_numbers_must_be_right() -> None:
    with pytest.raises(ValueError, match="2 values, not 3"):
        numbers("1,2", 3)


def test_the_right_instrument_is_identified() -> None:
    found = identify(scripted(b"YOKOGAWA,WT310E,C2QG12345V,F1.04\n"), maker="Yokogawa", models=("WT310E",))
    assert (found.maker, found.model, found.serial_number, found.firmware) == (
        "YOKOGAWA",
        "WT310E",
        "C2QG12345V",
        "F1.04",
    )


@pytest.mark.parametrize(
    "answer", [b"YOKOGAWA,760401,0,F1.12\n", b"Keysight Technologies,N6705C,MY1,K.02\n", b"\n", b"WT310E\n"]
)
def test_another_instrument_is_refused_and_quoted(answer: bytes) -> None:
    with pytest.raises(WrongInstrument) as seen:
        identify(scripted(answer, answer), maker="YOKOGAWA", models=("WT310E",))
    assert answer.decode().strip() in str(seen.value)


@pytest.mark.parametrize("greeting", [b"hello\n", b"Welcome, user, 1\n", b"\n"])
def test_a_greeting_is_not_taken_for_an_answer(greeting: bytes) -> None:
    port = scripted(greeting, b"YOKOGAWA,WT310E,C2QG12345V,F1.04\n")
    assert identify(port, maker="YOKOGAWA", models=("WT310E",)).serial_number == "C2QG12345V"


def test_another_unit_of_the_right_model_is_refused_by_its_serial_number() -> None:
    port = scripted(b"YOKOGAWA,WT310E,C2QG12345V,F1.04\n")
    with pytest.raises(WrongInstrument, match="C2QG12345V answers, not C2QG99999V"):
        identify(port, maker="YOKOGAWA", models=("WT310E",), serial_number="C2QG99999V")


class Broken:
    """A VISA resource whose device is gone."""

    def clear(self) -> None:
        raise errors.VisaIOError(constants.StatusCode.error_connection_lost)

    def write_raw(self, data: bytes) -> None:
        self.clear()

    def read_raw(self) -> bytes:
        raise errors.VisaIOError(constants.StatusCode.error_timeout)


def test_what_visa_raises_is_offline_wherever_the_link_breaks() -> None:
    link = MessagePort(cast("Any", Broken()))
    port = ScpiPort("m1", link)
    with pytest.raises(MeterOffline, match=r"m1: OUTP ON: .*CONN_LOST"):
        port.write("OUTP ON")
    assert link.read_line(b"\n", 0.01) == b""
    with pytest.raises(OSError, match="CONN_LOST"):
        link.discard()


class Messages:
    """A link that keeps messages apart, as USB-TMC does: one read, one message, whatever it answers."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers, self._waiting = answers, list[bytes]()

    def discard(self) -> None:
        """It cannot know what waits."""

    def write(self, data: bytes) -> None:
        self._waiting.append(self._answers.get(data.strip(), b"ERROR"))

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        return self._waiting.pop(0) + b"\n" if self._waiting else b""

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        raise OSError

    def close(self) -> None:
        pass


def test_a_link_that_is_one_answer_behind_gets_back_into_step() -> None:
    """An instrument that answers a command it does not know would shift every later answer by one."""
    port = ScpiPort("m1", Messages({b"VOLT?": b"5.0", b"CURR?": b"0.5"}))
    port.write("UNKNOWN 1")
    with pytest.raises(FrameError):
        port.query_number("VOLT?")
    assert port.query_number("CURR?") == 0.5
    assert port.query_number("VOLT?") == 5.0


def test_a_block_is_read_whole_and_half_of_one_is_refused() -> None:
    port = scripted(b"#15hello\n", b"#15hel", b"5.0\n")
    assert port.query_block("DATA?") == b"hello"
    with pytest.raises(FrameError, match="3 bytes of a block of 5"):
        port.query_block("DATA?")
    with pytest.raises(FrameError, match="no block"):
        port.query_block("DATA?")


def test_an_instrument_is_let_rest_between_an_answer_and_the_next_command(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, sent = Clock(), list[int]()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    port = ScpiPort("m1", Answering(lambda _: sent.append(clock.monotonic_ns()) or b"1\n"), pause_s=0.05)
    port.query("A?")
    port.write("B")
    port.query("C?")
    assert [b - a for a, b in pairwise(sent)] == [50_000_000] * 2


def test_a_command_without_an_answer_is_given_time_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, sent = Clock(), list[int]()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    port = ScpiPort("m1", Answering(lambda _: sent.append(clock.monotonic_ns()) or b"1\n"))
    port.write("INST:NSEL 1")
    port.query("A?")
    port.query("B?")
    assert [b - a for a, b in pairwise(sent)] == [20_000_000, 0]


def test_a_number_where_a_name_is_wanted_is_asked_for_again() -> None:
    found = identify(scripted(b"500.0E-03;1;300.0E+00;1\n", b"YOKOGAWA,WT310E,C2,F1.04\n"), maker="", models=())
    assert found.model == "WT310E"


def test_a_long_list_of_numbers_is_read_as_a_short_one_is() -> None:
    text = "+1.5E-03,-2,9.91E37,9.9E37,-9.90000000E+37"
    assert series(text) == pytest.approx([1.5e-3, -2, float("nan"), float("inf"), float("-inf")], nan_ok=True)
    assert series("1.0 V,NAN") == pytest.approx([1.0, float("nan")], nan_ok=True)
    for wrong in ("1,2,x", "1,1e5e5", "1_0,2", "1-2,3"):
        with pytest.raises(ValueError, match=r".+"):
            series(wrong)


@pytest.mark.parametrize("form", ["{path}", "ASRL{path}::INSTR"])
def test_a_serial_line_is_named_by_its_path_or_as_visa_does(form: str) -> None:
    line = PtyLink("m1", cut_lines, lambda command: command.lower() + b"\r\n" if b"?" in command else b"")
    try:
        port = ScpiPort.open("m1", form.format(path=line.address), timeout_s=20.0, baud=115200)
        port.write("SYST:REM")
        assert port.query("*IDN?") == "*idn?"
        port.close()
    finally:
        line.close()


def test_a_serial_port_that_is_not_there_is_offline() -> None:
    with pytest.raises(MeterOffline, match="no-such-port"):
        ScpiPort.open("m1", "/dev/no-such-port")


class Slow:
    """A port on which the answer to one question comes only with the next, as of an instrument that hung."""

    def __init__(self, hangs_at: bytes, answers: dict[bytes, bytes]) -> None:
        self._hangs_at, self._answers = hangs_at, answers
        self._owed, self._arrived = b"", bytearray()

    def discard(self) -> None:
        self._arrived.clear()

    def write(self, data: bytes) -> None:
        answer = self._answers[data]
        if data == self._hangs_at:
            self._hangs_at, self._owed = b"", answer
        else:
            self._arrived += self._owed + answer
            self._owed = b""

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        line, end, rest = bytes(self._arrived).partition(terminator)
        self._arrived[:] = rest
        return line + end

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        raise OSError

    def close(self) -> None:
        pass


def test_an_answer_that_comes_while_the_next_is_waited_for_is_not_that_one() -> None:
    """Volts would be amps: both are numbers."""
    answers = {b"*IDN?\n": b"ACME,PSU,1,1.0\n", b"VOLT?\n": b"5.0\n", b"CURR?\n": b"0.5\n"}
    port = ScpiPort("m1", Slow(b"VOLT?\n", answers))
    identify(port, maker="ACME", models=("PSU",))
    with pytest.raises(MeterOffline, match=r"VOLT\?"):
        port.query_number("VOLT?")
    assert port.query_number("CURR?") == 0.5
    assert port.query_number("VOLT?") == 5.0


def test_an_instrument_that_names_itself_only_once_is_read_on() -> None:
    port = scripted(b"ACME,PSU,1,1.0\n", b"", b"", b"0.5\n")
    identify(port, maker="ACME", models=("PSU",))
    with pytest.raises(MeterOffline, match=r"VOLT\?"):
        port.query_number("VOLT?")
    assert port.query_number("CURR?") == 0.5


def test_an_instrument_that_hung_for_long_is_not_believed_before_it_has_named_itself() -> None:
    """The first answer after the pause may be right by chance: the ones behind it are not."""
    late = iter([b"", b"", b"5.0\n", b"5.0\nACME,PSU,1,1.0\n", b"0.5\n"])
    sent = list[bytes]()

    def respond(data: bytes) -> bytes:
        sent.append(data)
        return next(late)

    port = ScpiPort("m1", Answering(respond))
    port.recognise("ACME,PSU,1,1.0")
    with pytest.raises(MeterOffline, match=r"VOLT\?"):
        port.query("VOLT?")
    assert port.query("VOLT?") == "5.0"
    assert port.query("CURR?") == "0.5"
    assert sent == [b"VOLT?\n", b"*IDN?\n", b"VOLT?\n", b"*IDN?\n", b"CURR?\n"]
