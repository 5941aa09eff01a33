"""Twin of an LCUS relay board: four bytes switch; what can be asked depends on the kind (see the driver).

Frames: the sellers' data sheets; the two kinds of answer: as public programs read them.
"""

from .instrument import Twin
from .link import Link, PtyLink

_START, _STATUS = 0xA0, 0xFF
_FRAME_BYTES = 4
_OFF, _ON, _ASK = 0x00, 0x01, 0x05


class SerialRelay(Twin):
    """The channel that the inventory names feeds the board; the others feed nothing."""

    def power_up(self) -> None:
        """Wake with the channels below ours off."""
        self._channel = int(self.options.get("channel", 1))
        self._board = str(self.options.get("board", "lcus"))

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Open a pseudo-terminal."""
        link = PtyLink(self.name, cut_frames, self.respond)
        return link, {"port": link.address}

    def answer(self, request: bytes) -> bytes:
        """Run one frame; only the kinds that can are asked with success."""
        if request == bytes((_STATUS,)):
            return self._lines() if self._board == "lcus-status" else b""
        _, channel, operation, _ = request
        if channel != self._channel:
            return b""
        if operation in (_OFF, _ON) and self.set_power is not None:
            self.set_power(operation == _ON)
        if operation == _ASK and self._board == "lcus-feedback":
            state = int(self.supply.on)
            return bytes((_START, channel, state, (_START + channel + state) & 0xFF))
        return b""

    def _lines(self) -> bytes:
        states = [False] * (self._channel - 1) + [self.supply.on]
        return b"".join(b"CH%d: %b\r\n" % (n, b"ON " if on else b"OFF") for n, on in enumerate(states, start=1))


def cut_frames(arrived: bytearray) -> list[bytes]:
    """Take whole frames with a right sum, and the one-byte question; other bytes are passed over."""
    frames: list[bytes] = []
    while arrived:
        if arrived[0] == _STATUS:
            frames.append(bytes(arrived[:1]))
            del arrived[:1]
        elif arrived[0] != _START:
            del arrived[:1]
        elif len(arrived) < _FRAME_BYTES:
            break
        else:
            frame = bytes(arrived[:_FRAME_BYTES])
            right = sum(frame[:3]) & 0xFF == frame[3]
            frames += [frame] * right
            del arrived[: _FRAME_BYTES if right else 1]
    return frames
