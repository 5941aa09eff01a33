"""What is set on a lent board, and how it comes to be as it was: power mode, clocks, fan, supply.

Whatever is set here is noted in the database first. It is undone in reverse order when the lease ends, on every path;
where the process was killed, by the next one that has the board.
"""

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from devices.errors import CommandFailed, DeviceError
from devices.settings import Setting
from power.errors import PowerError

from ..errors import LabFault, UsageFault
from ..store import settings as journal
from ..store.database import Store
from ..store.settings import Noted
from .inventory import Lab
from .lease import Leases, owner

if TYPE_CHECKING:
    from .bench import Bench

SUPPLY = "supply"
"""What the journal calls the board's power, beside the settings of its model."""

_CALL_S = 15.0
"""For one script on the board: ``jetson_clocks`` and ``nvpmodel`` take seconds on a TX2 (assumed)."""
_ANSWER_S = 8.0
"""A board that does not say which boot it is on within this is not asked for more (assumed)."""
_FAULTS = (DeviceError, PowerError, LabFault, UsageFault)
"""UsageFault: a setting that was noted when the inventory named another model; a password that cannot be read."""


class SettingRefused(LabFault):
    """The board is sound, and does not take what was to be set on it: that puts no board out of use."""


class Settings:
    """Sets things on a lent board; all of it is undone when the lease ends."""

    def __init__(self, bench: "Bench", lab: Lab, state: Path) -> None:
        """Take the bench; nothing is touched before something is set."""
        self._bench, self._lab, self._state = bench, lab, state
        self._looked = self._stays_on = False

    def power_mode(self, name: str) -> None:
        """Set the power mode by its name, as ``MAXN``; raises as :meth:`set`."""
        self.set("power_mode", name)

    def governor(self, name: str) -> None:
        """Set the CPU frequency governor of every core that is on; raises as :meth:`set`."""
        self.set("governor", name)

    def max_clocks(self) -> None:
        """Pin the clocks at their maxima; raises as :meth:`set`."""
        self.set("max_clocks", "max")

    def fan(self, level: int) -> None:
        """Set the fan, in the board's own measure: 0 to 255 on a Jetson, turns a minute on a Coral; as :meth:`set`."""
        self.set("fan", str(level))

    def set(self, name: str, value: str) -> None:
        """Set one of the board model's settings, for as long as the board is lent.

        Raises:
            UsageFault: the model has no such setting, or the value is none of it.
            SettingRefused: this board does not have it, or not this value.
            devices.errors.DeviceError: the board or its link.
        """
        setting = self._setting(name)
        if not re.fullmatch(setting.values, value):
            raise UsageFault(f"{self._bench.name}: {name} {value!r}: wants {setting.values}")
        before = self._save(setting)
        if not before:
            hint = "is it the board of the inventory's `model:`?"
            raise SettingRefused(self._bench.name, f"has no {name} to set", hint=hint)
        boot_id = self._bench.board.boot_id() if setting.until_reboot else None
        self._note(name, value, before, boot_id)
        try:
            self._run(setting.change, value)
        except CommandFailed as failed:
            refused = SettingRefused(self._bench.name, f"does not take {name} {value}: {failed.stderr}")
        else:
            return
        raise refused  # not while the other is handled: what came first would be a fault of the board

    @contextmanager
    def held(self, wanted: Mapping[str, str]) -> Generator[None]:
        """Set several, in their order, for as long as a block runs; put them back on leaving it, whatever by.

        Raises:
            UsageFault, LabFault, devices.errors.DeviceError: as :meth:`set`; LabFault as :meth:`undo`.
        """
        if not wanted:
            yield
            return
        with self._store() as store:
            last = max((noted.number for noted in self._noted(store)), default=0)
        with self._undone(lambda: self._undo_after(last)):
            for name, value in wanted.items():
                self.set(name, value)
            yield

    def leave_on(self) -> None:
        """Let the supply stay on when the lease ends, whatever it was before; said before it is switched on."""
        self._stays_on = True
        with self._store() as store:
            for noted in self._noted(store):
                if noted.name == SUPPLY:
                    journal.forget(store, noted.number)

    def note_supply(self) -> None:
        """Note that the board is off, just before the bench switches it on."""
        if self._stays_on:
            return
        with self._store() as store:
            known = any(noted.name == SUPPLY for noted in self._noted(store))
        if not known:
            self._note(SUPPLY, "on", "off", None)

    def undo_what_was_left(self) -> None:
        """Put back what a process that was killed had set; the bench asks for it once the board is up.

        Raises:
            LabFault: something could not be put back; what is still set is named.
        """
        if self._looked:
            return
        with self._store() as store:
            mine = self._bench.lease.token
            left = [noted for noted in self._noted(store) if noted.token != mine and noted.name != SUPPLY]
            self._undo(store, left)
        self._looked = True

    @contextmanager
    def undone_at_the_end(self) -> Generator[None]:
        """Undo everything on leaving, whatever it is left by.

        Raises:
            LabFault: something could not be put back. Where another error is on its way it is a note on that.
        """
        with self._undone(self.undo):
            yield

    @contextmanager
    def _undone(self, undo: Callable[[], None]) -> Generator[None]:
        try:
            yield
        except BaseException as error:  # being told to end is one too, and stays what the process ends with
            try:
                undo()
            except LabFault as fault:
                if str(fault) not in getattr(error, "__notes__", ()):  # what was tried for a trial is tried once more
                    error.add_note(str(fault))
            raise
        undo()

    def _undo_after(self, number: int) -> None:
        """Put back what was set since a note was made; what cannot be stays noted for the end of the lease."""
        if self._bench.lease.lost is not None:
            return
        with self._store() as store:
            self._undo(store, [noted for noted in self._noted(store) if noted.number > number and noted.name != SUPPLY])

    def undo(self) -> None:
        """Put back everything that is set on the board, by whomever, the newest first.

        A board that is no longer ours is left alone: its next holder does it. What survives a reboot stays noted on
        a board that is off, and is put back when it is next brought up.

        Raises:
            LabFault: something could not be put back; what is still set is named.
        """
        if self._bench.lease.lost is not None:
            return
        with self._store() as store:
            if set_here := self._noted(store):
                self._undo(store, set_here)

    def _undo(self, store: Store, set_here: Iterable[Noted]) -> None:
        still: list[str] = []
        boot_id: str | LabFault | None = None
        for noted in set_here:
            try:
                if noted.name == SUPPLY:
                    done = self._switch_off()
                else:
                    boot_id = self._boot_id() if boot_id is None else boot_id
                    done = self._put_back(noted, boot_id)
            except _FAULTS as fault:
                still.append(f"{noted.name} {noted.value}, set by {noted.owner} ({_first_line(fault, noted.board)})")
            else:
                if done:
                    journal.forget(store, noted.number)
        if still:
            hint = "look at the board; the farm puts it back when it next brings the board up"
            raise LabFault(self._bench.name, f"still set: {'; '.join(still)}", hint=hint)

    def _put_back(self, noted: Noted, boot_id: str | LabFault) -> bool:
        """Return whether it is done with: put back, or gone with the boot that it was set on."""
        off = boot_id == ""
        if noted.boot_id is not None and (off or (isinstance(boot_id, str) and boot_id != noted.boot_id)):
            return True
        if off:
            return False
        if isinstance(boot_id, LabFault):
            raise boot_id
        setting = self._setting(noted.name)
        self._run(setting.put_back, stdin=noted.before.encode())
        if setting.steady and (now := self._save(setting)) != noted.before:
            raise LabFault(noted.board, f"reads {now!r} after it was put back to {noted.before!r}")
        return True

    def _boot_id(self) -> str | LabFault:
        """Return the boot that the board is on, empty when it is off; or why it does not tell, for each to say."""
        try:
            if self._bench.entry.switch is not None and not self._bench.switch.state():
                return ""
            return self._bench.board.boot_id(timeout_s=_ANSWER_S)
        except (DeviceError, PowerError) as fault:
            return LabFault(self._bench.name, _first_line(fault, self._bench.name))

    def _switch_off(self) -> bool:
        if not self._bench.switch.state():
            self._bench.prove_off()
            return True
        with Leases.open(self._lab, self._state) as leases:
            ours = [held for held in leases.held() if held.board == self._bench.name and held.owner == owner()]
        if any(held.kind == "reservation" for held in ours):
            return False  # whoever reserved it goes on with it; it is switched off by the first lease after that
        with suppress(DeviceError):  # a courtesy to its file system: a board that hangs is switched off all the same
            self._bench.board.shell.run("sync", timeout_s=_ANSWER_S, check=False)
        self._bench.power_off()
        return True

    def _setting(self, name: str) -> Setting:
        known = self._bench.board.settings
        if name not in known:
            model = self._bench.entry.model
            raise UsageFault(
                f"{self._bench.name}: a {model} has no {name} to set; there are {', '.join(sorted(known))}"
            )
        return known[name]

    def _save(self, setting: Setting) -> str:
        return self._run(setting.save)

    def _run(self, script: str, value: str = "", stdin: bytes = b"") -> str:
        whole = Setting.script(script, self._bench.board.root, value)
        return self._bench.shell.sudo(whole, stdin=stdin, timeout_s=_CALL_S).stdout.decode("utf-8", "replace")

    def _store(self) -> Store:
        return Store.open(self._lab.database(self._state))

    def _noted(self, store: Store) -> list[Noted]:
        return journal.noted(store, self._bench.name)

    def _note(self, name: str, value: str, before: str, boot_id: str | None) -> None:
        token = self._bench.lease.token
        with self._store() as store:
            journal.note(store, Noted(0, self._bench.name, token, owner(), name, value, before, boot_id))


def _first_line(fault: Exception, board: str) -> str:
    return str(fault).partition("\n")[0].removeprefix(f"{board}: ")
