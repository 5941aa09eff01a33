"""Commands of the user's own, for a switch that has no driver here.

Each is a list of arguments and is run as it stands, without a shell: write ``[sh, -c, "…"]`` where one is wanted.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, Field, model_validator

from ..errors import SwitchBlind, SwitchOffline
from ..switch import SwitchConfig
from .base import AskedSwitch
from .confirm import BLIND_HINT
from .program import run

Arguments = Annotated[list[str], Field(min_length=1)]
_HINT = "run the command by hand: what does it print, and does `echo $?` say 0?"


class Command(AskedSwitch):
    """A switch of the user's own, through commands."""

    class Config(SwitchConfig):
        """Options in the inventory."""

        on: Arguments
        """Switches on, and ends with 0 once that is done."""
        off: Arguments
        state: Arguments | None = None
        """Prints one of the two words below. Without it the switch can never confirm."""
        says_on: str = Field(default="on", min_length=1)
        """All that ``state`` prints when the switch is on, but for spaces around it."""
        says_off: str = Field(default="off", min_length=1)
        timeout_s: float = Field(default=10.0, gt=0)
        """For each command; assumed."""

        @model_validator(mode="after")
        def _on_is_not_off(self) -> Self:
            if self.on == self.off:
                raise ValueError("`on` and `off` are the same command; correct one of them")
            if self.says_on.strip() == self.says_off.strip():
                raise ValueError("`says_on` and `says_off` are the same word; correct one of them")
            return self

        @property
        def reads_back(self) -> bool:
            """Whether there is a command that asks."""
            return self.state is not None

    verified: ClassVar[tuple[str, ...]] = ("programs of the tests",)
    disobeyed_hint: ClassVar[str] = "run the commands by hand: does `state` print what `on` and `off` did?"

    def __init__(self, name: str, program: Callable[[Sequence[str]], str], options: "Command.Config") -> None:
        """Switch through ``program``, which runs a command and returns what it printed, or raises SwitchOffline."""
        super().__init__(name, options.min_off_s)
        self._program, self._options = program, options

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Ask for the state, where there is a command for it, and leave it as it is.

        Raises:
            SwitchOffline: the command fails, or prints neither word.
        """
        options = cls.Config.model_validate(config)
        switch = cls(name, lambda argv: run(name, argv, timeout_s=options.timeout_s, hint=_HINT), options)
        if options.reads_back:
            switch.state()
        return switch

    def state(self) -> bool:
        """Run ``state``: True when on; SwitchOffline when it does not tell, SwitchBlind when there is none."""
        options = self._options
        if options.state is None:
            raise SwitchBlind(self.name, "has no `state` command to ask with", hint=f"write one, or {BLIND_HINT}")
        printed = self._program(options.state).strip()
        words = {options.says_on: True, options.says_off: False}
        if printed not in words:
            what = f"{' '.join(options.state)}: prints {printed[:60]!r}, neither {' nor '.join(map(repr, words))}"
            raise SwitchOffline(self.name, what, hint=_HINT)
        return words[printed]

    def send(self, on: bool) -> None:
        """Run ``on`` or ``off``; SwitchOffline when it fails."""
        self._program(self._options.on if on else self._options.off)
