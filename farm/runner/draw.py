"""The predicted class, drawn into a frame: what a product does that shows its camera's picture."""

import numpy as np

_ROWS = 5
_DIGITS = {
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001001001001",
    "8": "111101111101111",
    "9": "111101111001111",
    "-": "000000111000000",
}
"""Three dots by five, row by row."""
_SHARE = 8
"""Digits are this part of the picture's height, and five pixels at least."""
_WHITE = 255


class Pen:
    """Writes class numbers into frames of one size."""

    def __init__(self, height):
        """Prepare the digits."""
        dot = max(1, height // _SHARE // _ROWS)
        self._glyphs = {digit: _glyph(dots, dot) for digit, dots in _DIGITS.items()}

    def draw(self, frame, prediction):
        """Write a class at the top left, white on black; what a small frame has no room for is cut off."""
        left = 0
        for digit in str(prediction):
            glyph = self._glyphs[digit]
            place = frame[: glyph.shape[0], left : left + glyph.shape[1]]
            ink = glyph[: place.shape[0], : place.shape[1]]
            place[...] = ink if frame.ndim == 2 else ink[..., np.newaxis]
            left += glyph.shape[1]


def _glyph(dots, dot):
    shape = np.array([int(one) * _WHITE for one in dots], np.uint8).reshape(_ROWS, -1)
    framed = np.pad(shape, ((0, 1), (0, 1)), "constant")  # a gap to the next, and to the picture
    return framed.repeat(dot, axis=0).repeat(dot, axis=1)
