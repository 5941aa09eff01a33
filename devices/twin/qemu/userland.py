"""A board's own programs without its machine: the image's sshd, shell and Python, under QEMU's user mode emulation.

Up after a second, where a machine boots for ten. There is no kernel of the board's, no boot, no console and no power:
it is a counterpart for what works over a shell, and no twin of a board.

The programs run on this machine's kernel, in namespaces of their own, on a disk that forgets. Their root is the root of
a user namespace: in there it installs packages and adds users; it can neither reboot this machine nor set its clock or
a sysctl. That is against accidents, and no prison for hostile programs. From Linux 6.7 on, that namespace has its own
table of foreign binaries (``binfmt_misc``), and the machine's is left alone.
"""

import contextlib
import os
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from .identity import Identity
from .images import Arch, image
from .machines import MACHINES
from .port import reserved_port

_SCRIPT = Path(__file__).with_name("userland.sh")
_FORMATS = Path("/usr/share/binfmts")
"""Where qemu-user-static says by what the kernel knows a foreign binary: update-binfmts(8)."""
_HANDLERS = Path("/proc/sys/fs/binfmt_misc")
_START_S = 60.0
"""Assumed, for a very busy machine; measured: 1.3 s."""
_END_S = 10.0
"""Assumed, likewise; measured: 30 ms."""
_POLL_S = 0.02
_IDS = "0 0 65536"
"""Inside, users have the numbers that they have outside: the owners of the image's files stay right."""
_EMULATORS: dict[Arch, tuple[str, str]] = {"arm64": ("qemu-aarch64", "cortex-a53"), "armel": ("qemu-arm", "arm1176")}
"""Its name, and the processor where the board's machine names none: an armel program would see an ARMv7."""


def lacking(model: str) -> list[str]:
    """Return what a board model's user land wants and has not here; empty when it can start.

    KeyError when there is no machine for the model.
    """
    machine = MACHINES[model]
    if machine.arch not in _EMULATORS:
        return [f"{model} is no ARM board"]
    found: list[str] = []
    if os.getuid() != 0:
        found.append("mounting an image needs root")
    if not (_FORMATS / _EMULATORS[machine.arch][0]).exists():
        found.append("qemu-user-static is not installed; apt-get install qemu-user-static")
    if not Path("/dev/loop-control").exists():
        found.append("there are no loop devices (/dev/loop-control)")
    if (wanted := image(machine.arch)) and not wanted.built:
        found.append(f"no image for {machine.arch} in {wanted.folder.parent}; run `make images`")
    return found or _handlerless(_EMULATORS[machine.arch][0])


def _handlerless(emulator: str) -> list[str]:
    """Return why this kernel would not run the emulator's programs."""
    if not _runs("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "true"):
        return ["no namespaces may be made here (unshare)"]
    mount = ("mount", "-t", "binfmt_misc", "handlers", str(_HANDLERS))
    own = _runs("unshare", "--user", "--map-root-user", "--mount", *mount)
    handler = _HANDLERS / emulator
    if own or (handler.exists() and handler.read_text("ascii").startswith("enabled")):
        return []
    return [
        f"{emulator} is not in {_HANDLERS}, and a kernel before 6.7 has no other; update-binfmts --enable {emulator}"
    ]


def _runs(*line: str) -> bool:
    if shutil.which(line[0]) is None:
        return False
    ended = subprocess.run(line, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=_START_S)
    return ended.returncode == 0


class Userland:
    """One board's, with its user, its keys and its host name. Leaving its ``with`` block ends and forgets all of it."""

    def __init__(self, name: str, model: str, folder: Path, *, user: str, password: str, authorized_key: str) -> None:
        """Take the folder for its log and its seed; KeyError when there is no machine for the model."""
        self.name, self.user = name, user
        self._machine = MACHINES[model]
        self._image = image(self._machine.arch)
        self._folder = folder.resolve()
        self._identity = Identity.new(
            name, user=user, password=password, authorized_key=authorized_key, serial_number=""
        )
        self._reserved = reserved_port()
        self.port: int = self._reserved.getsockname()[1]
        """Of its SSH server, on 127.0.0.1."""
        self.host_key = self._identity.host_key_public
        """``ssh-ed25519 AAAA…``."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until its SSH server answers.

        Raises:
            RuntimeError: it does not: what was last said.
        """
        place = self._folder / "namespace"
        place.mkdir(parents=True)
        archive = self._folder / "seed.tar"
        archive.touch(mode=0o600)  # it holds the password
        archive.write_bytes(self._identity.seed())
        emulator, cpu = _EMULATORS[self._machine.arch]
        line = ["unshare", "--mount", "sh", str(_SCRIPT), "outer", str(place), str(self._image.disk), self.name]
        line += [self._machine.cpu or cpu, str(self.port), str(archive), _handler(emulator)]
        with self._log.open("wb") as said:
            self._process = subprocess.Popen(
                line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True
            )
        try:
            deadline = time.monotonic() + _START_S
            self._become_root(self._process, deadline)
            self._wait_for_banner(self._process, deadline)
        except (OSError, RuntimeError) as error:
            self.close()
            words = self._log.read_text("utf-8", "replace").strip().splitlines()
            raise RuntimeError(f"{self.name}: {error}: {words[-1] if words else 'it said nothing'}") from error

    def close(self) -> None:
        """End every process of it; with the last one, its mounts and what it has written are gone."""
        self._reserved.close()
        if self._process is None:
            return
        process, self._process = self._process, None
        with process:
            for _ in range(2):
                try:
                    process.communicate(timeout=_END_S)  # closes its input, at which it ends
                    return
                except subprocess.TimeoutExpired:
                    process.kill()  # unshare heeds nothing less; its child, and so all of the namespace, dies with it
            raise RuntimeError(f"{self.name}: process {process.pid} does not end when killed")

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    @property
    def _log(self) -> Path:
        return self._folder / "userland.log"

    def _become_root(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        """Give the namespace its users, once it is there; then it goes on."""
        said, told = cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stdin)
        poll = select.poll()
        poll.register(said, select.POLLIN)
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise RuntimeError("makes no namespaces")
        if said.readline() != b"unshared\n":
            raise RuntimeError("cannot mount its files")
        for ids in ("uid_map", "gid_map"):
            Path(f"/proc/{process.pid}/{ids}").write_text(_IDS, "ascii")
        told.write(b"\n")
        told.flush()

    def _wait_for_banner(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as probe:
                if probe.recv(4) == b"SSH-":
                    return
            if process.poll() is not None:
                raise RuntimeError(f"ended with status {process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"its SSH server does not answer after {_START_S:g} s")
            time.sleep(_POLL_S)


def _handler(emulator: str) -> str:
    """Return a line for the kernel's table of foreign binaries, of what the package says.

    C: sudo and its like get their owner's rights. F: the emulator is found here, not on the board. P: argv[0] stays.
    """
    text = (_FORMATS / emulator).read_text("ascii")
    told = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    return f":{emulator}:M:{told['offset']}:{told['magic']}:{told['mask']}:{told['interpreter']}:CFP"
