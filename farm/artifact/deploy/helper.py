"""What is said to the helper in the board's Python, and what it answers."""

import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from devices.errors import ConnectionLost
from devices.shell import Shell, Stream

from ...errors import LabFault
from .codec import Codec
from .opening import ANSWER_S

LENGTH = struct.Struct("<I")
Answer = TypeVar("Answer", bound=BaseModel)


class _Answer(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)


class Survey(_Answer):
    """What the board has. Contents are numbered as they were asked for."""

    have: list[int]
    bare: list[int]
    """Large ones there whose chunks are not known to the board."""
    parts: dict[int, list[tuple[int, str]]]
    """What has arrived of others: SHA-256 of their first so many bytes."""
    held: NonNegativeInt
    """Bytes of the disk that these parts hold."""
    chunked: bool
    """The board knows chunks of something."""
    codecs: list[str]
    hash_s: float


class Filled(_Answer):
    """Which chunks the board lacks of contents that it put together: a bit each, base64."""

    missing: dict[str, str]
    s: float


class Received(_Answer):
    """What arrived, right or not, and what it took."""

    placed: list[str]
    bad: list[str]
    receive_s: float
    hash_s: float
    sync_s: float
    settle_s: float


class Ran(_Answer):
    """How a script on the board ended."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Took:
    """What a deployment took, seconds of the board's own clock where it is its work."""

    bytes_sent: int = 0
    """Of contents, before they were packed for the wire."""
    bytes_on_wire: int = 0
    """Of contents, as they went."""
    codec: Codec = "none"
    survey_s: float = 0.0
    """Reading and hashing what is there."""
    fill_s: float = 0.0
    """Putting together what the board had of large contents."""
    receive_s: float = 0.0
    hash_s: float = 0.0
    """Reading back and hashing, while it came and after."""
    sync_s: float = 0.0
    """Until it was on the disk, after all was hashed; that it is written begins while it comes."""
    settle_s: float = 0.0
    """From the last byte until every content had its name."""
    chunk_s: float = 0.0
    """Cutting large contents into chunks, on the controller, by a thread from the very beginning."""
    there: set[str] = field(default_factory=set[str])
    """Contents that were there already."""


class Helper:
    """The helper at the other end of a stream."""

    def __init__(self, shell: Shell, workdir: str, stream: Stream) -> None:
        """Take the stream from which the helper has said that it is ready."""
        self._name, self._workdir, self._stream = shell.name, workdir, stream

    def tell(self, message: dict[str, Any], *raw: bytes) -> None:
        """Send a message, and what comes raw behind it; raises as :meth:`send`."""
        text = zlib.compress(ascii(message).encode(), 9)
        self.send(b"".join([LENGTH.pack(len(text)), text, *raw]))

    def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            LabFault: the helper has ended, and says why.
            devices.errors.DeviceError: the link.
        """
        try:
            self._stream.send(data)
        except ConnectionLost as error:
            self._explain(error)

    def hear(self, kind: type[Answer], *, timeout_s: float = ANSWER_S) -> Answer:
        """Return the next answer; raises as :meth:`send`."""
        try:
            data = self._stream.readline(timeout_s=timeout_s).data
        except ConnectionLost as error:
            self._explain(error)
        return self._checked(kind, data)

    def end(self) -> None:
        """Let the helper end by itself: what is left running has to be ended, and that takes a second."""
        self.tell({"do": "end"})
        self._stream.exit_status(timeout_s=ANSWER_S)

    def _checked(self, kind: type[Answer], data: bytes) -> Answer:
        try:
            answer = json.loads(data)
            if "error" in answer:
                raise self._fault(str(answer["error"]))
            return kind.model_validate(answer)
        except (ValueError, TypeError, RecursionError, ValidationError) as error:
            raise LabFault(self._name, f"{self._workdir}: the helper says {data[:200]!r}") from error

    def _explain(self, error: ConnectionLost) -> NoReturn:
        """Raise what the helper said before it ended; the error itself where it said nothing, as the link broke."""
        last = b""
        for line in self._stream.lines(idle_timeout_s=ANSWER_S):
            last = line.data
        if not last.startswith(b'{"error"'):
            raise error
        try:
            said = str(json.loads(last)["error"])
        except ValueError:
            raise error from None  # cut off in the middle of it
        raise self._fault(said) from error

    def _fault(self, said: str) -> LabFault:
        full = "No space" in said or "too large" in said
        hint = (
            "remove old files under it, or look what fills the disk" if full else "the board's disk: dmesg, free space"
        )
        return LabFault(self._name, f"{self._workdir}: {said}", hint="" if "taken over" in said else hint)
