"""What the board can run: its stand-ins, its Python, and the environment that its programs see."""

import shutil
import subprocess
import sys
import venv
from importlib.resources import files
from pathlib import Path

from .clock import BoardClock
from .model import Model, fill

_DATA = files("devices.twin")
_COMMON = (
    "apt-get",
    "curl",
    "date",
    "debconf-set-selections",
    "dmesg",
    "dpkg",
    "dpkg-query",
    "getent",
    "groupadd",
    "hostname",
    "poweroff",
    "reboot",
    "shutdown",
    "sudo",
    "sync",
    "systemctl",
    "uname",
    "useradd",
    "userdel",
    "usermod",
)
_WHEN_FULL = ("cat", "cp", "dd", "df", "install", "mkdir", "tar", "tee")
_ANSWER_S = 30.0
_HOST_PATH = "/usr/local/bin:/usr/bin:/bin"


class Software:
    """The programs of one board, all below its own folder."""

    def __init__(self, folder: Path, root: Path, model: Model, *, user: str, serial_number: str) -> None:
        self._root, self._model, self._user = root, model, user
        self._stand_ins, self._python, self._full = folder / "stand-ins", folder / "python", folder / "full-disk"
        self._small = folder / "small"
        self.request = folder / "request"
        """A FIFO: ``reboot`` and ``poweroff`` write what they want into it."""
        self.marker = f"BOARD_TWIN={folder}"
        self._values = model.values(serial_number) | {
            "@ROOT@": str(root),
            "@REQUEST@": str(self.request),
            "@CLOCK@": str(self._site_packages() / "clock"),
        }

    @property
    def home(self) -> Path:
        """Where the user's commands start."""
        return self._root / "root" if self._user == "root" else self._root / "home" / self._user

    def install(self) -> None:
        """Write the stand-ins and make the board's Python."""
        self._write_scripts(self._stand_ins, (*_COMMON, *self._model.extra_stand_ins))
        self._full.mkdir(exist_ok=True)
        self.be_small(False)
        shutil.rmtree(self._python, ignore_errors=True)
        venv.EnvBuilder(symlinks=True, with_pip=False).create(self._python)
        site_packages = self._site_packages()
        (site_packages / "board_clock.py").write_text(_DATA.joinpath("board_clock.py").read_text("utf-8"))
        shared = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        lines = ["import board_clock; board_clock.install()", *shared]
        (site_packages / "board.pth").write_text("\n".join(lines) + "\n")

    def set_clock(self, clock: BoardClock) -> None:
        """Tell the board's programs what time it is."""
        clock.write(self._site_packages() / "clock")

    def fill_disk(self, full: bool) -> None:
        """Put programs that find no space before the real ones, or take them away."""
        shutil.rmtree(self._full, ignore_errors=True)
        self._full.mkdir()
        if full:
            self._write_scripts(self._full, _WHEN_FULL, kind="full_disk")

    def be_small(self, small: bool) -> None:
        """Leave the board without Python, and with busybox for all its programs; or give it what it had.

        Raises:
            ValueError: this machine has no busybox.
        """
        shutil.rmtree(self._small, ignore_errors=True)
        if not small:
            return
        busybox = shutil.which("busybox", path=_HOST_PATH)
        if busybox is None:
            raise ValueError("a board without Python takes its programs from busybox, which this machine lacks")
        told = subprocess.run([busybox, "--list"], capture_output=True, text=True, timeout=_ANSWER_S, check=True)
        self._small.mkdir()
        for name in told.stdout.split():
            if shutil.which(name, path=_HOST_PATH):  # else it is an administrator's, and would reach the host
                (self._small / name).symlink_to(busybox)

    def environment(self) -> dict[str, str]:
        """Return all that a board's program gets to see: nothing of the controller's own environment."""
        name, _, value = self.marker.partition("=")
        python, programs = [self._python / "bin"], _HOST_PATH
        if self._small.exists():
            python, programs = [], str(self._small)
        own = [self._full, self._stand_ins, *python, self._root / "usr/local/bin"]
        return {
            "PATH": ":".join([*map(str, own), programs]),
            "HOME": str(self.home),
            "USER": self._user,
            "LOGNAME": self._user,
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
            "TMPDIR": str(self._root / "tmp"),
            "PYTHONDONTWRITEBYTECODE": "1",
            name: value,
        }

    def _site_packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self._python / "lib" / version / "site-packages"

    def _write_scripts(self, folder: Path, names: tuple[str, ...], kind: str = "board") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            text = _DATA.joinpath("standins", kind, name).read_text("utf-8")
            script = folder / name
            script.write_text(fill(text, self._values))
            script.chmod(0o755)
