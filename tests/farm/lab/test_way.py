"""The way onto a board: SSH, or its console while it has no network; identity first, whichever it is."""

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from devices.boot import Stage
from devices.console import Glance
from devices.errors import BootFault, ConsoleFault, Unreachable, WrongBoard
from devices.shell import Result
from devices.ssh_knock import Answer
from farm.errors import UsageFault
from farm.lab.bench import Bench
from farm.lab.inventory import BoardEntry, ConsoleEntry, Lab, SshEntry
from farm.lab.way import way_to

SERIAL = "0042"


class Console:
    """A board's console behind which the host's shell runs; tells what was done with it, in order."""

    def __init__(self, done: list[str], glance: Glance | None) -> None:
        self.done, self._glance = done, glance
        self.boots = ["boot-1"]
        self.serial_number = SERIAL
        self.tail = b""

    def glance(self) -> Glance:
        self.done.append("glance")
        if self._glance is None:
            raise ConsoleFault("tx2-01", "nothing answers")
        return self._glance

    def wait_boot(self, *, timeout_s: float, since: int) -> None:
        self.done.append("wait_boot")
        if len(self.boots) > 1:
            self.boots.pop(0)

    def log(self) -> bytes:
        return self.tail

    def write(self, data: bytes) -> None:
        self.done.append(f"write {data!r}")

    def run(self, command: str, *, timeout_s: float) -> Result:
        self.done.append("run" + " reboot" * ("reboot)" in command))
        if "serial.tree" in command:
            return Result(command, 0, f"serial.tree\t{self.serial_number}\n".encode(), b"")
        if "boot_id" in command:
            return Result(command, 0, f"{self.boots[0]}\n".encode(), b"")
        if "reboot)" in command:
            return Result(command, 0, b"", b"")
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=timeout_s, check=False)
        return Result(command, done.returncode, done.stdout, done.stderr)


class Lent:
    """As much of a bench as a way needs."""

    prove_identity = Bench.prove_identity

    def __init__(self, *, on: bool = True, network: bool = True, glance: Glance | None = None, user: str | None = "nv"):
        self.done: list[str] = []
        self.name, self._on, self._network = "tx2-01", on, network
        self.console = Console(self.done, glance)
        self.inventory = Lab.model_validate({"lab": "x", "boards": {"tx2-01": {"model": "jetson-tx2"}}})
        self.boot_timeout_s = 120.0
        self.entry = BoardEntry(
            model="jetson-tx2",
            console=ConsoleEntry(port="/dev/ttyUSB0", user=user),
            ssh=SshEntry(host="192.0.2.11", user="nv"),
            switch="relay",
            serial_number=SERIAL,
        )
        self.switch = SimpleNamespace(state=lambda: self._on)
        self.board = SimpleNamespace(wait_up=self._answers)
        self.shell = SimpleNamespace(name="over SSH")
        self.lease = SimpleNamespace(require=lambda: None)

    def _answers(self, *, timeout_s: float) -> None:
        if not self._network:
            raise Unreachable(self.name)

    def power_on(self, *, ssh_s: float) -> None:
        assert ssh_s < 60
        self.done.append("power_on")
        self._answers(timeout_s=0)

    def ensure_up(self) -> None:
        self.done.append("ensure_up")
        self._answers(timeout_s=0)

    def restart(self) -> int:
        self.done.append("power")
        return 0

    def login(self) -> None:
        self.done.append("login")


def way(lent: Lent, over: Any = None) -> Any:
    return way_to(lent, over)  # pyright: ignore[reportArgumentType]


