"""What becomes of each thing that a user does to a board, in each state that a board can be in.

Whatever state the lab is in, nothing of it may become a regression (1), a crash (70) or a pass (0) of something that
was not done. So each cell of the table below is tried on process twins, and must end as it stands there.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from devices.ssh_knock import greeting
from farm.lab.bench import borrow
from farm.lab.inventory import Lab
from farm.lab.twins import down, inject, up
from farm.store.database import Store
from farm.store.health import note_fault, release

from ..held_up import HELD_UP, TRIES

# What ends how: the exit code, then a word of what is said; behind "board:", "switch:" or "meter:" it stands in a line
# that begins with that component's name. 0/3: either will do. "-" is not tried: it would show nothing new.
EXPECTED = """
state                   health                       console                      provision --check            run                          power on                     power cycle                  power off
off                     0 off                        3 board: neither a login     0 would change               0 pass                       0 booted                     0 booted                     0 off
up                      0 ok                         0 exact                      0 would change               0 pass                       0 was on                     0 booted                     0 off
hangs at boot           3 board: nothing answers     3 board: neither a login     3 board: stall               3 board: stall               3 board: stall               3 board: stall               0 off
panics at boot          3 board: nothing answers     3 board: neither a login     3 board: panic               3 board: panic               3 board: panic               3 board: panic               0 off
panicked while up       3 board: nothing answers     3 board: neither a login     0 would change               0 pass                       0 booted                     0 booted                     0 off
silent SSH              3 board: 127.0.0.1           0 exact                      0 over its console           3 board: not up              3 board: not up              3 board: not up              0 off
SSH is cut              -                            -                            0 would change               0 pass                       -                            -                            -
another host key        3 board: SHA256              0 exact                      3 board: SHA256              3 board: SHA256              3 board: SHA256              3 board: SHA256              0 off
another board           3 board: serial number       0 exact                      3 board: serial number       3 board: serial number       3 board: serial number       3 board: serial number       0 off
fed through its UART    3 board: still answers       0 exact                      3 board: stall               3 board: stall               3 board: stall               3 board: still runs boot     3 board: still answers
another's switch        3 board: says off, and       0 exact                      3 board: stall               3 board: stall               3 board: stall               3 board: still runs boot     3 board: says off, and
full disk               3 board: of disk are free    0/3 .                        0 would change               3 board: No space            0 was on                     -                            0 off
garbage on the console  3 board: garbage             0/3 .                        0 would change               0 pass                       0 was on                     -                            0 off
silent switch           3 switch: timed out          0 exact                      3 switch: timed out          3 switch: timed out          3 switch: timed out          3 switch: timed out          3 switch: timed out
silent meter            3 meter: no answer           0 exact                      0 would change               3 meter: no answer           0 was on                     -                            0 off
half provisioned        0 ok                         0 exact                      0 would change               -                            0 was on                     -                            0 off
in use by another       0 in use                     3 board: in use              3 board: in use              3 board: in use              3 board: in use              3 board: in use              3 board: in use
in quarantine           3 board: in quarantine       0 exact                      0 would change               3 board: in quarantine       0 was on                     -                            0 off
"""  # noqa: E501

SAMPLES = Path(__file__).parents[1] / "lab"
ARTIFACT = str(SAMPLES / "artifacts" / "lenet-300-100-pruned-int8-onnx.tar.zst")
LIMITS = "min_fps=0.5", "max_mean_watts=50", "max_accuracy_loss=0.9"
ACTIONS = {
    "health": ("health",),
    "console": ("run-on-console",),
    "provision --check": ("provision", "--check", "--playbook", "whole.yaml"),
    "run": ("run", ARTIFACT, "--rate-hz", "5", "--duration-s", "1", "--idle-s", "0", "--board"),
    "power on": ("power", "on"),
    "power cycle": ("power", "cycle"),
    "power off": ("power", "off"),
}
PLAYBOOK = """\
model: pi-zero-aiy
steps:
  - directory: {path: workdir}
  - file: {path: /etc/first, content: "1"}
  - expect: {what: nothing odd, file: /etc/hostname, matches: "%s"}
  - file: {path: /etc/last, content: "2"}
