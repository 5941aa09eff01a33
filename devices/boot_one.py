"""What is known of the one boot that runs: who has spoken so far, and whether a line says that it began anew."""

from dataclasses import dataclass, field

from .boot_lines import Stamp
from .boot_patterns import KERNEL_BANNER, KERNEL_CPU, LOADER, STARTS_KERNEL, Cue, Sign, Stage

_NAMELESS_INIT_LINES = 20
"""Assumed: a kernel that does not stamp its lines says less after it has freed its memory and started init."""
_DOUBLED_WITHIN = 2
"""Lines: a port that is two consoles at once (SeaBIOS, earlycon) prints its first words twice; assumed."""
_REPLAYED_WITHIN = 3
"""Lines between the word of a new console and the old log's first line; assumed."""


@dataclass(slots=True)
class Boot:
    """One boot, from its first words on."""

    stage: Stage | None = None
    reached_ns: dict[Stage, int] = field(default_factory=dict[Stage, int])
    step: int = 0
    """The greatest so far."""
    stamped: bool = False
    """The kernel stamps its lines."""
    signs: int = 0
    """How many lines told the stage; prompts are none."""
    in_initramfs: bool = False
    typed: bool = False
    """Somebody types at the boot loader: a restart before the kernel runs is wanted."""
    ordered: bool = False
    """Somebody has ordered the system down: the next restart is wanted."""
    announced: bool = False
    """The next restart is no silent one."""
    handed_on: bool = False
    """This kernel starts the next one."""
    shows_log: bool = False
    """A command prints the kernel's log: these lines are no boot."""
    _said: dict[str, int] = field(default_factory=dict[str, int])
    """First words of programs, and the line at which each was said last."""
    _steps: set[int] = field(default_factory=set[int])
    _left_initramfs: bool = False
    _init_since: int = -1
    """The line at which the kernel started init."""
    _replays_from: int = -1

    @property
    def by_hand(self) -> bool:
        """Tell whether a restart now is somebody's wish."""
        return self.ordered or (self.typed and (self.stage is None or self.stage.place < Stage.KERNEL.place))

    def take(self, cue: Cue, number: int) -> None:
        """Let a line say how to take the next ones."""
        match cue.name:
            case "in initramfs":
                self.in_initramfs = not self._left_initramfs
            case "leaves initramfs":
                self.in_initramfs, self._left_initramfs = False, True
            case "hands over":
                self._forget(" SPL ")
            case "once more":
                self._forget("Bootcode")
            case "ordered":
                self.ordered = self.announced = self.stage is not None
            case "loader resets":
                self.announced = True
            case "handed on":
                self.handed_on = True
            case "init runs":
                self._init_since = number
            case "replays":
                self._replays_from = number

    def _forget(self, who: str) -> None:
        self._said = {words: line for words, line in self._said.items() if who not in words}

    def has_init(self, number: int) -> bool:
        """Tell whether a line that the kernel did not stamp is its init's."""
        if self._init_since < 0:
            return False
        return self.stamped or number - self._init_since > _NAMELESS_INIT_LINES

    def knows_already(self, sign: Sign, number: int, stamp: Stamp) -> bool:
        """Tell whether a sign is an old log's: of a new console, of a command."""
        if self.shows_log and sign.stage.place >= Stage.KERNEL.place:
            return True
        if sign.step not in (KERNEL_CPU, KERNEL_BANNER):
            return False
        replayed = self._replays_from >= 0 and number - self._replays_from <= _REPLAYED_WITHIN
        return replayed or (self.stamped and not stamp)

    def begins_anew(self, sign: Sign, words: str, number: int) -> bool:
        """Tell whether a sign shows that the board has begun anew."""
        if not sign.step:
            return False
        before_loader = sign.step < LOADER
        again = sign.once and words in self._said
        again |= sign.step in (KERNEL_CPU, KERNEL_BANNER) and sign.step in self._steps
        doubled = not before_loader and number - self._said.get(words, 0) <= _DOUBLED_WITHIN
        back = sign.step < self.step and (
            sign.once or self.step >= STARTS_KERNEL or (before_loader and self.step >= LOADER)
        )
        return (again and not doubled) or back

    def saw(self, sign: Sign, words: str, number: int, stamp: Stamp) -> None:
        """Note a sign."""
        self.stamped |= stamp == "kernel"
        self.signs += 1
        if sign.step:
            self.step = max(self.step, sign.step)
            self._steps.add(sign.step)
            self._said[words] = number
