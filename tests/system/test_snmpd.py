"""The SNMP switch against net-snmp's own agent, and its twin against net-snmp's own programs.

A ``pass_persist`` script plays one PDU of each family below APC's part of the tree.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from power.errors import SwitchOffline, SwitchUnconfirmed
from power.pdu.snmp import SnmpPdu
from power.switch import cycle
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply

SNMPD = shutil.which("snmpd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
_START_S = 20.0
AUTH, PRIVACY = "correct horse battery", "staple of the horse"

CONFIG = """\
agentaddress udp:127.0.0.1:{port}
rwcommunity hush 127.0.0.1
rocommunity look 127.0.0.1
pass_persist .1.3.6.1.4.1.318 {python} {script} {state}
createUser farm SHA-256 "{auth}" AES "{privacy}"
createUser plain
rwuser farm priv
rwuser plain noauth
"""

PDU = '''\
"""One outlet 3 in each family; speaks net-snmp's pass_persist protocol."""
import pathlib, sys
state = pathlib.Path(sys.argv[1])
APC = ".1.3.6.1.4.1.318.1.1."
COLUMNS = {  # commands and states
    APC + "4.4.2.1.3.3": ("1", "2"), APC + "12.3.3.1.1.4.3": ("1", "2"), APC + "26.9.2.4.1.5.3": ("1", "2"),
    APC + "12.3.5.1.1.4.3": ("1", "2"), APC + "26.9.2.3.1.5.3": ("2", "1"),
}
def line():
    return sys.stdin.readline().rstrip("\\n")
while raw := sys.stdin.readline():
    verb = raw.rstrip("\\n")
    if not verb:  # snmpd ends the value of a set with two line ends
        continue
    if verb == "PING":
        print("PONG", flush=True)
        continue
    oid = line()
    if verb == "get" and oid in COLUMNS:
        on = state.read_text() in ("on", "stuck")
        print(f"{oid}\\ninteger\\n{COLUMNS[oid][not on]}", flush=True)
    elif verb == "set":
        kind, _, value = line().partition(" ")
        if oid not in COLUMNS or oid in list(COLUMNS)[3:]:
            print("not-writable", flush=True)
        elif value not in ("1", "2"):
            print("wrong-value", flush=True)
        else:
            if state.read_text() != "stuck":
                state.write_text({"1": "on", "2": "off"}[value])
            print("DONE", flush=True)
    else:
        print("NONE", flush=True)
