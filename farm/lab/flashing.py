"""A new system on a lent board: the right board proven before and after, nothing written without the lease."""

import json
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, cast

from devices.errors import (
    BadImage,
    BootFault,
    ConnectionLost,
    DeadlineExceeded,
    DeviceError,
    HostKeyMismatch,
    HostKeyUnknown,
    Unreachable,
)
from devices.flash.flasher import WHOLE, Flasher, Image, Progress, no_progress
from devices.flash.image import inspect
from devices.flash.registry import load_flasher

from ..errors import LabFault, UsageFault
from ..store.record import Made
from .inventory import Lab
from .known_hosts import KnownHosts, fingerprint
from .reach import KNOWN_HOSTS

if TYPE_CHECKING:
    from devices.console import Console
    from devices.shell import Shell

    from .bench import Bench

_log = logging.getLogger(__name__)

IMAGE = "image"
"""What an inventory and a playbook call the image of the whole medium, beside the names of partitions."""
NOTE = "/etc/edge-test-farm.image"
"""On the board: which images it was flashed with."""

_DOES_NOT_BOOT = (BootFault, Unreachable, ConnectionLost, DeadlineExceeded)
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
_CALL_S = 20.0


@dataclass(frozen=True, slots=True)
class Flashed:
    """What became of a board."""

    board: str
    made: Made
    driver: str
    images: dict[str, str]
    """Partition → SHA-256 of its content; :data:`IMAGE` for the whole medium."""
    size_bytes: int
    verified: str
    """How it is known to be on the board, in words."""
    proven_before: str
    """How it was known to be the right board before anything was written."""
    proven_after: str
    stages: list[str]
    """Of the boot that followed."""


def images_of(named: Mapping[str, str], folder: Path) -> list[Image]:
    """Return the images that an inventory or a playbook names; their files are seen from ``folder``."""
    return [Image(WHOLE if name == IMAGE else name, folder / Path(file).expanduser()) for name, file in named.items()]


def golden(lab: Lab, board: str) -> list[Image]:
    """Return the board's golden image; UsageFault where the inventory names none."""
    entry = lab.boards[board].flash
    if entry is None or not entry.golden:
        raise lab.fault(("boards", board, "flash", "golden"), "missing; add it, `image:` with the file")
    return images_of(entry.golden, lab.folder)


def plan(lab: Lab, board: str, images: Sequence[Image]) -> list[str]:
    """Look at images, programs and this host; return what would be done, a line each. No board is touched.

    Raises:
        UsageFault: the inventory does not say how it is flashed, or an image cannot be used.
        devices.errors.FlashFault: a program or a device of this host is missing.
    """
    with _as_usage():
        return _flasher(lab, board).plan(images)


def digests(board: str, images: Sequence[Image]) -> dict[str, str]:
    """Return partition → SHA-256 of the content; raises UsageFault as :func:`plan`."""
    with _as_usage():
        return {image.partition or IMAGE: inspect(board, image.path).sha256 for image in images}


def flash(bench: "Bench", images: Sequence[Image], *, progress: Progress = no_progress) -> Flashed:
    """Write images to a lent board, boot it, and prove that it is the right one, before and after.

    Raises:
        UsageFault: as :func:`plan`; nothing was touched.
        devices.errors.WrongBoard: another board answers; nothing was written.
        devices.errors.FlashFault, LabFault: it was not written, or cannot be told from its like.
        devices.errors.BootFault: it was written and does not boot.
        LeaseLost: it is another's; nothing more was written.
    """
    flasher = _flasher(bench.inventory, bench.name)
    with _as_usage():
        steps = flasher.plan(images)
    content = digests(bench.name, images)
    before = _prove_before(bench, flasher, progress)
    bench.lease.check()
    _log.info("%s: is flashed by %s (%s): %s", bench.name, _driver(bench), before, "; ".join(steps))
    written = flasher.write(_Seat(bench), images, progress)
    progress("waiting for its boot", None)
    stages = _boot(bench, written.started_ns)
    if written.started_ns is None:
        note(bench, content)
    serial_number = bench.entry.serial_number
    return Flashed(
        board=bench.name,
        made=bench.made,
        driver=_driver(bench),
        images=content,
        size_bytes=written.size_bytes,
        verified=written.verified,
        proven_before=before,
        proven_after=f"serial number {serial_number}" if serial_number else "it boots; the inventory names no number",
        stages=stages,
    )


