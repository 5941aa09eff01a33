"""The boards' own ARM programs under QEMU's user mode emulation: what works over a shell works on these."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.registry import load_board
from devices.ssh import Ssh
from devices.testing import ShellConformance, StreamConformance
from devices.twin.qemu.images import image
from devices.twin.qemu.userland import Userland, lacking
from farm.artifact.dataset import load_dataset
from farm.artifact.deploy import deploy
from farm.artifact.unpack import open_artifact
from farm.errors import LabFault
from farm.playbook import Playbook, apply
from farm.trial.remote import run_on_board
from farm.trial.scenario import FixedRate

from .conftest import make_key

HERE = Path(__file__).parent
MODELS = HERE.parent / "lab"
HANDLERS = Path("/proc/sys/fs/binfmt_misc")
USER = "board"

pytestmark = pytest.mark.xdist_group("userland")


@dataclass(frozen=True)
class Land:
    """One board's user land, and the key that opens it."""

    running: Userland
    key: Path

    def shell(self) -> Ssh:
        at = self.running
        return Ssh.open(at.name, host="127.0.0.1", port=at.port, user=USER, key=self.key, host_key=at.host_key)


@contextmanager
def started(model: str, folder: Path) -> Iterator[Land]:
    """One that runs; skipped by name where this machine cannot run it."""
    if lacks := lacking(model):
        pytest.skip(f"no user land of {model} here: {'; '.join(lacks)}")
    key = folder / "key"
    with Userland("lima", model, folder / "board", user=USER, password="p", authorized_key=make_key(key)) as running:
        yield Land(running, key)


@pytest.fixture(scope="module")
def tx2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Land]:
    with started("jetson-tx2", tmp_path_factory.mktemp("tx2")) as land:
        yield land


@pytest.fixture(scope="module")
def zero(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Land]:
    with started("pi-zero-aiy", tmp_path_factory.mktemp("zero")) as land:
        yield land


class TestTheBoardsOwnSshd(ShellConformance, StreamConformance):
    @pytest.fixture
    def shell(self, tx2: Land) -> Iterator[Ssh]:
        with tx2.shell() as shell:
            yield shell


@pytest.mark.parametrize(("board", "machine", "packages"), [("tx2", "aarch64", "arm64"), ("zero", "armv6l", "armel")])
def test_every_program_sees_the_boards_processor(request, board, machine, packages):
    with request.getfixturevalue(board).shell() as shell:
        told = "uname -nm; dpkg --print-architecture; python3 -c 'import platform; print(platform.machine())'"
        assert shell.run(told, timeout_s=60).text.splitlines() == [f"lima {machine}", packages, machine]


def test_a_playbook_makes_a_board_what_it_says_and_then_has_nothing_to_do(tx2):
    steps = [
        {"packages": {"names": ["tree"]}},
        {"user": {"name": "inspector", "groups": ["video"]}},
        {"directory": {"path": "workdir"}},
        {"file": {"path": "/etc/farm.conf", "content": "a: 1\n", "mode": "0640"}},
    ]
    book = Playbook.model_validate({"model": "jetson-tx2", "steps": steps})
    with tx2.shell() as shell:
        board = load_board("jetson-tx2")("lima", shell)

        def changes(*, check: bool) -> list[bool]:
            return [step.changed for step in apply(book, board, shell, workdir="/opt/farm", check=check)]

        assert changes(check=True) == [True] * 4
        assert changes(check=False) == [True] * 4
        assert changes(check=True) == [False] * 4
        assert shell.run("tree --version; id -nG inspector; stat -c %a /etc/farm.conf").text.endswith("video\n640")


def test_an_artifact_is_deployed_and_the_runner_says_what_the_board_lacks(zero, tmp_path):
    """No inference runtime has wheels for ARMv6; the runner itself runs there."""
    artifact = open_artifact(MODELS / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst", tmp_path)
    dataset = load_dataset(MODELS / "datasets" / "digits-540")
    with zero.shell() as shell:
        deployed = deploy(shell, shell.run("pwd").text + "/farm", artifact, dataset)
        assert deployed.bytes_sent > 0
        scenario = FixedRate(rate_hz=1, duration_s=1)
        with pytest.raises(LabFault, match="onnxruntime"):
            run_on_board(shell, deployed, scenario, quiet_s=0.1, progress=lambda _: None, watch=lambda: None)


def test_its_root_is_no_root_of_this_machine(tx2):
    handlers = sorted(path.name for path in HANDLERS.iterdir())
    with tx2.shell() as shell:
        # each of these would change nothing, should it be allowed after all
        for forbidden in ('date -s "$(date)"', "test -w /proc/sys/kernel/panic", "test -w /proc/sysrq-trigger"):
            assert shell.sudo(forbidden, check=False).exit_status == 1
        # nor is there a way to this machine's files
        assert shell.sudo(f"readlink /proc/1/root; ls /mnt; test ! -e /proc/1/root{HERE}").text == "/"
    assert sorted(path.name for path in HANDLERS.iterdir()) == handlers


def members(namespace: str) -> list[str]:
    """Return the processes in a PID namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found += [process.name] * (str((process / "ns/pid").readlink()) == namespace)
    return found


def backing_file(loop: Path) -> str | None:
    with suppress(OSError):
        return (loop / "backing_file").read_text("utf-8").strip()
    return None


def wait_until_gone(namespace: str) -> None:
    until = time.monotonic() + 30
    while left := members(namespace):
        assert time.monotonic() < until, left
        time.sleep(0.05)


def test_nothing_of_it_is_mounted_outside_and_nothing_is_left_when_it_ends(tmp_path):
    with started("jetson-tx2", tmp_path) as land, land.shell() as shell:
        shell.run("nohup sleep 4321 > /dev/null 2>&1 &")
        namespace = shell.run("readlink /proc/self/ns/pid").text
        assert len(members(namespace)) > 2
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text("utf-8")
        disk = str(image("arm64").disk)
        loops = [loop for loop in Path("/sys/block").glob("loop*/loop") if backing_file(loop) == disk]
        assert loops
        assert {(loop / "autoclear").read_text("ascii").strip() for loop in loops} == {
            "1"
        }  # let go with the last mount
    assert members(namespace) == []
    assert list((tmp_path / "board/namespace").iterdir()) == []


OWNER = """
import sys, time
from pathlib import Path
from devices.twin.qemu.images import image
from devices.twin.qemu.userland import Userland
with Userland("lima", "pi-zero-aiy", Path(sys.argv[1]), user="board", password="p", authorized_key=sys.argv[2]) as land:
    print(land.port, land.host_key, flush=True)
    time.sleep(600)
"""


def test_nothing_is_left_of_one_whose_owner_was_killed(tmp_path):
    if lacks := lacking("pi-zero-aiy"):
        pytest.skip(f"no user land of pi-zero-aiy here: {'; '.join(lacks)}")
    line = [sys.executable, "-c", OWNER, str(tmp_path / "board"), make_key(tmp_path / "key")]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as owner:
        port, host_key = owner.stdout.readline().strip().split(" ", 1)
        at = {"host": "127.0.0.1", "port": int(port), "user": USER, "key": tmp_path / "key", "host_key": host_key}
        with Ssh.open("lima", **at) as shell:
            namespace = shell.run("readlink /proc/self/ns/pid").text
        assert members(namespace)
        owner.kill()
    wait_until_gone(namespace)