@pytest.fixture(autouse=True)
def knocked(monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """What its SSH server does at each knock; the last again and again."""
    answers: list[Answer] = ["silent"]

    def greeting(servers: dict[str, Any], *, within_s: float) -> dict[str, Answer]:
        return dict.fromkeys(servers, answers.pop(0) if len(answers) > 1 else answers[0])

    monkeypatch.setattr("devices.ssh_knock.greeting", greeting)
    monkeypatch.setattr("farm.lab.way._AGAIN_S", 0.01)
    return answers


def test_a_board_with_a_network_is_reached_over_ssh_and_its_console_is_left_alone(knocked: list[Answer]) -> None:
    knocked[:] = ["greeted"]
    lent = Lent(glance=Glance("login", None))
    assert (way(lent).over, lent.done) == ("ssh", ["power_on"])


@pytest.mark.parametrize("sign", ["login", "password", "shell", "output"])
@pytest.mark.parametrize(("answer", "why"), [("refused", "refuses connections"), ("silent", "is silent")])
def test_a_board_that_is_up_without_a_network_is_not_power_cycled_for_it(
    knocked: list[Answer], sign: Any, answer: Answer, why: str
) -> None:
    knocked[:] = [answer]
    lent = Lent(network=False, glance=Glance(sign, None))
    found = way(lent)
    assert (found.over, found.why) == ("console", f"it is up, and nv@192.0.2.11:22 {why}")
    assert not {"power", "power_on", "ensure_up", "wait_boot"} & set(lent.done)


def test_a_board_that_boots_just_now_is_waited_for_and_not_cycled(knocked: list[Answer]) -> None:
    knocked[:] = ["refused", "refused", "greeted"]
    lent = Lent(glance=Glance("output", Stage.KERNEL))
    assert (way(lent).over, lent.done) == ("ssh", ["glance", "wait_boot", "power_on"])


def test_a_board_whose_boot_ends_without_a_network_is_reached_over_its_console(
    knocked: list[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farm.lab.way._AFTER_LOGIN_S", 0.05)
    knocked[:] = ["refused"]
    lent = Lent(network=False, glance=Glance("output", Stage.KERNEL))
    assert way(lent).over == "console"
    assert "power" not in lent.done


@pytest.mark.parametrize("tail", [b"Hit any key: 0\r\n=> ", b"\x1b[0mgrub> ", b"ALERT! no root\r\n(initramfs) "])
def test_a_board_that_stands_in_its_boot_loader_is_brought_up_by_its_power(knocked: list[Answer], tail: bytes) -> None:
    lent = Lent(network=False, glance=Glance("shell", None))
    lent.console.tail = tail
    way(lent)
    assert lent.done[:2] == ["glance", "power_on"]


def test_what_looked_like_a_shell_and_takes_no_login_costs_a_power_cycle(knocked: list[Answer]) -> None:
    knocked[:] = ["refused"]
    lent = Lent(network=False, glance=Glance("shell", None))
    run, said = lent.console.run, iter([ConsoleFault("tx2-01", "neither a login nor a shell")])

    def at_first_a_boot_loader(command: str, *, timeout_s: float) -> Result:
        for fault in said:
            raise fault
        return run(command, timeout_s=timeout_s)

    lent.console.run = at_first_a_boot_loader
    found = way(lent)
    assert found.why.startswith("its console took no login (neither a login nor a shell), so its power was cycled")
    assert lent.done.count("power") == 1


def test_a_board_that_is_dead_on_both_ways_is_brought_up_by_its_power(knocked: list[Answer]) -> None:
    lent = Lent(network=False, glance=None)
    way(lent)
    assert lent.done[:2] == ["glance", "power_on"]


def test_a_board_that_comes_up_without_a_network_is_reached_over_its_console() -> None:
    lent = Lent(on=False, network=False, glance=Glance("login", None))
    assert (way(lent).over, lent.done[0]) == ("console", "power_on")


def test_nothing_is_typed_at_a_board_before_it_has_booted() -> None:
    lent = Lent(on=False, network=False)
    assert way(lent, "console").over == "console"
    assert lent.done[:3] == ["power", "wait_boot", "login"]


def test_a_board_that_is_on_and_says_nothing_gets_a_power_cycle() -> None:
    lent = Lent(network=False, glance=None)
    way(lent, "console")
    assert lent.done[:3] == ["glance", "power", "wait_boot"]


@pytest.mark.parametrize("over", [None, "console"])
def test_another_board_on_the_console_is_refused_before_anything_is_asked_of_it_but_its_number(over: Any) -> None:
    lent = Lent(network=False, glance=Glance("shell", None))
    lent.console.serial_number = "0043"
    with pytest.raises(Exception) as seen:  # noqa: PT011 -- which it is depends on what was tried first
        way(lent, over)
    assert isinstance(seen.value, WrongBoard)
    assert lent.done.count("run") == 1


def test_a_console_that_nobody_can_log_in_on_is_the_inventorys_fault() -> None:
    with pytest.raises(UsageFault, match=r"boards\.tx2-01\.console: names no user; add `user:`"):
        way(Lent(user=None), "console")
    with pytest.raises(Unreachable):
        way(Lent(user=None, network=False))


def test_a_board_that_answers_on_neither_way_tells_both() -> None:
    lent = Lent(on=False, network=False)
    lent.console.wait_boot = lambda **_: (_ for _ in ()).throw(BootFault("tx2-01", "stall: no login"))  # pyright: ignore
    with pytest.raises(Unreachable) as seen:
        way(lent)
    assert "stall: no login" in str(seen.value.__notes__)


def test_a_reboot_over_the_console_is_proven_by_the_boot_id() -> None:
    """The first prompt after it may still be the old boot's."""
    lent = Lent(network=False, glance=Glance("shell", None))
    found = way(lent, "console")
    lent.console.boots = ["boot-1", "boot-1", "boot-2"]
    found.restart(60.0)
    assert lent.console.boots == ["boot-2"]
    assert lent.done.count("wait_boot") == 2


def test_a_board_that_was_told_to_reboot_and_did_not_is_a_fault() -> None:
    lent = Lent(network=False, glance=Glance("shell", None))
    found = way(lent, "console")
    with pytest.raises(BootFault, match="still runs boot boot-1"):
        found.restart(0.2)
