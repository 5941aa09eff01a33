"""Every switch driver with its device played by a relay, and what the devices' own bytes mean."""

import json
from collections.abc import Callable, Sequence
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import BaseModel, ValidationError

from power.errors import MeterOffline, SwitchOffline
from power.pdu import tasmota, uhubctl
from power.pdu.command import Command
from power.pdu.http import HttpRefused
from power.pdu.pdudaemon import PduDaemon
from power.pdu.serial_relay import SerialRelay, frame, parse_feedback, parse_status
from power.pdu.shelly import Shelly
from power.pdu.snmp import FAMILIES, SnmpPdu, parse
from power.pdu.tasmota import Tasmota
from power.pdu.uhubctl import UHubCtl
from power.port import Port
from power.switch import PowerSwitch
from power.testing import Answering, BlindSwitchConformance, Relay, SwitchConformance


class Mib:
    """An agent with one PDU's outlet 3 in it."""

    def __init__(self, relay: Relay, family: str) -> None:
        self._relay, self._family = relay, FAMILIES[family]
        self.closed = False

    def get(self, oid: str) -> int:
        self._answers(oid, self._family.state)
        return next(value for value, on in self._family.states.items() if on is self._relay.on)

    def set(self, oid: str, value: int) -> None:
        self._answers(oid, self._family.command)
        self._relay.turn({1: True, 2: False}[value])

    def _answers(self, oid: str, column: str) -> None:
        assert oid == f"{column}.3"
        if not self._relay.answers:
            raise SwitchOffline("s1", "no answer within 3 s", hint="is it there?")

    def close(self) -> None:
        self.closed = True


