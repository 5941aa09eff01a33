"""What is hidden before anything is written. Every image goes through it in this machine's memory alone."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageFault
from .netpbm import format_netpbm, parse_netpbm
from .policy import Hide

Image = NDArray[np.uint8]
"""(h, w), or (h, w, 3)."""

REFUSED = 77
"""EX_NOPERM of sysexits.h: a program that ends so refuses the image, which is left out."""
_AN_IMAGE_S = 60.0
"""For a program and one image (assumed: a face detector takes a second)."""


@dataclass(slots=True)
class Hidden:
    """What is left, and what was done."""

    places: list[int] = field(default_factory=list[int])
    """Of those that are left, among the images that were given."""
    images: list[Image] = field(default_factory=list[Image])
    dropped: int = 0
    """By their class."""
    refused: int = 0
    """By the program."""


def hide(
    images: Sequence[Image], labels: Sequence[int | None], hiding: Hide | None, *, value_max: int, folder: Path
) -> Hidden:
    """Return images as they may be written.

    Args:
        images: all of one shape.
        labels: true classes; None where nobody knows.
        hiding: what to do; None: nothing.
        value_max: the largest value that a pixel may have.
        folder: where a program's path begins.

    Raises:
        UsageFault: the program cannot be run, or gives something else than an image of the same size.
    """
    found = Hidden()
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        if hiding is not None and label in (hiding.drop_classes or ()):
            found.dropped += 1
            continue
        shown: Image | None = image
        if hiding is not None and hiding.pixelate is not None:
            shown = pixelated(image, hiding.pixelate.block)
        if hiding is not None and hiding.command is not None:
            shown = by_command(shown, hiding.command, value_max=value_max, folder=folder)
        if shown is None:
            found.refused += 1
            continue
        found.places.append(place)
        found.images.append(shown)
    return found


def told(hiding: Hide | None, hidden: Hidden) -> str:
    """Say in a data set's ``source`` what was hidden, and by what."""
    if hiding is None:
        return "none"
    words: list[str] = []
    if hiding.drop_classes is not None:
        words.append(f"{hidden.dropped} images of the classes {', '.join(map(str, hiding.drop_classes))} left out")
    if hiding.pixelate is not None:
        words.append(f"pixelated in blocks of {hiding.pixelate.block}")
    if hiding.command is not None:
        words.append(f"`{join(hiding.command)}`, which refused {hidden.refused} images")
    return ", ".join(words)


def pixelated(image: Image, block: int) -> Image:
    """Return an image of squares, each of its mean; the last ones of a row or column take what is left, too."""
    rows, columns = _edges(image.shape[0], block), _edges(image.shape[1], block)
    sums = np.add.reduceat(np.add.reduceat(image.astype(np.int64), rows, axis=0), columns, axis=1)
    heights, widths = np.diff(rows, append=image.shape[0]), np.diff(columns, append=image.shape[1])
    pixels = np.outer(heights, widths).reshape(*sums.shape[:2], *(1,) * (image.ndim - 2))
    means = (2 * sums + pixels) // (2 * pixels)
    return np.repeat(np.repeat(means, heights, axis=0), widths, axis=1).astype(np.uint8)


def _edges(size: int, block: int) -> NDArray[np.int64]:
    return np.arange(max(1, size // block), dtype=np.int64) * block


def by_command(image: Image, command: Sequence[str], *, value_max: int, folder: Path) -> Image | None:
    """Return what a program makes of an image; None where it refuses it.

    It gets a PGM file (of colours: PPM), and gives one of the same size and range; status 77 refuses the image.

    Raises:
        UsageFault: it cannot be run, ends otherwise, takes too long, or gives something else.
    """
    program, *arguments = command
    if "/" in program:
        program = str((folder / program).absolute())
    try:
        done = subprocess.run(
            [program, *arguments],
            input=format_netpbm(image, value_max),
            capture_output=True,
            timeout=_AN_IMAGE_S,
            check=False,
        )
    except OSError as error:
        raise UsageFault(f"privacy.command: {program}: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise UsageFault(f"privacy.command: {program}: not done with an image after {_AN_IMAGE_S:.0f} s") from error
    if done.returncode == REFUSED:
        return None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2] or "nothing"
        raise UsageFault(
            f"privacy.command: {program} ended with status {done.returncode}: {said}; {REFUSED} refuses an image"
        )
    try:
        shown, largest = parse_netpbm(done.stdout)
    except ValueError as error:
        raise UsageFault(f"privacy.command: {program}: its output is no image: {error}") from error
    if shown.shape != image.shape or largest != value_max:
        want = f"{image.shape} up to {value_max}"
        raise UsageFault(f"privacy.command: {program}: gives an image of {shown.shape} up to {largest}, not {want}")
    return shown
