"""Puts an artifact, its data set's images and the runner on a board. What the board has is not sent again.

Under the board's work folder::

    blobs/<sha256>            contents, each once
    chunks/<sha256>           of a large content: length and hash of its chunks, in their order
    artifacts/<id>/           manifest.json, its signature where it has one, the model's files: links to blobs
    datasets/<id>/            images.idx: a link
    runner/<hash>/            the runner's Python files: links
    current -> artifacts/<id> swapped by one rename, after everything else is in place and checked
    history                   what was deployed, the latest last, and under which lease
    incoming/                 what has arrived of contents that are not whole yet; empty after every deployment
    verified                  contents whose hash was right since the board booted
    deploying                 locked by the helper at work, with its process
    deployer, deploying.N     the same where the shell does everything: see ``on_board/lock.sh``
    lease                     the latest lease under which anything was deployed: an earlier one's holder is refused

Everything goes over one stream, opened by one command. A board with Python >= 3.5 is helped by a script that comes
along (:mod:`.by_python`), another by its shell alone (:mod:`.by_shell`); names are the shell's work on both.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from devices.shell import Shell

from ...errors import LabFault
from ...lab.bench import Bench
from ...lab.inventory import ArtifactsEntry
from ..dataset import IMAGES, Dataset
from ..document import MANIFEST
from ..feed import feed, require_same
from ..fence import fenced, try_fenced
from ..unpack import Artifact
from .back import roll_back
from .by_python import HASH_BYTES_PER_S, bring, note, run_there
from .by_shell import bring_by_shell
from .fits import require_fit
from .helper import Helper, Took
from .lock import alone, new_deployer
from .names import Kept, activation, deployed, links, making_room, require_done
from .needs import NoAccelerator
from .opening import Opened, opened
from .recipes import Recipes
from .wanted import Wanted, wanted

__all__ = ["KEEP", "Deployment", "Kept", "NoAccelerator", "Took", "deploy", "deploy_to", "deployed", "roll_back"]

KEEP = ArtifactsEntry().keep
"""How many artifacts stay on a board, the current one among them, where nobody says otherwise."""

_SPARE_BYTES = 4 << 20
"""Free space that must remain after a deployment, assumed: links, folders and a board that still logs."""

_SLOWEST_BYTES_PER_S = 50_000
"""Slowest link that is waited for, assumed: the Wi-Fi of a Pi Zero W at the edge of its reach."""

_LEAST_S = 120.0
"""For whatever does not grow with the contents, assumed."""

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
    """Of contents, before they were packed for the wire."""
    bytes_reused: int
    """Content that the board had already: whole, in chunks of others, or of a deployment that was cut."""
    took: Took = field(default_factory=Took)
    runs_path: str = ""
    """A folder, not made yet, for what runners keep; "": there is none."""


def deploy_to(
    bench: Bench,
    artifact: Artifact,
    dataset: Dataset | None,
    *,
    device: str | None = None,
    keep: int | None = None,
    progress: Progress | None = None,
) -> Deployment:
    """Deploy to a borrowed board as its inventory says; raises as :func:`deploy`."""
    return deploy(
        bench.shell,
        bench.workdir,
        artifact,
        dataset,
        root=bench.entry.root,
        device=device,
        keep=keep or bench.inventory.artifacts.keep,
        progress=progress,
    )


def deploy(
    shell: Shell,
    workdir: str,
    artifact: Artifact,
    dataset: Dataset | None,
    *,
    root: str = "/",
    device: str | None = None,
    keep: int = KEEP,
    by_shell: bool = False,
    progress: Progress | None = None,
) -> Deployment:
    """Bring a board to exactly this artifact; safe to repeat, and cheap when nothing is missing.

    Until its last rename the board has what it had before; only where that leaves too little space, artifacts that it
    would not keep afterwards go at once. What has arrived when a link breaks, or the controller
    ends, is used by the next deployment. Of two at once the later one goes on, and the earlier is told so.

    Args:
        shell: The board.
        workdir: The farm's folder on it, root included; made when it is not there.
        artifact: What :func:`open_artifact` returned.
        dataset: The very data set that the artifact names; any, or None for noise, where it names none.
        root: Where every path on the board begins.
        device: Which of the runtime's devices is to run it, in place of the artifact's.
        keep: How many artifacts stay on the board, this one among them. Those that the shell's lease has deployed stay
            besides, and those that a running program was started with.
        by_shell: Leave the board's Python alone.
        progress: Told in a few words what is being done.

    Raises:
        UsageFault: another data set than the artifact's, or a board that the artifact cannot run on.
        NoAccelerator: what is to run the artifact does not hang on the board.
        LabFault: no space, no permission, or content that arrived damaged.
        LeaseLost: the shell's lease is over, or the board has seen a later one.
        devices.errors.DeviceError: the board.
    """
    dataset = dataset or feed(artifact, artifact.folder)
    require_same(artifact.manifest, dataset, artifact.manifest.name)
    require_fit(shell, root, artifact.manifest, device)
    want = wanted(artifact, dataset)
    deployer = new_deployer()
    put = partial(_put, shell, workdir, want, keep, deployer, by_shell=by_shell, tell=progress or _silent)
    try:
        took = put()
    except _NoSpace as full:
        room = making_room(shell, keep)
        if full.by_shell:
            room = alone(deployer, "is waited for", room)
        if try_fenced(shell, workdir, room).exit_status:
            raise
        took = put()
    return _ready(workdir, artifact, dataset, want, took)


def _put(
    shell: Shell,
    workdir: str,
    want: Wanted,
    keep: int,
    deployer: str,
    *,
    by_shell: bool,
    tell: Callable[[str], None],
) -> Took:
    """Bring what is missing and make it current; raises as :func:`deploy`."""
    blobs = list(want.blobs.values())
    total = sum(blob.size for blob in blobs)
    timeout_s = _LEAST_S + total / _SLOWEST_BYTES_PER_S + 2 * total / HASH_BYTES_PER_S
    with Recipes(blobs) as recipes, opened(shell, workdir, timeout_s=timeout_s, by_shell=by_shell) as board:
        require_space = partial(_require_space, shell.name, workdir, board)
        if board.stream is not None:
            helper = Helper(shell, workdir, board.stream)
            took = bring(helper, shell.name, workdir, blobs, recipes, require_space, tell)
            script = fenced(shell, workdir, activation(shell, want, keep, linked=True))
            require_done(shell, workdir, *run_there(helper, blobs, links(want), script))
            note(helper, recipes)
            took.chunk_s = recipes.seconds
            helper.end()
        else:
            took = bring_by_shell(shell, workdir, blobs, require_space, tell, deployer=deployer, timeout_s=timeout_s)
            script = alone(deployer, "is waited for", activation(shell, want, keep, linked=False))
            done = try_fenced(shell, workdir, script)
            require_done(shell, workdir, done.exit_status, done.text, done.stderr.decode("utf-8", "replace"))
    return took


def _ready(workdir: str, artifact: Artifact, dataset: Dataset, want: Wanted, took: Took) -> Deployment:
    """Return where everything stands now."""
    model = f"{workdir}/artifacts/{artifact.id}"
    return Deployment(
        artifact,
        dataset,
        model_path=f"{model}/{artifact.manifest.entry}",
        images_path=f"{workdir}/datasets/{dataset.id}/{IMAGES}",
        runner_path=f"{workdir}/runner/{want.runner}",
        manifest_path=f"{model}/{MANIFEST}",
        bytes_sent=took.bytes_sent,
        bytes_reused=sum(blob.size for blob in want.blobs.values()) - took.bytes_sent,
        took=took,
        runs_path=f"{workdir}/runs",
    )


class _NoSpace(LabFault):
    """The board's disk does not hold what is to be sent."""

    by_shell = False
    """Whether the board's shell would have brought it."""


def _require_space(board: str, workdir: str, found: Opened, wanted_bytes: int) -> None:
    if found.free_bytes < wanted_bytes + _SPARE_BYTES:
        said = f"{found.free_bytes:,} bytes free, {wanted_bytes + _SPARE_BYTES:,} needed"
        hint = "keep fewer artifacts there (--keep, or `keep:` in the inventory), or look what fills the disk"
        full = _NoSpace(board, f"{workdir}: {said}", hint=hint)
        full.by_shell = found.stream is None
        raise full


def _silent(_: str) -> None:
    pass
