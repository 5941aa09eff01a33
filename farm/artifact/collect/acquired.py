"""Images that a board has acquired itself: files in a folder there, of which nobody knows what they show."""

import re
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from devices.shell import Shell

from ...errors import LabFault, UsageFault
from ..dataset import parse_idx
from .netpbm import parse_netpbm

_LIST = """\
cd {folder} || exit 66
for file in *.idx *.pgm *.ppm; do [ ! -f "$file" ] || echo "$file"; done
"""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")
_GREY_IMAGES, _COLOUR_IMAGES = 3, 4
"""Dimensions of an IDX file that holds images."""


@dataclass(frozen=True, slots=True)
class Found:
    """Images of one shape, in the order of their files' names."""

    images: NDArray[np.uint8]
    value_max: int
    files: list[str]
    """Of each image: SHA-256 and name of the file that it was taken from."""


def acquired(shell: Shell, folder: str, at_most: int | None) -> Found | None:
    """Return the images that lie in a board's folder, ``at_most`` of them; None where there are none.

    Raises:
        LabFault: there is no such folder.
        UsageFault: a file is no image, or one of another size or range than the first.
        devices.errors.DeviceError: the board.
    """
    done = shell.run("sh -s", stdin=_LIST.format(folder=quote(folder)).encode(), check=False)
    if done.exit_status:
        raise LabFault(shell.name, f"{folder}: {done.stderr.decode('utf-8', 'replace').strip()}")
    images: list[NDArray[np.uint8]] = []
    files: list[str] = []
    value_max = told = 0
    for name in sorted(done.text.splitlines()):
        if at_most is not None and len(images) >= at_most:
            break
        where = f"{shell.name}:{folder}/{name}"
        if not _PLAIN.fullmatch(name):
            raise UsageFault(f"{where}: rename it: letters, digits, blanks, dots, - and _ alone")
        data = shell.download(f"{folder}/{name}")
        these, largest = _parsed(data, where)
        if images and these.shape[1:] != images[0].shape:
            raise UsageFault(f"{where}: images of {these.shape[1:]}; those before are of {images[0].shape}")
        if not name.endswith(".idx") and largest != (told := told or largest):  # an IDX file tells no range
            raise UsageFault(f"{where}: values up to {largest}; those before go up to {told}")
        images += list(these)
        value_max = max(value_max, largest)
        files += [f"{sha256(data).hexdigest()} {name}"] * len(these)
    return Found(np.stack(images)[:at_most], value_max, files[:at_most]) if images else None


def _parsed(data: bytes, where: str) -> tuple[NDArray[np.uint8], int]:
    """Return what a file holds, shape (n, h, w) or (n, h, w, 3), and its largest possible value."""
    try:
        if not where.endswith(".idx"):
            image, value_max = parse_netpbm(data)
            return image[np.newaxis], value_max
        images = parse_idx(data)
        if images.ndim not in (_GREY_IMAGES, _COLOUR_IMAGES) or not images.size:
            raise ValueError(f"an IDX file of shape {images.shape} holds no images")
        return images, max(1, int(images.max()))
    except ValueError as error:
        raise UsageFault(f"{where}: {error}") from error