"""
CUT = "(SSH is cut here)"
BUSY = re.compile(r"\b(starved|host|clock): |had no processor for")
"""Why a host under load voids a trial, whatever the meter is."""
STOOD_STILL = "could not be renewed"
"""A command that a host under load kept from its lease has ended rightly, and says nothing of the board."""
_PATIENCE_S = 60.0


class Desk:
    """One board of the lab, and who works with it: see :mod:`matrix_desk`."""

    def __init__(self, lab: Lab, folder: Path, board: str) -> None:
        self.lab, self.folder, self.board = lab, folder, board
        entry = lab.boards[board]
        self.switch, self.meter = entry.switch, entry.meters[0]
        command = [sys.executable, Path(__file__).with_name("matrix_desk.py"), folder]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def state(self) -> Path:
        return self.folder / ".farm"

    def farm(self, *words: str, short: Iterable[str] = (), cut: str | None = None) -> tuple[int, str]:
        request = {"words": words, "short": list(short), "cut": cut and (self.board, cut)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["exit"], answer["said"]

    def must(self, *words: str, code: int = 0, short: Iterable[str] = ()) -> None:
        """Run what brings a state about."""
        for _ in range(TRIES):
            ended = self.farm(*words, short=short)
            if STOOD_STILL not in ended[1]:
                break
        assert ended[0] == code, ended

    def fault(self, fault: str, on: bool = True, *, of: str | None = None) -> None:
        inject(self.state, of or self.board, fault, on)

    def supply(self, on: bool, *, of: str | None = None) -> None:
        """Switch past the farm, as by hand."""
        url = self.lab.switches[of or self.switch].options["url"]
        with urlopen(f"{url}/relay/0?turn={'on' if on else 'off'}", timeout=_PATIENCE_S) as answer:  # noqa: S310 -- http
            assert answer.status == 200

    def up(self) -> None:
        self.must("power", "on", self.board)

    def close(self) -> None:
        with self._process as process:
            process.stdin.close()
            process.wait(_PATIENCE_S)


def nothing(desk: Desk, action: str = "") -> None:
    """For a state that needs no more."""


@dataclass(frozen=True)
class State:
    """How a board gets into a state."""

    enter: Callable[[Desk], object]
    again: Callable[[Desk, str], object] = nothing
    """Before each action: for a state that some action ends."""
    leave: Callable[[Desk], object] = nothing
    short: tuple[str, ...] = ()
    """What a board in it never does: see :mod:`matrix_desk`."""
    inventory: str | None = None


def faulty(fault: str, *, part: str = "board", boots: bool = True, short: tuple[str, ...] = ()) -> State:
    """A fault of one component, on a board that is up; or that was switched on with the fault, and is not."""

    def enter(desk: Desk) -> None:
        if boots:
            desk.up()
        desk.fault(fault, of=getattr(desk, part))
        if not boots:
            desk.must("power", "on", desk.board, code=3, short=short)

    return State(enter, leave=lambda desk: desk.fault(fault, False, of=getattr(desk, part)), short=short)


def panic(desk: Desk, action: str) -> None:
    """See that the kernel is dead: whatever connects is taken, and nothing is said to it."""

    def silent() -> bool:
        ssh = desk.lab.boards[desk.board].ssh
        return greeting({desk.board: (ssh.host, ssh.port)}, within_s=1.0)[desk.board] == "silent"

    if silent():
        return
    desk.up()
    desk.fault("kernel-panic")
    desk.fault("kernel-panic", False)
    deadline_s = time.monotonic() + _PATIENCE_S
    while not silent():
        assert time.monotonic() < deadline_s, "the panic has never come"


def fed_otherwise(desk: Desk) -> None:
    desk.up()
    desk.fault("back-powered")


def own_switch(desk: Desk, action: str) -> None:
    """Only what is on can be cycled."""
    desk.supply(action == "power cycle")


def other_switch(desk: Desk, action: str) -> None:
    desk.supply(action == "power cycle", of="relay-spare")


def half(desk: Desk) -> None:
    desk.up()
    desk.must("provision", desk.board, "--playbook", "half.yaml", code=3)


def quarantined(desk: Desk) -> None:
    desk.up()
    with Store.open(desk.state / "results.sqlite") as store:
        note_fault(store, desk.board, f"{desk.board}: smokes", quarantine_after=1)


def released(desk: Desk) -> None:
    with Store.open(desk.state / "results.sqlite") as store:
        release(store, desk.board, "the test is over", by="a test")


DEAD = ("answer", "boot")
STATES = {
    "off": State(nothing, again=lambda desk, _: desk.supply(False)),
    "up": State(Desk.up),
    "hangs at boot": faulty("hang-at-boot", boots=False, short=DEAD),
    "panics at boot": faulty("kernel-panic", boots=False, short=DEAD),
    "panicked while up": State(nothing, again=panic, short=("answer",)),
    "silent SSH": faulty("silent-ssh", short=DEAD),
    "SSH is cut": State(Desk.up),
    "another host key": faulty("new-host-key", boots=False),
    "another board": State(Desk.up, inventory="another-board.yaml"),
    "fed through its UART": State(
        fed_otherwise, again=own_switch, leave=lambda desk: desk.fault("back-powered", False), short=("boot",)
    ),
    "another's switch": State(Desk.up, again=other_switch, short=("boot",), inventory="another-switch.yaml"),
    "full disk": faulty("full-disk"),
    "garbage on the console": faulty("garbage-console"),
    "silent switch": faulty("silent", part="switch"),
    "silent meter": faulty("silent", part="meter"),
    "half provisioned": State(half),
    "in use by another": State(Desk.up),
    "in quarantine": State(quarantined, leave=released),
}
CUTS = {"SSH is cut": {"run": "frame ", "provision --check": "3 of 4"}}
"""When a command is so far, SSH is cut."""
SIDE_BY_SIDE = {
    "b1": ("off", "hangs at boot", "in quarantine"),
    "b2": ("up", "panics at boot", "silent switch", "another board"),
    "b3": ("full disk", "panicked while up", "in use by another"),
    "b4": ("silent SSH", "SSH is cut", "garbage on the console", "half provisioned"),
    "b5": ("another's switch", "fed through its UART", "silent meter", "another host key"),
}
"""Board → the states that it goes through, one after the other; all boards at once."""


@dataclass(frozen=True)
class Cell:
    """What has become of one action, and whether that is as it must be."""

    state: str
    action: str
    expected: str
    exit: int
    said: str
    who: str
    """The component that must be named; empty for none."""
    cut: str | None
    """At which of its words SSH was cut."""

    @property
    def right(self) -> bool:
        codes, _, words = self.expected.partition(" ")
        if self.action == "run" and codes == "0" and self.exit == 3 and BUSY.search(self.said):
            return True
        word = re.escape(words.rpartition(": ")[2]) if words != "." else ""
        begins = rf"^(?:lab fault: )?{self.who}\b.*" if self.who else ""
        if self.cut and CUT not in self.said:
            return False
        return str(self.exit) in codes.split("/") and bool(re.search(begins + word, self.said, re.M))

    def __str__(self) -> str:
        if not self.right:
            return f"{self.exit} WRONG"
        codes, _, words = self.expected.partition(" ")
        if str(self.exit) not in codes.split("/"):
            return f"{self.exit} host under load"
        return f"{self.exit} {words}" if words != "." else str(self.exit)


def rows() -> dict[str, dict[str, str]]:
    """State → action → what is expected."""
    head, *lines = [re.split(r" {2,}", line.strip()) for line in EXPECTED.strip().splitlines()]
    return {line[0]: dict(zip(head[1:], line[1:], strict=True)) for line in lines}


def go_through(desk: Desk, name: str) -> Iterator[Cell]:
    """Bring a board into a state, and do everything to it."""
    state = STATES[name]
    state.enter(desk)
    with ExitStack() as after:
        after.callback(desk.supply, False)
        after.callback(state.leave, desk)
        if name == "in use by another":
            after.enter_context(borrow(desk.lab, desk.board, state=desk.state, reason="a test of mine"))
        for action, expected in rows()[name].items():
            if expected == "-":
                continue
            words = [*ACTIONS[action], desk.board]
            words += [word for limit in LIMITS for word in ("--limit", limit)] if action == "run" else []
            words += ["--inventory", f".farm/lab/{state.inventory}"] if state.inventory else []
            login = ("login",) if action == "console" and not expected.startswith("0 ") else ()
            cut = CUTS.get(name, {}).get(action)
            for _ in range(TRIES):
                state.again(desk, action)
                code, said = desk.farm(*words, short=state.short + login, cut=cut)
                if STOOD_STILL not in said and not HELD_UP.search(said):
                    break
            part = expected.partition(" ")[2].partition(": ")[0]
            yield Cell(name, action, expected, code, said, getattr(desk, part, "") if ": " in expected else "", cut)


def inventory() -> dict[str, object]:
    """As many boards as there are desks, and one whose switch is taken for another's."""
    names = [*SIDE_BY_SIDE, "spare"]
    twin = {"twin": "process"}
    login = {"user": "pi"}
    return {
        "lab": "matrix",
        "meters": {
            f"meter-{name}": {"driver": "um25c", "rail": "USB 5 V", "options": {"port": "twin"}} | twin
            for name in names
        },
        "switches": {
            f"relay-{name}": {"driver": "shelly", "options": {"url": "twin", "min_off_s": 0.1}} | twin for name in names
        },
        "boards": {
            name: {
                "model": "pi-zero-aiy",
                "serial_number": f"00000000c0ffee{number:02}",
                "console": login | {"port": "twin", "password": "twin"},
                "ssh": login | {"host": "twin", "key": "twin"},
                "switch": f"relay-{name}",
                "meters": [f"meter-{name}"],
            }
            | twin
            for number, name in enumerate(names)
        },
    }


