"""Brings contents to a board through the helper in its Python: one stream, no question that is not needed."""

import base64
import binascii
import hashlib
import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from devices.errors import ConnectionLost
from devices.shell import Shell, Stream

from ...errors import LabFault
from .chunks import LARGE_BYTES, missing, recipe_of
from .codec import Codec, chosen, frames
from .opening import ANSWER_S
from .wanted import Blob, Stretch

HASH_BYTES_PER_S = 2_000_000
"""Slowest board, read and hashed together, assumed: a Pi Zero hashes 12 MB/s, a worn SD card reads less."""

_LENGTH = struct.Struct("<I")
Answer = TypeVar("Answer", bound=BaseModel)


class _Survey(BaseModel):
    """What the board has. Contents are numbered as they were asked for."""

    have: list[int]
    bare: list[int]
    """Large ones there whose chunks are not known to the board."""
    parts: dict[int, list[tuple[int, str]]]
    """What has arrived of others: SHA-256 of their first so many bytes."""
    held: int
    """Bytes of the disk that these parts hold."""
    chunked: bool
    """The board knows chunks of something."""
    codecs: list[str]
    hash_s: float


class _Filled(BaseModel):
    missing: dict[str, str]
    s: float


class _Received(BaseModel):
    placed: list[str]
    bad: list[str]
    receive_s: float
    hash_s: float
    sync_s: float
    settle_s: float


class _Ran(BaseModel):
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
    """Reading back and hashing what could not be while it came."""
    sync_s: float = 0.0
    """Until it was on the disk, at the same time."""
    settle_s: float = 0.0
    """From the last byte until every content had its name."""
    chunk_s: float = 0.0
    """Cutting large contents into chunks, on the controller, meanwhile."""
    there: set[str] = field(default_factory=set[str])
    """Contents that were there already."""


class Helper:
    """The helper at the other end of a stream."""

    def __init__(self, shell: Shell, workdir: str, stream: Stream) -> None:
        """Take the stream from which the helper has said that it is ready."""
        self._name, self._workdir, self._stream = shell.name, workdir, stream

    def tell(self, message: dict[str, Any], *raw: bytes) -> None:
        """Send a message, and what comes raw behind it; raises as :meth:`send`."""
        text = zlib.compress(json.dumps(message, separators=(",", ":")).encode(), 9)
        self.send(b"".join([_LENGTH.pack(len(text)), text, *raw]))

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
        except (ValueError, TypeError, ValidationError) as error:
            raise LabFault(self._name, f"{self._workdir}: the helper says {data[:200]!r}") from error

    def _explain(self, error: ConnectionLost) -> NoReturn:
        """Raise what the helper said before it ended; the error itself where it said nothing, as the link broke."""
        last = b""
        for line in self._stream.lines(idle_timeout_s=ANSWER_S):
            last = line.data
        if last.startswith(b'{"error"'):
            raise self._fault(str(json.loads(last)["error"])) from error
        raise error

    def _fault(self, said: str) -> LabFault:
        full = "No space" in said or "too large" in said
        hint = (
            "remove old files under it, or look what fills the disk" if full else "the board's disk: dmesg, free space"
        )
        return LabFault(self._name, f"{self._workdir}: {said}", hint="" if "taken over" in said else hint)


def bring(
    helper: Helper,
    board: str,
    workdir: str,
    blobs: Sequence[Blob],
    require_space: Callable[[int], None],
    tell: Callable[[str], None],
) -> Took:
    """See that a board holds every content; what it has, whole or in parts, is not sent.

    Args:
        helper: At the other end.
        board: Its name, for faults.
        workdir: The folder, for faults.
        blobs: The contents.
        require_space: Called with how many bytes will be written, before they are sent; raises where they are too many.
        tell: Told in a few words what is being done.

    Raises:
        LabFault: contents did not arrive as sent, or there is no space for them.
        devices.errors.DeviceError: the link.
    """
    total = sum(blob.size for blob in blobs)
    hash_timeout_s = ANSWER_S + total / HASH_BYTES_PER_S
    helper.tell({"do": "survey", "blobs": [[b.sha256, b.size] for b in blobs], "large": LARGE_BYTES})
    found = helper.hear(_Survey, timeout_s=hash_timeout_s)
    took = Took(survey_s=found.hash_s, there={blobs[index].sha256 for index in found.have})
    absent = {index: blob for index, blob in enumerate(blobs) if blob.sha256 not in took.there}
    bare = [blobs[index] for index in found.bare]
    recipes: dict[str, bytes] = {}
    if absent:
        require_space(sum(blob.size for blob in absent.values()) - found.held)
        plan = {blob.sha256: _rest(blob, found.parts.get(index, [])) for index, blob in absent.items()}
        if found.chunked:
            large = [blob for blob in absent.values() if blob.size >= LARGE_BYTES and plan[blob.sha256]]
            recipes = _fill(helper, board, large, plan, took, hash_timeout_s)
        _send(helper, list(absent.values()), plan, found.codecs, took, tell)
        bare += [blob for blob in absent.values() if blob.size >= LARGE_BYTES]
        begun_ns = time.monotonic_ns()
        # while the board reads back and writes to its disk
        recipes = {blob.sha256: recipes.get(blob.sha256) or recipe_of(blob.source) for blob in bare}
        took.chunk_s = (time.monotonic_ns() - begun_ns) / 1e9
        received = helper.hear(_Received, timeout_s=hash_timeout_s)
        took.receive_s, took.settle_s = received.receive_s, received.settle_s
        took.hash_s, took.sync_s = received.hash_s, received.sync_s
        if received.bad:
            damaged = ", ".join(name[:12] for name in received.bad)
            hint = "the board's disk: dmesg, free space, the SD card's age"
            raise LabFault(board, f"{workdir}/blobs: {damaged} did not arrive as sent", hint=hint)
    else:
        recipes = {blob.sha256: recipe_of(blob.source) for blob in bare}
    if recipes:
        sizes = [[name, len(recipe)] for name, recipe in recipes.items()]
        helper.tell({"do": "note", "recipes": sizes}, *recipes.values())
    return took