'''


class Agent:
    """A running snmpd with a PDU in it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.write_text("off")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        script, config = folder / "pdu.py", folder / "snmpd.conf"
        script.write_text(PDU)
        config.write_text(
            CONFIG.format(
                port=self.port, python=sys.executable, script=script, state=self.state, auth=AUTH, privacy=PRIVACY
            )
        )
        self._log = folder / "snmpd.log"
        self.process = subprocess.Popen(
            [SNMPD, "-f", "-C", "-c", config, "-Lf", self._log, "-r", "-I", "-smux"],
            env=os.environ | {"SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
            stdin=subprocess.DEVNULL,
        )

    def options(self, **more: object) -> SnmpPdu.Config:
        login = {"community": "hush", "outlet": 3, "timeout_s": 2.0}
        return SnmpPdu.Config.model_validate({"host": "127.0.0.1", "port": self.port, **login, **more})

    def wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                with SnmpPdu.open("probe", self.options(timeout_s=0.3)):
                    return
            except SwitchOffline as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"snmpd does not answer ({error}): {self._log.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(_START_S)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    if SNMPD is None:
        pytest.skip("no net-snmp agent here: install snmpd")
    agent = Agent(tmp_path_factory.mktemp("snmpd"))
    try:
        agent.wait()
        yield agent
    finally:
        agent.stop()


@pytest.fixture
def agent(running: Agent) -> Agent:
    running.state.write_text("off")
    return running


@pytest.mark.parametrize("mib", ["spdu", "rpdu", "rpdu2"])
@pytest.mark.parametrize("version", ["1", "2c"])
def test_an_outlet_of_every_family_is_switched_and_read_back(agent: Agent, mib: str, version: str) -> None:
    with SnmpPdu.open("pdu-3", agent.options(mib=mib, version=version)) as switch:
        assert switch.state() is False
        switch.on()
        assert agent.state.read_text() == "on"
        assert switch.state() is True
        cycle(switch, sleep=lambda _: None)
        switch.off()
        assert agent.state.read_text() == "off"


def test_version_3_signs_and_encrypts(agent: Agent) -> None:
    login = {"version": "3", "user": "farm", "auth": AUTH, "auth_protocol": "sha256", "privacy": PRIVACY}
    with SnmpPdu.open("pdu-3", agent.options(**login)) as switch:
        switch.on()
        assert switch.state() is True
    assert agent.state.read_text() == "on"


@pytest.mark.parametrize(
    ("login", "told"),
    [
        ({"user": "farm", "auth": "another passphrase", "auth_protocol": "sha256", "privacy": PRIVACY}, "(?i)digest"),
        ({"user": "farm", "auth": AUTH, "auth_protocol": "sha256"}, "(?i)authorizationError|refused|denied"),
        ({"user": "nobody"}, "(?i)unknown.*user"),
    ],
)
def test_a_wrong_login_of_version_3_is_named_and_the_passphrase_is_not(
    agent: Agent, login: dict[str, object], told: str
) -> None:
    with pytest.raises(SwitchOffline, match=told) as seen:
        SnmpPdu.open("pdu-3", agent.options(version="3", **login))
    assert "passphrase" not in str(seen.value).partition("\n")[0]
    assert "SNMP settings" in seen.value.hint


def test_a_wrong_community_is_silence_and_says_so(agent: Agent) -> None:
    with pytest.raises(SwitchOffline, match=r"^pdu-3: .*no answer within 0\.6 s") as seen:
        SnmpPdu.open("pdu-3", agent.options(community="guess", timeout_s=0.2))
    assert "wrong community" in seen.value.hint
    assert "guess" not in str(seen.value)


def test_a_community_that_may_only_look_is_refused_and_nothing_switches(agent: Agent) -> None:
    with SnmpPdu.open("pdu-3", agent.options(community="look")) as switch:
        assert switch.state() is False
        with pytest.raises(SwitchOffline, match=r"refused: .*(noAccess|notWritable)") as seen:
            switch.on()
        assert "write access" in seen.value.hint
    assert agent.state.read_text() == "off"


@pytest.mark.parametrize("version", ["1", "2c"])
def test_an_outlet_that_the_pdu_has_not_is_named(agent: Agent, version: str) -> None:
    with pytest.raises(SwitchOffline, match=r"318\.1\.1\.12\.3\.5\.1\.1\.4\.9"):
        SnmpPdu.open("pdu-9", agent.options(outlet=9, version=version))


def test_an_outlet_that_does_not_obey_is_found_out(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.state.write_text("stuck")
    monkeypatch.setattr(SnmpPdu, "confirm_within_s", 0.2)
    with SnmpPdu.open("pdu-3", agent.options()) as switch, pytest.raises(SwitchUnconfirmed, match="says on"):
        switch.off()


def test_an_agent_that_dies_is_offline_and_never_off(tmp_path: Path) -> None:
    if SNMPD is None:
        pytest.skip("no net-snmp agent here: install snmpd")
    agent = Agent(tmp_path)
    try:
        agent.wait()
        with SnmpPdu.open("pdu-3", agent.options(timeout_s=0.5)) as switch:
            assert switch.state() is False
            agent.stop()
            for ask in (switch.state, switch.on, switch.off):
                with pytest.raises(SwitchOffline):
                    ask()
    finally:
        agent.stop()


def test_a_host_that_cannot_be_found_is_offline_and_named() -> None:
    options = SnmpPdu.Config(host="no-such-pdu.invalid", outlet=1, timeout_s=0.2)
    with pytest.raises(SwitchOffline, match=r"^pdu-1: .*no-such-pdu\.invalid"):
        SnmpPdu.open("pdu-1", options)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_net_snmps_own_programs_understand_the_twin(version: str) -> None:
    if shutil.which("snmpset") is None:
        pytest.skip("no net-snmp programs here: install snmp")
    on = [True]
    rail = Supply(PROFILES["atom-e3930"], powered=lambda: on[0], cpu_ns=lambda: 0)
    options = {"mib": "rpdu2", "outlet": 3, "community": "hush"}
    twin = TWINS["snmp-pdu"]("pdu-3", options, rail, set_power=lambda wanted: on.__setitem__(0, wanted))
    apc = ".1.3.6.1.4.1.318.1.1.26.9.2"

    def ask(program: str, *what: str, community: str = "hush") -> str:
        line = [program, "-m", "", "-On", "-t", "2", "-r", "1", f"-v{version}", "-c", community, address, *what]
        ended = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60)
        return (ended.stdout + ended.stderr).strip()

    try:
        found = twin.start()
        address = f"udp:{found['host']}:{found['port']}"
        assert ask("snmpget", f"{apc}.3.1.5.3") == f"{apc}.3.1.5.3 = INTEGER: 2"
        assert "INTEGER" in ask("snmpset", f"{apc}.4.1.5.3", "i", "2")
        assert on == [False]
        assert ask("snmpget", f"{apc}.3.1.5.3") == f"{apc}.3.1.5.3 = INTEGER: 1"
        assert "No Such Instance" in (said := ask("snmpget", f"{apc}.3.1.5.9")) or "noSuchName" in said
        assert "noSuchName" in (said := ask("snmpset", f"{apc}.3.1.5.3", "i", "1")) or "notWritable" in said
        assert "badValue" in (said := ask("snmpset", f"{apc}.4.1.5.3", "i", "7")) or "wrongValue" in said
        assert "imeout" in ask("snmpget", f"{apc}.3.1.5.3", community="guess")
        assert on == [False]
    finally:
        twin.close()
        rail.close()