def note(bench: "Bench", content: Mapping[str, str]) -> None:
    """Leave on the board what it was flashed with, for :func:`noted`; a board that takes no file goes without."""
    path = quote(bench.board.path(NOTE))
    text = json.dumps(dict(content), sort_keys=True) + "\n"
    done = bench.shell.sudo(f"cat > {path}", stdin=text.encode(), timeout_s=_CALL_S, check=False)
    if done.exit_status:
        _log.warning("%s: keeps no note of its image: %s", bench.name, done.stderr.decode("utf-8", "replace").strip())


def noted(shell: "Shell", path: str) -> dict[str, str]:
    """Return what the note at a path of a board says; empty where there is none."""
    said = shell.run(f"cat {quote(path)} 2>/dev/null", timeout_s=_CALL_S, check=False).text
    try:
        value = json.loads(said)
    except ValueError:
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: str(sha256) for name, sha256 in cast("dict[str, object]", value).items()}


# -- steps ------------------------------------------------------------------------------------------


def _flasher(lab: Lab, board: str) -> Flasher:
    if (entry := lab.boards[board].flash) is None:
        raise lab.fault(("boards", board, "flash"), "missing; add it, with `driver:` and `options:`")
    return load_flasher(entry.driver).of(board, entry.config())


def _driver(bench: "Bench") -> str:
    return bench.entry.flash.driver if bench.entry.flash else ""


def _prove_before(bench: "Bench", flasher: Flasher, progress: Progress) -> str:
    """See that what would be written to is the inventory's board, and return in words how that is known."""
    progress("proving which board it is", None)
    tied = flasher.ties()
    try:
        bench.ensure_up()
    except _DOES_NOT_BOOT as fault:
        first = str(fault).partition("\n")[0].removeprefix(f"{bench.name}: ")
        if tied is None:
            hint = "name in its `flash:` options what tells it from its like: a serial number, a USB path"
            raise LabFault(
                bench.name, f"cannot say which board it is, and is not flashed ({first})", hint=hint
            ) from fault
        return f"{tied}; it did not say so itself: {first}"
    if (serial_number := bench.entry.serial_number) is not None:
        return f"serial number {serial_number}, by its own system"
    if tied is None:
        text = "nothing tells it from its like; add `serial_number:` before it is flashed"
        raise bench.inventory.fault(("boards", bench.name), text)
    return tied


def _boot(bench: "Bench", started_ns: int | None) -> list[str]:
    """See it boot and be the right board; return the stages of the boot."""
    try:
        report = bench.power_cycle() if started_ns is None else bench.booted_since(started_ns)
    except (HostKeyMismatch, HostKeyUnknown) as fault:
        _trust_over_console(bench, fault)
        bench.ensure_up()
        return []
    return [str(stage) for stage in report.stages]


def _trust_over_console(bench: "Bench", fault: DeviceError) -> None:
    """Take the new system's host key from its console: a wire that leads to this board and to no other."""
    ssh, console = bench.entry.ssh, bench.entry.console
    if ssh is None or ssh.host_key is not None or console is None or console.user is None:
        raise fault
    bench.login()
    key = " ".join(bench.console.run(f"cat {quote(bench.board.path(_HOST_KEY))}").text.split()[:2])
    if not key.startswith("ssh-ed25519 "):
        raise fault
    KnownHosts(bench.state / KNOWN_HOSTS).note(ssh.host, ssh.port, key)
    _log.info("%s: its new system's host key, read over its console, is trusted: %s", bench.name, fingerprint(key))


@contextmanager
def _as_usage() -> Generator[None]:
    """An image that cannot be used is the caller's fault, not the lab's."""
    try:
        yield
    except BadImage as error:
        raise UsageFault(str(error)) from error


class _Seat:
    """A :class:`devices.flash.flasher.Seat` on a lent bench."""

    def __init__(self, bench: "Bench") -> None:
        self.name = bench.name
        self._bench = bench

    @property
    def console(self) -> "Console":
        return self._bench.console

    @property
    def shell(self) -> "Shell":
        return self._bench.shell

    def off(self) -> None:
        self._bench.power_off()

    def restart(self) -> int:
        return self._bench.restart()

    @contextmanager
    def writing(self) -> Generator[Callable[[], None]]:
        """Ask the database, and keep the next holder from the board while something of ours may still write."""
        with self._bench.lease.acting():
            yield self._bench.lease.check