def run_there(helper: Helper, links: Sequence[tuple[str, str]], script: str) -> tuple[int, str, str]:
    """Put links in place, then run commands on the board; return their status, output and errors."""
    helper.tell({"do": "run", "links": links, "script": script})
    ran = helper.hear(_Ran)
    return ran.status, ran.out, ran.err


def _rest(blob: Blob, marks: Sequence[tuple[int, str]]) -> list[Stretch]:
    """Return what is left to send of a content of which the board has the beginning, by its hashes."""
    there, at, digest = dict(marks), 0, hashlib.sha256()
    begin = 0
    pieces = blob.pieces() if marks else iter(())
    for piece in pieces:
        cut = 0
        for mark in sorted(m for m in there if at < m <= at + len(piece)):
            digest.update(piece[cut : mark - at])
            cut = mark - at
            if digest.hexdigest() != there[mark]:
                return _stretches(blob, begin)
            begin = mark
        digest.update(piece[cut:])
        at += len(piece)
    return _stretches(blob, begin)


def _stretches(blob: Blob, begin: int) -> list[Stretch]:
    return [(begin, blob.size - begin)] if begin < blob.size or not begin else []


def _fill(
    helper: Helper, board: str, large: list[Blob], plan: dict[str, list[Stretch]], took: Took, timeout_s: float
) -> dict[str, bytes]:
    """Let the board put together what it has of large contents; what it lacks of them becomes the plan."""
    if not large:
        return {}
    recipes = {blob.sha256: recipe_of(blob.source) for blob in large}
    helper.tell({"do": "fill", "recipes": [[n, len(r)] for n, r in recipes.items()]}, *recipes.values())
    filled = helper.hear(_Filled, timeout_s=timeout_s)
    took.fill_s = filled.s
    try:
        for name, recipe in recipes.items():
            plan[name] = missing(recipe, base64.b64decode(filled.missing[name]))
    except (KeyError, ValueError, binascii.Error) as error:
        raise LabFault(board, f"the helper does not say which chunks it lacks: {error}") from error
    return recipes


def _send(
    helper: Helper,
    absent: list[Blob],
    plan: dict[str, list[Stretch]],
    codecs: list[str],
    took: Took,
    tell: Callable[[str], None],
) -> None:
    stretches = [(blob, stretch) for blob in absent for stretch in plan[blob.sha256]]
    took.bytes_sent = sum(length for _, (_, length) in stretches)
    took.codec = chosen(codecs, stretches)
    packed = "" if took.codec == "none" else f", packed by {took.codec}"
    tell(f"sending {took.bytes_sent:,} bytes of {len(absent)} files{packed}")
    helper.tell({"do": "receive", "plan": list(plan.items()), "codec": took.codec})
    if took.codec == "none":
        _send_plain(helper, stretches)
        took.bytes_on_wire = took.bytes_sent
    else:
        for frame in frames(_pieces(stretches), took.codec):
            helper.send(_LENGTH.pack(len(frame)) + frame)
            took.bytes_on_wire += len(frame)
    helper.send(_LENGTH.pack(0))


def _send_plain(helper: Helper, stretches: list[tuple[Blob, Stretch]]) -> None:
    """Send each stretch as one frame: every copy that is made of 64 MiB costs a tenth of the way."""
    for blob, (offset, length) in stretches:
        if length:
            helper.send(_LENGTH.pack(length))
        for piece in blob.pieces(offset, length):
            helper.send(piece)


def _pieces(stretches: list[tuple[Blob, Stretch]]) -> Iterator[bytes]:
    for blob, (offset, length) in stretches:
        for piece in blob.pieces(offset, length):
            if piece:
                yield piece
