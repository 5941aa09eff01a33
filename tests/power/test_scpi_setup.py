"""Settings of an instrument: what decides about the numbers must be kept, the rest need not even be known."""

from collections.abc import Callable

import pytest

from power.errors import InstrumentFault, MeterOffline
from power.scpi.port import ScpiPort
from power.scpi.setup import asked, settle, told
from power.testing import Answering


def port_to(answers: dict[str, str]) -> tuple[ScpiPort, Answering]:
    def respond(data: bytes) -> bytes:
        text = answers.get(data.decode().strip())
        return b"" if text is None else text.encode() + b"\n"

    port = Answering(respond)
    return ScpiPort("m1", port), port


def test_settings_go_out_in_their_order_and_what_resets_others_goes_first() -> None:
    port, wire = port_to({"SYST:ERR?": '0,"No error"'})
    assert settle(port, wanted=["ABOR"], deciding=["CONF 1"], then=["APER 2"], hint="") == []
    assert [line.decode().strip() for line in wire.written if b"?" not in line] == ["ABOR", "CONF 1", "APER 2"]


def test_without_a_deciding_setting_the_error_queue_is_left_alone() -> None:
    port, wire = port_to({})
    assert settle(port, wanted=["A"], hint="") == []
    assert wire.written == [b"A\n"]


@pytest.mark.parametrize("answer", ["0", "+0", "0.0E+00", "OFF", ":INP:VOLT:AUTO 0", ":INP:VOLT:AUTO OFF", "off"])
def test_every_spelling_of_off_confirms_off(answer: str) -> None:
    port, _ = port_to({"AUTO?": answer})
    assert settle(port, wanted=(), kept={"AUTO?": 0}, hint="") == []


@pytest.mark.parametrize("answer", ['"CURR:DC"', "CURR", '"CURR +1.000000E+00,+3.000000E-07"', ":SENS:FUNC CURR"])
def test_a_function_is_confirmed_by_its_name(answer: str) -> None:
    port, _ = port_to({"FUNC?": answer})
    assert settle(port, wanted=(), kept={"FUNC?": "CURR"}, hint="") == []


@pytest.mark.parametrize(("wanted", "answer"), [("CURR", '"VOLT:DC"'), (3.0, "1.0E+00"), (0, "1"), (0, "ON")])
def test_another_setting_than_was_sent_is_a_fault_that_says_both(wanted: float | str, answer: str) -> None:
    port, _ = port_to({"FUNC?": answer})
    with pytest.raises(InstrumentFault, match=r"FUNC\? answers .* was set") as seen:
        settle(port, wanted=(), kept={"FUNC?": wanted}, hint="look there")
    assert seen.value.hint == "look there"


@pytest.mark.parametrize("answer", ["ERROR", '-113,"Undefined header"', "undefined", "Command error", None])
def test_an_error_message_or_silence_confirms_nothing_and_is_no_fault(answer: str | None) -> None:
    port, _ = port_to({} if answer is None else {"FUNC?": answer})
    assert settle(port, wanted=(), kept={"FUNC?": "CURR"}, hint="") == ["FUNC?"]


def test_after_two_unanswered_questions_no_more_are_asked() -> None:
    port, wire = port_to({})
    assert settle(port, wanted=(), kept={"A?": 1, "B?": 2, "C?": 3, "D?": 4}, hint="") == ["A?", "B?", "C?", "D?"]
    assert b"C?\n" not in wire.written


def test_a_setting_that_may_be_left_untold_is_asked_for_without_a_fault() -> None:
    port, _ = port_to({"APER?": "+2.0E-02", "WORD?": "five", "NAN?": "9.91E37"})
    assert told(port, "APER?") == 0.02
    assert told(port, "WORD?") is told(port, "NAN?") is told(port, "NONE?") is None
    assert (asked(port, "WORD?"), asked(port, "NONE?")) == ("five", None)


@pytest.mark.parametrize("ask", [told, asked])
def test_a_broken_link_is_not_taken_for_a_silent_instrument(ask: Callable[[ScpiPort, str], object]) -> None:
    def broken(data: bytes) -> bytes:
        raise OSError("cable")

    with pytest.raises(MeterOffline, match="cable"):
        ask(ScpiPort("m1", Answering(broken)), "A?")