def variants(folder: Path) -> None:
    """The lab as somebody wrote it down wrongly."""
    text = (folder / ".farm/lab/inventory.yaml").read_text()
    for file, changes in {
        "another-board.yaml": {name: {"serial_number": "00000000deadbeef"} for name in SIDE_BY_SIDE},
        "another-switch.yaml": {"b5": {"switch": "relay-spare"}, "spare": {"switch": "relay-b5"}},
    }.items():
        lab = yaml.safe_load(text)
        for board, change in changes.items():
            lab["boards"][board] |= change
        (folder / ".farm/lab" / file).write_text(yaml.safe_dump(lab))


@pytest.fixture
def desks(tmp_path: Path) -> Iterator[list[Desk]]:
    source, state = tmp_path / "inventory.yaml", tmp_path / ".farm"
    source.write_text(yaml.safe_dump(inventory(), sort_keys=False))
    (tmp_path / "whole.yaml").write_text(PLAYBOOK % ".")
    (tmp_path / "half.yaml").write_text(PLAYBOOK % "is not there")
    lab = up(source, state, keeper_pid=os.getpid())
    variants(tmp_path)
    desks = [Desk(lab, tmp_path, board) for board in SIDE_BY_SIDE]
    yield desks
    for desk in desks:
        desk.close()
    down(state)


