"""Puts an artifact, its data set's images and the runner on a board. What the board has is not sent again.

Under the board's work folder::

    blobs/<sha256>            contents, each once
    artifacts/<id>/           manifest.json and the model's files: links to blobs
    datasets/<id>/            images.idx: a link
    runner/<hash>/            the runner's Python files: links
    current -> artifacts/<id> swapped by one rename, after everything else is in place and checked
    lease                     the latest lease under which anything was deployed: an earlier one's holder is refused

Labels are not sent: a board cannot know what it should have answered.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from shlex import quote

from devices.shell import Shell

from ..errors import LabFault, UsageFault
from .dataset import IMAGES, Dataset
from .fence import note_lease, run_fenced
from .manifest import MANIFEST, canonical
from .unpack import Artifact

_SPARE_BYTES = 4 << 20
"""Free space that must remain after a deployment, assumed: links, folders and a board that still logs."""

_SLOWEST_BYTES_PER_S = 50_000
"""Slowest link that is waited for, assumed: the Wi-Fi of a Pi Zero W at the edge of its reach."""

_HASH_TIMEOUT_S = 300.0
"""For one ``sha256sum`` over all blobs: 0.5 GB from an SD card at 10 MB/s, and as much again for the CPU."""

_NO_SUCH_COMMAND = 127
"""POSIX shell: exit status of a command that was not found."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What stands ready on a board, with its paths there."""

    artifact: Artifact
    dataset: Dataset
    model_path: str
    images_path: str
    runner_path: str
    """A folder with a ``__main__.py``."""
    manifest_path: str
    bytes_sent: int
    bytes_reused: int
    """Content that the board had already."""


@dataclass(frozen=True, slots=True)
class _Blob:
    sha256: str
    size: int
    source: bytes | Path


def deploy(
    shell: Shell, workdir: str, artifact: Artifact, dataset: Dataset, *, progress: Progress | None = None
) -> Deployment:
    """Bring a board to exactly this artifact; safe to repeat, and cheap when nothing is missing.

    Args:
        shell: The board.
        workdir: The farm's folder on it, root included; made when it is not there.
        artifact: What :func:`open_artifact` returned.
        dataset: The very data set that the artifact names.
        progress: Told in a few words what is being done.

    Raises:
        UsageFault: another data set than the artifact's.
        LabFault: no space, no permission, or content that arrived damaged.
        LeaseLost: the shell's lease is over, or the board has seen a later one.
        devices.errors.DeviceError: the board.
    """
    if dataset.id != artifact.manifest.dataset.id:
        raise UsageFault(
            f"{artifact.manifest.name}: scored on data set {artifact.manifest.dataset.id[:12]} "
            f"({artifact.manifest.dataset.name}), given {dataset.id[:12]} ({dataset.name}); "
            "accuracies of different data sets cannot be compared"
        )
    folders = _wanted(artifact, dataset)
    blobs = {blob.sha256: blob for folder in folders.values() for blob in folder.values()}
    _make_folders(shell, workdir)
    note_lease(shell, workdir)
    there = _intact(shell, workdir, blobs)
    missing = [blob for sha256, blob in blobs.items() if sha256 not in there]
    sent = _send(shell, workdir, missing, progress or (lambda _: None))
    _link(shell, workdir, folders)
    run_fenced(shell, workdir, f"ln -sfn artifacts/{artifact.id} current.new && mv -T current.new current")
    model, images, runner = (f"{workdir}/{folder}" for folder in folders)
    return Deployment(
        artifact,
        dataset,
        model_path=f"{model}/{artifact.manifest.entry}",
        images_path=f"{images}/{IMAGES}",
        runner_path=runner,
        manifest_path=f"{model}/{MANIFEST}",
        bytes_sent=sent,
        bytes_reused=sum(blobs[sha256].size for sha256 in there),
    )