class TestSnmpPdu(SwitchConformance):
    driver = "snmp-pdu"
    options: ClassVar = {"host": "192.0.2.40", "outlet": 3, "mib": "rpdu2"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        return SnmpPdu("s1", Mib(relay, "rpdu2"), SnmpPdu.Config.model_validate(self.options))


class TestSnmpPduOfTheFirstFamily(SwitchConformance):
    driver = "snmp-pdu"
    options: ClassVar = {"host": "192.0.2.40", "outlet": 3, "mib": "spdu", "version": "1"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        return SnmpPdu("s1", Mib(relay, "spdu"), SnmpPdu.Config.model_validate(self.options))


def tasmota_answer(relay: Relay, path: str) -> bytes:
    """What a device with two relays and a password answers, as the firmware's documentation shows it."""
    if not relay.answers:
        raise TimeoutError("timed out")
    query = parse_qs(urlsplit(path).query)
    if query.get("user") != ["admin"] or query.get("password") != ["p&ss"]:
        raise HttpRefused(401, b'{"WARNING":"Need user=<username>&password=<password>"}')
    command, _, value = query["cmnd"][0].partition(" ")
    assert command == "Power2"
    if value:
        relay.turn({"On": True, "Off": False}[value])
    return json.dumps({"POWER2": "ON" if relay.on else "OFF"}).encode()


class TestTasmota(SwitchConformance):
    driver = "tasmota"
    options: ClassVar = {"url": "http://192.0.2.31", "relay": 2, "password": "p&ss"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        options = Tasmota.Config.model_validate(self.options)
        return Tasmota("s1", lambda path: tasmota_answer(relay, path), options)


HUB = "Current status for hub 1-1.4 [2109:2813 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps]\n"
HUB3 = "Current status for hub 2-1.4 [2109:0813 VIA Labs, Inc. USB3.0 Hub, USB 3.00, 4 ports, ppps]\n"
BOARD = "  Port 2: 0503 power highspeed enable connect [18d1:9302 Google power off Coral 0123]\n"


class TestUHubCtl(SwitchConformance):
    driver = "uhubctl"
    options: ClassVar = {"location": "1-1.4", "port": 2}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        def program(arguments: Sequence[str]) -> str:
            if not relay.answers:
                raise SwitchOffline(
                    "s1", "uhubctl: No compatible devices detected at location 1-1.4!", hint="plug it in"
                )
            assert arguments[:4] == ["-l", "1-1.4", "-p", "2"]
            if arguments[4:]:
                relay.turn({"on": True, "off": False}[arguments[5]])
            return HUB + (BOARD if relay.on else "  Port 2: 0000 off\n")

        return UHubCtl("s1", program, UHubCtl.Config.model_validate(self.options))


class TestCommand(SwitchConformance):
    driver = "command"
    options: ClassVar = {"on": ["plug", "1"], "off": ["plug", "0"], "state": ["plug", "?"], "says_on": "Relay is 1"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        def program(argv: Sequence[str]) -> str:
            if not relay.answers:
                raise SwitchOffline("s1", "plug: ended with 1 and said: no such device", hint="look")
            if argv[1] == "?":
                return "Relay is 1\n" if relay.on else " off\n"
            relay.turn(argv[1] == "1")
            return ""

        return Command("s1", program, Command.Config.model_validate(self.options))


class TestCommandThatCannotAsk(BlindSwitchConformance):
    driver = "command"
    options: ClassVar = {"on": ["plug", "1"], "off": ["plug", "0"]}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        def program(argv: Sequence[str]) -> str:
            if not relay.answers:
                raise SwitchOffline("s1", "plug: ended with 1", hint="look")
            relay.turn(argv[1] == "1")
            return ""

        return Command("s1", program, Command.Config.model_validate(self.options))


class TestPduDaemon(BlindSwitchConformance):
    driver = "pdudaemon"
    options: ClassVar = {"url": "http://192.0.2.50:16421", "hostname": "apc8959", "outlet": "5"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        def get(path: str) -> bytes:
            if not relay.answers:
                raise ConnectionRefusedError(111, "Connection refused")
            action, _, query = path.removeprefix("/power/control/").partition("?")
            assert query == "hostname=apc8959&port=5"
            relay.turn({"on": True, "off": False}[action])
            return b"OK - accepted request\n"

        return PduDaemon("s1", get, PduDaemon.Config.model_validate(self.options))


def lcus(relay: Relay, ask: bytes, tell: Callable[[bool], bytes]) -> Callable[[], Port]:
    """A board's port: channel 2 is the relay, ``ask`` the question that it knows."""

    def respond(data: bytes) -> bytes:
        if not relay.answers:
            return b""
        if data == ask:
            return tell(relay.on)
        relay.turn({b"\xa0\x02\x01\xa3": True, b"\xa0\x02\x00\xa2": False}[data])
        return b""

    return lambda: Answering(respond)


class TestSerialRelay(SwitchConformance):
    driver = "serial-relay"
    options: ClassVar = {"port": "/dev/ttyUSB7", "channel": 2, "board": "lcus-feedback"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        opened = lcus(relay, b"\xa0\x02\x05\xa7", lambda on: b"\xa0\x02\x01\xa3" if on else b"\xa0\x02\x00\xa2")
        return SerialRelay("s1", opened, SerialRelay.Config.model_validate(self.options))


class TestSerialRelayWithTextStatus(SwitchConformance):
    driver = "serial-relay"
    options: ClassVar = {"port": "/dev/ttyUSB7", "channel": 2, "board": "lcus-status"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        opened = lcus(relay, b"\xff", lambda on: b"CH1: OFF\r\nCH2: %b\r\n" % (b"ON " if on else b"OFF"))
        return SerialRelay("s1", opened, SerialRelay.Config.model_validate(self.options))


class TestSerialRelayThatCannotBeAsked(BlindSwitchConformance):
    driver = "serial-relay"
    options: ClassVar = {"port": "/dev/ttyUSB7", "channel": 2, "board": "lcus"}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        return SerialRelay("s1", lcus(relay, b"", lambda _: b""), SerialRelay.Config.model_validate(self.options))


# what the bytes mean


def test_the_sellers_four_bytes_are_made() -> None:
    assert frame(1, 1) == bytes.fromhex("A0 01 01 A2")
    assert frame(1, 0) == bytes.fromhex("A0 01 00 A1")
    assert frame(1, 5) == bytes.fromhex("A0 01 05 A6")


@pytest.mark.parametrize("answer", ["", "A0", "A0 01 01", "A0 01 01 A3", "A0 01 02 A3", "A0 02 01 A3", "FF FF FF FF"])
def test_a_relays_bytes_about_another_channel_or_half_of_them_tell_nothing(answer: str) -> None:
    with pytest.raises(ValueError, match="no state of channel 1"):
        parse_feedback(bytes.fromhex(answer), 1)


@pytest.mark.parametrize(
    "answer", [b"", b"CH1: ON \r\n", b"CH1: ON \r\nCH2: O", b"CH1: ON \r\nCH3: OFF\r\n", b"\x01\x00"]
)
def test_a_relays_text_without_the_channel_tells_nothing(answer: bytes) -> None:
    with pytest.raises(ValueError, match="no state of channel 2"):
        parse_status(answer, 2)


def test_one_means_on_in_the_older_mibs_and_off_in_rpdu2() -> None:
    states = {name: parse(1, family) for name, family in FAMILIES.items()}
    assert states == {"spdu": True, "rpdu": True, "rpdu2": False}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("value", [0, 3, 4, -1])
def test_an_outlet_that_is_neither_on_nor_off_is_not_off(value: int, family: object) -> None:
    with pytest.raises(ValueError, match="neither on nor off"):
        parse(value, family)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "relay", "on"),
    [
        (b'{"POWER":"ON"}', 1, True),
        (b'{"POWER1":"OFF","POWER2":"ON"}', 1, False),
        (b'{"POWER1":"OFF","POWER2":"ON"}', 2, True),
    ],
)
def test_a_tasmota_tells_the_relay_that_was_asked_for(answer: bytes, relay: int, on: bool) -> None:
    assert tasmota.parse(answer, relay) is on


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"{}", b'{"POWER":"ON"}', b'{"POWER2":"AN"}', b'{"POWER2":1}', b'{"Command":"Unknown"}', b"<html>"],
)
def test_a_tasmota_that_does_not_tell_is_neither_on_nor_off(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        tasmota.parse(answer, 2)


def test_a_wrong_password_is_named_and_not_printed() -> None:
    options = Tasmota.Config.model_validate({"url": "http://192.0.2.31", "relay": 2, "password": "s3cret"})
    with Tasmota("s1", lambda path: tasmota_answer(Relay(), path), options) as switch:
        with pytest.raises(SwitchOffline, match="HTTP 401") as seen:
            switch.state()
        assert "password" in seen.value.hint
    assert "s3cret" not in str(seen.value) + repr(options)
    older = Tasmota("s1", lambda _: b'{"WARNING":"Need user=<username>&password=<password>"}', options)
    with pytest.raises(SwitchOffline, match="refuses the user or the password"):
        older.on()


def test_a_device_whose_name_holds_the_word_power_does_not_make_its_port_live() -> None:
    assert uhubctl.parse(HUB + BOARD, 2) is True
    assert uhubctl.parse(HUB + "  Port 2: 0000 off [1234:5678 power supply]\n", 2) is False


def test_a_usb_3_port_is_off_only_when_both_halves_are() -> None:
    assert uhubctl.parse(HUB + "  Port 2: 0000 off\n" + HUB3 + "  Port 2: 02a0 power 5gbps Rx.Detect\n", 2) is True
    assert uhubctl.parse(HUB + "  Port 2: 0000 off\n" + HUB3 + "  Port 2: 0080 off\n", 2) is False


@pytest.mark.parametrize("printed", ["", HUB, HUB + "  Port 1: 0100 power\n", HUB + "  Port 2: 0303 suspend\n"])
def test_a_hub_that_does_not_tell_the_port_leaves_it_unknown(printed: str) -> None:
    with pytest.raises(ValueError, match="power of port 2"):
        uhubctl.parse(printed, 2)


def test_pdudaemon_that_refuses_is_told_with_its_reason() -> None:
    def get(path: str) -> bytes:
        raise HttpRefused(500, b"Invalid request: apc8959 is not configured\n")

    options = PduDaemon.Config(url="http://192.0.2.50:16421", hostname="apc8959", outlet="5")
    with PduDaemon("s1", get, options) as switch, pytest.raises(SwitchOffline, match="is not configured"):
        switch.on()


@pytest.mark.parametrize("printed", ["", "ON", "on off", "offline", "unknown\n"])
def test_a_state_command_that_says_neither_word_leaves_it_unknown(printed: str) -> None:
    options = Command.Config(on=["a"], off=["b"], state=["c"])
    with (
        Command("s1", lambda _: printed, options) as switch,
        pytest.raises(SwitchOffline, match="neither 'on' nor 'off'"),
    ):
        switch.state()


def test_commands_that_cannot_tell_on_from_off_are_refused() -> None:
    same = ["plugctl", "toggle"]
    with pytest.raises(ValidationError, match="the same command"):
        Command.Config(on=same, off=same)
    with pytest.raises(ValidationError, match="the same word"):
        Command.Config(on=["a"], off=["b"], state=["c"], says_on="yes", says_off=" yes")


@pytest.mark.parametrize(
    ("config", "options", "remedy"),
    [
        (Shelly.Config, {"url": "192.0.2.30"}, "write http:// and the host"),
        (UHubCtl.Config, {"location": "hub", "port": 1}, "as `uhubctl` prints it"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(
    config: type[BaseModel], options: dict[str, object], remedy: str
) -> None:
    with pytest.raises(ValidationError, match=remedy):
        config.model_validate(options)


@pytest.mark.parametrize(
    "options",
    [
        {"host": "x", "outlet": 1, "version": "3"},
        {"host": "x", "outlet": 1, "version": "3", "user": "farm", "privacy": "p"},
        {"host": "x", "outlet": 1, "user": "farm"},
        {"host": "x", "outlet": 0},
    ],
)
def test_half_of_an_snmp_login_is_refused_before_anything_is_sent(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SnmpPdu.Config.model_validate(options)


def test_a_relay_board_whose_port_is_gone_is_offline_at_once() -> None:
    def opened() -> Port:
        raise MeterOffline("s1", "could not open port /dev/ttyUSB7: no such file")

    options = SerialRelay.Config(port="/dev/ttyUSB7", board="lcus")
    with SerialRelay("s1", opened, options) as switch, pytest.raises(SwitchOffline, match="no such file"):
        switch.on()
