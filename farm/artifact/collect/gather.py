"""From chosen images to a data set: brought here, hidden, and only then written."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from ...errors import LabFault, UsageFault
from ...store.frame_facts import DatasetFacts
from ..dataset import CollectedFrom, write_dataset
from .acquired import Found
from .choose import Chosen, Told
from .images import Images
from .policy import Policy
from .privacy import Hidden, hide, told


@dataclass(frozen=True, slots=True)
class Collected:
    """A data set that was written."""

    id: str
    images: int
    source: str


def require_new(out: Path) -> None:
    """Raise UsageFault where a data set cannot be written: nothing is written over."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageFault(f"{out}: is there already; name a new folder, or empty it")


def gather(
    chosen: Chosen, images: Images, policy: Policy, of: DatasetFacts, records: Sequence[Told], out: Path, name: str
) -> Collected | None:
    """Write the images that were chosen as a data set; None where hiding has left none.

    Args:
        chosen: which.
        images: where they are.
        policy: what to hide, and whether labels go along.
        of: the data set that they are of.
        records: what told of them.
        out: a folder that is not there, or empty.
        name: of the new data set.

    Raises:
        UsageFault: the folder is not empty; or hiding cannot be done.
        LabFault, devices.errors.DeviceError: the images cannot be had.
    """
    require_new(out)
    value_max = _known(of, of.value_max, "the largest value of its pixels")
    labels = [chosen.labels.get(index) for index in chosen.indices]
    hidden = hide(list(images.read(chosen.indices)), labels, policy.hide, value_max=value_max, folder=policy.folder)
    indices = [chosen.indices[place] for place in hidden.places]
    labelled = policy.labels == "from data set"
    what = f"{len(indices)} of the {of.images} images of {of.name} {of.id[:12]}: {_wanted(policy)}"
    source = f"{what}; privacy: {told(policy.hide, hidden)}"
    write = partial(
        write_dataset,
        labels=np.array([chosen.labels[index] for index in indices], np.uint8) if labelled else None,
        name=name,
        source=source,
        value_max=value_max,
        classes=_known(of, of.classes, "how many classes there are") if labelled else None,
        collected=CollectedFrom(
            records=sorted({one.record for one in records}),
            artifacts=sorted({one.artifact for one in records}),
            dataset=of.id,
            indices=indices,
        ),
    )
    return _written(out, hidden, write, source)


def gather_acquired(found: Found, policy: Policy, board: str, out: Path, name: str) -> Collected | None:
    """Write the images that a board has acquired, without labels; as :func:`gather`."""
    require_new(out)
    unknown = [None] * len(found.images)
    hidden = hide(list(found.images), unknown, policy.hide, value_max=found.value_max, folder=policy.folder)
    source = f"{len(hidden.images)} of {len(found.images)} images that {board} has acquired"
    source += f"; privacy: {told(policy.hide, hidden)}"
    kept = dict.fromkeys(found.files[place] for place in hidden.places)  # what was refused is not named either
    write = partial(
        write_dataset,
        labels=None,
        name=name,
        source=source,
        value_max=found.value_max,
        classes=None,
        collected=CollectedFrom(board=board, files=list(kept)),
    )
    return _written(out, hidden, write, source)


def _written(out: Path, hidden: Hidden, write: Callable[..., str], source: str) -> Collected | None:
    """Write the whole folder beside its place first: it is there whole, or not at all."""
    if not hidden.images:
        return None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            id_ = write(folder, images=np.stack(hidden.images))
            folder.chmod(0o755)  # as any new folder: mkdtemp's are for one user alone
            folder.replace(out)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except OSError as error:
        raise LabFault(str(out), str(error), hint="is the disk full, the folder writable?") from error
    return Collected(id_, len(hidden.images), source)


def _wanted(policy: Policy) -> str:
    words = ["misclassified"] * policy.misclassified
    if policy.least_margin is not None:
        words.append(f"the {100 * policy.least_margin:.10g} % of least margin")
    return " and ".join(words) + (f", at most {policy.at_most}" if policy.at_most else "")


def _known(of: DatasetFacts, value: int | None, what: str) -> int:
    if value is None:
        raise UsageFault(f"data set {of.name}: its records do not say {what}: an older farm wrote them; run it again")
    return value