def _wanted(artifact: Artifact, dataset: Dataset) -> dict[str, dict[str, _Blob]]:
    """Return folder → file → content, folders as seen from the work folder: model, images, runner."""
    listed = artifact.manifest.files.items()
    model = {name: _Blob(facts.sha256, facts.size, artifact.files[name]) for name, facts in listed}
    model[MANIFEST] = _blob(canonical(artifact.manifest))
    sources = (resources.files("farm") / "runner").iterdir()
    runner = {file.name: _blob(file.read_bytes()) for file in sources if file.name.endswith(".py")}
    listing = "".join(f"{blob.sha256} {name}\n" for name, blob in sorted(runner.items()))
    return {
        f"artifacts/{artifact.id}": model,
        f"datasets/{dataset.id}": {IMAGES: _blob(dataset.images_path.read_bytes())},
        f"runner/{hashlib.sha256(listing.encode()).hexdigest()}": runner,
    }


def _blob(data: bytes) -> _Blob:
    return _Blob(hashlib.sha256(data).hexdigest(), len(data), data)


def _make_folders(shell: Shell, workdir: str) -> None:
    made = shell.run(f"mkdir -p {quote(workdir)}/blobs && test -w {quote(workdir)}/blobs", check=False)
    if made.exit_status:
        said = made.stderr.decode("utf-8", "replace").strip() or "not writable"
        full = "No space" in said
        hint = (
            "delete what is not needed on its disk" if full else f"farm provision {shell.name}, which makes this folder"
        )
        raise LabFault(shell.name, f"{workdir}: {said}", hint=hint)


def _intact(shell: Shell, workdir: str, names: Iterable[str]) -> set[str]:
    """Return the blobs that are on the board and hash to their name; broken ones count as absent."""
    listing = shell.run(
        f"cd {quote(workdir)}/blobs && sha256sum {' '.join(names)}", check=False, timeout_s=_HASH_TIMEOUT_S
    )
    if listing.exit_status == _NO_SUCH_COMMAND:
        raise LabFault(shell.name, "has no sha256sum", hint="install coreutils, or a busybox that has it")
    lines = (line.split() for line in listing.text.splitlines())
    return {words[0] for words in lines if len(words) == 2 and words[0] == words[1]}


def _send(shell: Shell, workdir: str, blobs: list[_Blob], tell: Progress) -> int:
    """Upload blobs, look that they arrived whole, and return the bytes sent."""
    if not blobs:
        return 0
    _require_space(shell, workdir, sum(blob.size for blob in blobs) + _SPARE_BYTES)
    sent = 0
    for number, blob in enumerate(blobs, 1):
        tell(f"sending {number}/{len(blobs)}: {blob.size:,} bytes")
        timeout_s = 60 + blob.size / _SLOWEST_BYTES_PER_S
        sent += shell.upload(blob.source, f"{workdir}/blobs/{blob.sha256}", timeout_s=timeout_s)
    arrived = _intact(shell, workdir, [blob.sha256 for blob in blobs])
    if damaged := [blob.sha256[:12] for blob in blobs if blob.sha256 not in arrived]:
        raise LabFault(
            shell.name,
            f"{workdir}/blobs: {', '.join(damaged)} did not arrive as sent",
            hint="the board's disk: dmesg, free space, the SD card's age",
        )
    return sent


def _require_space(shell: Shell, workdir: str, wanted_bytes: int) -> None:
    answer = shell.run(f"df -Pk {quote(workdir)}").text
    words = answer.splitlines()[-1].split() if answer else []
    if len(words) < 4 or not words[3].isdigit():
        raise LabFault(shell.name, f"df {workdir} said {answer!r}: free space unknown")
    if (free_bytes := int(words[3]) * 1024) < wanted_bytes:
        raise LabFault(
            shell.name,
            f"{workdir}: {free_bytes:,} bytes free, {wanted_bytes:,} needed",
            hint=f"remove old files under {workdir}/blobs, or look what fills the disk",
        )


def _link(shell: Shell, workdir: str, folders: dict[str, dict[str, _Blob]]) -> None:
    """Put the names in place. Links are relative: the work folder may move."""
    lines = ["set -e", f"cd {quote(workdir)}"]
    for folder, files in folders.items():
        for name, blob in files.items():
            path = f"{folder}/{name}"
            up = "../" * path.count("/")
            lines += [f"mkdir -p {quote(path.rpartition('/')[0])}", f"ln -sfn {up}blobs/{blob.sha256} {quote(path)}"]
    shell.run("sh -s", stdin="\n".join(lines).encode(), timeout_s=60)
