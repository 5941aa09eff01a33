"""PGM and PPM, binary, with values of one byte: what any program for images reads and writes."""

import re
from math import prod

import numpy as np
from numpy.typing import NDArray

_BLANK = rb"(?:\s|#[^\n]*\n)+"
_HEAD = re.compile(rb"P([56])" + _BLANK + rb"(\d{1,5})" + _BLANK + rb"(\d{1,5})" + _BLANK + rb"(\d{1,5})\s")
"""Kind, width, height, largest value; then the pixels, row by row (netpbm's own definition of the formats)."""
_CHANNELS = {b"5": (), b"6": (3,)}


def format_netpbm(image: NDArray[np.uint8], value_max: int) -> bytes:
    """Encode an image of shape (h, w) as PGM, (h, w, 3) as PPM."""
    height, width = image.shape[:2]
    return f"P{5 if image.ndim == 2 else 6}\n{width} {height}\n{value_max}\n".encode() + image.tobytes()


def parse_netpbm(data: bytes) -> tuple[NDArray[np.uint8], int]:
    """Decode one image and its largest possible value; ValueError where it is none."""
    head = _HEAD.match(data)
    if head is None:
        raise ValueError(f"begins with {data[:8]!r}; want PGM (P5) or PPM (P6)")
    width, height, value_max = (int(number) for number in head.groups()[1:])
    shape = (height, width, *_CHANNELS[head[1]])
    if not 1 <= value_max <= 255 or not height * width:
        raise ValueError(f"{width} x {height} pixels of up to {value_max}; want values of one byte")
    if len(data) - head.end() != prod(shape):
        raise ValueError(f"{len(data) - head.end()} bytes of pixels for a shape of {shape}")
    image = np.frombuffer(data, np.uint8, offset=head.end()).reshape(shape)
    if image.max() > value_max:
        raise ValueError(f"a value over {value_max}")
    return image, value_max
