"""The names on a board: what is linked, what is current, what may be gone back to; the same for every board."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from shlex import quote
from typing import Any

from devices.shell import Shell

from ...errors import LabFault, UsageFault
from ..document import decode
from ..fence import lease_of, require_taken
from .wanted import Wanted

ON_BOARD = resources.files(__package__ or "") / "on_board"
"""What runs on the board: a shell's part, which every board has, and the helper in Python."""


_TAKEN_OVER, _HELD = 76, 77
"""As ``lock.sh`` ends: a later deployment has come; an earlier one's step did not end in time."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One artifact that a board has and keeps."""

    artifact: str
    """Identity."""
    name: str
    current: bool
    deployed_utc: datetime | None
    """The controller's clock when it became current; None for one that an older farm put there."""
    dataset: str | None = None
    """Id of the data set that was deployed with it; None where nobody noted that."""
    dataset_name: str | None = None
    """As the artifact's manifest says; None where that names none."""


def links(wanted: Wanted) -> list[tuple[str, str]]:
    """Return the names to be put in place and what they point to. That is relative: the work folder may move."""
    names = [(f"{folder}/{name}", blob) for folder, files in wanted.folders.items() for name, blob in files.items()]
    return [(path, "../" * path.count("/") + f"blobs/{blob.sha256}") for path, blob in names]


def activation(shell: Shell, wanted: Wanted, keep: int, *, linked: bool) -> str:
    """Return the commands that put the names in place unless they are, make the artifact current, and tidy up."""
    now_s = int(datetime.now(UTC).timestamp())
    lease = lease_of(shell)
    lines = [store()]
    lines += [] if linked else [f"link {quote(path)} {target}" for path, target in links(wanted)]
    lines += [f"program {blob.sha256}" for blob in wanted.blobs.values() if blob.executable]
    lines += [
        f"remember {wanted.artifact} {wanted.dataset} {wanted.runner} {lease} {now_s}",
        f"switch_to {wanted.artifact}",
        f"collect {keep} {lease}",
        'for part in incoming/*; do [ ! -e "$part" ] || rm -rf "$part"; done',
    ]
    return "\n".join(lines)


def making_room(shell: Shell, keep: int) -> str:
    """Return the commands that remove already what :func:`activation` would remove after one more artifact."""
    return f"{store()}\n[ ! -f history ] || collect {keep - 1} {lease_of(shell)}"


def deployed(shell: Shell, workdir: str) -> list[Kept]:
    """Return what a board has and keeps, the latest first; empty where nothing was deployed.

    Raises:
        LabFault: what lies there cannot be understood.
        devices.errors.DeviceError: the board.
    """
    script = f"cd {quote(workdir)} 2>/dev/null || exit 0\n{store()}\nlist"
    current, *lines = shell.run("sh -s", stdin=script.encode()).text.splitlines() or [""]
    try:
        pairs = zip(lines[::2], lines[1::2], strict=True)
        kept = [_kept(line.split(), manifest, current) for line, manifest in pairs]
    except (ValueError, UsageFault) as error:
        raise LabFault(shell.name, f"{workdir}/history: {error}", hint="deploy again") from error
    return kept[::-1]


def _kept(words: list[str], manifest: str, current: str) -> Kept:
    artifact, dataset, _, _, when = words
    at = datetime.fromtimestamp(int(when), UTC) if when != "0" else None
    said = decode(manifest.encode(), artifact)
    named: dict[str, Any] = said.get("dataset") or {}
    return Kept(
        artifact,
        str(said["name"]),
        artifact == current,
        at,
        None if dataset == "-" else dataset,
        str(named["name"]) if named.get("id") == dataset else None,
    )


def require_done(shell: Shell, workdir: str, status: int, out: str, err: str) -> None:
    """Raise what commands of a deployment ended with.

    Raises:
        LeaseLost: the board has seen a later lease.
        LabFault: it could not do them, or another deployment is in the way.
    """
    require_taken(shell, status, out)
    if status in (_TAKEN_OVER, _HELD):
        hint = "wait until it has ended; or look what it waits for, and end that process" if status == _HELD else ""
        raise LabFault(shell.name, f"{workdir}: {err.strip()}", hint=hint)
    if status:
        full = "No space" in err
        hint = f"remove old files under {workdir}, or look what fills the disk" if full else ""
        raise LabFault(shell.name, f"{workdir}: status {status}: {err.strip() or 'nothing said'}", hint=hint)


def store() -> str:
    """Return the shell's functions for names."""
    return functions("store.sh")


def functions(name: str) -> str:
    """Return the shell's functions of a file, without what only people read."""
    text = (ON_BOARD / name).read_text(encoding="utf-8")
    return re.sub(r"^#.*\n|(?<=\{) #.*$", "", text, flags=re.MULTILINE)
