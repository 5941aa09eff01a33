"""What the board can run: its stand-ins, its Python, and the environment that its programs see."""

import shutil
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
_HOST_PATH = "/usr/local/bin:/usr/bin:/bin"


class Software:
    """The programs of one board, all below its own folder."""

    def __init__(self, folder: Path, root: Path, model: Model, *, user: str, serial_number: str) -> None:
        self._root, self._model, self._user = root, model, user
        self._stand_ins, self._python, self._full = folder / "stand-ins", folder / "python", folder / "full-disk"
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

    def environment(self) -> dict[str, str]:
        """Return all that a board's program gets to see: nothing of the controller's own environment."""
        name, _, value = self.marker.partition("=")
        own = (self._full, self._stand_ins, self._python / "bin", self._root / "usr/local/bin")
        return {
            "PATH": ":".join([*map(str, own), _HOST_PATH]),
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
