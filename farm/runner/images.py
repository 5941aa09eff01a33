"""Images as the data set holds them."""

import struct
from functools import reduce
from operator import mul

import numpy as np
from faults import Fault

_GREY, _COLOUR = 0x00000803, 0x00000804
"""Magic numbers of IDX files of unsigned bytes in three dimensions, and in four (format of the MNIST files)."""
_CHANNELS = 3


def load(path):
    """Return the images of an IDX file, uint8: grey (n, h, w), or red, green and blue (n, h, w, 3); else Fault."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 16:
        raise Fault("dataset", "{}: {} bytes are no IDX file".format(path, len(data)))
    magic, count, height, width = struct.unpack(">IIII", data[:16])
    if magic not in (_GREY, _COLOUR):
        text = "{}: magic number {:#010x}, want {:#010x}, or {:#010x} for colours"
        raise Fault("dataset", text.format(path, magic, _GREY, _COLOUR))
    shape, begin = (count, height, width), 16
    if magic == _COLOUR:
        shape, begin = shape + struct.unpack(">I", data[16:20].rjust(4, b"\0")), 20
        if shape[3] != _CHANNELS:
            raise Fault("dataset", "{}: {} channels; want 3, which are red, green and blue".format(path, shape[3]))
    pixels = reduce(mul, shape)  # whole numbers of any size: a header may say anything
    if count == 0 or len(data) - begin != pixels:
        text = "{}: {} bytes of pixels; the header says {} images of {}"
        sides = " x ".join(map(str, shape[1:]))
        raise Fault("dataset", text.format(path, len(data) - begin, count, sides))
    return np.frombuffer(data, np.uint8, offset=begin).reshape(shape)
