"""What disturbs a board twin from within: somebody, or its own heat, changes what a trial may count on."""

from collections.abc import Mapping
from pathlib import Path

from .model import Model
from .tree import write_atomically

_GOVERNORS = "sys/devices/system/cpu/cpufreq/policy*/scaling_governor"
_SPEEDS = "sys/bus/usb/devices/*/speed"


class Disturbance:
    """Changes files of the board, and puts them back."""

    def __init__(self, root: Path, model: Model) -> None:
        self._root, self._model = root, model
        self._before: dict[str, dict[Path, str]] = {}

    def throttle(self, on: bool) -> None:
        """Let the board hold itself back; what it remembers of that stays until it boots."""
        for path, (held_back, afterwards) in self._model.throttle.items():
            write_atomically(self._root / path, (held_back if on else afterwards) + "\n")

    def governor(self, on: bool) -> None:
        """Let somebody set the slowest governor."""
        self._swap("governor", on, dict.fromkeys(self._root.glob(_GOVERNORS), "powersave"))

    def usb(self, on: bool) -> None:
        """Let every link of USB 3 come back as one of USB 2."""
        fast = [path for path in self._root.glob(_SPEEDS) if int(path.read_text()) > 480]
        self._swap("usb", on, dict.fromkeys(fast, "480"))

    def _swap(self, what: str, on: bool, texts: Mapping[Path, str]) -> None:
        if on and what not in self._before:
            self._before[what] = {path: path.read_text() for path in texts}
            for path, text in texts.items():
                write_atomically(path, text + "\n")
        elif not on:
            for path, text in self._before.pop(what, {}).items():
                write_atomically(path, text)