@pytest.mark.timeout(900)  # two minutes on two cores beside other tests
def test_every_action_in_every_state_ends_as_it_must(desks, record_property):
    assert rows().keys() == STATES.keys()
    assert sorted(name for names in SIDE_BY_SIDE.values() for name in names) == sorted(STATES)

    seen: dict[tuple[str, str], Cell] = {}

    def work(desk: Desk) -> None:
        for name in SIDE_BY_SIDE[desk.board]:
            for cell in go_through(desk, name):
                seen[cell.state, cell.action] = cell

    with ThreadPoolExecutor(len(desks)) as pool:
        ends = [pool.submit(work, desk) for desk in desks]
    record_property("fault matrix", drawn(seen))
    wrong = [cell for cell in seen.values() if not cell.right]
    told = [f"{cell.state}, {cell.action}: wanted {cell.expected}, got {cell.exit}:\n{cell.said}" for cell in wrong]
    assert not told, "\n".join(told)
    for end in ends:
        end.result()
    assert len(seen) == sum(expected != "-" for row in rows().values() for expected in row.values())
    assert {cell.exit for cell in seen.values()} == {0, 3}


def drawn(seen: dict[tuple[str, str], Cell]) -> str:
    """The table, as it was seen."""
    head = ["state", *ACTIONS]
    lines = [[state, *(str(seen.get((state, action), "-")) for action in ACTIONS)] for state in STATES]
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *lines]
    )
