"""Brings contents to a board through the helper in its Python: one stream, no question that is not needed."""

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence

from ...errors import LabFault
from .chunks import missing
from .codec import chosen, frames
from .helper import LENGTH, Filled, Helper, Ran, Received, Survey, Took
from .opening import ANSWER_S
from .recipes import Recipes
from .source import more
from .wanted import Blob, Stretch

_STRETCH = struct.Struct("<QQ")
HASH_BYTES_PER_S = 2_000_000
"""Slowest board, read and hashed together, assumed: a Pi Zero hashes 12 MB/s, a worn SD card reads less."""


def bring(
    helper: Helper,
    board: str,
    workdir: str,
    blobs: Sequence[Blob],
    recipes: Recipes,
    require_space: Callable[[int], None],
    tell: Callable[[str], None],
) -> Took:
    """See that a board holds every content; what it has, whole or in parts, is not sent.

    Args:
        helper: At the other end.
        board: Its name, for faults.
        workdir: The folder, for faults.
        blobs: The contents.
        recipes: Of these contents; told which the board lacks.
        require_space: Called with how many bytes will be written, before they are sent; raises where they are too many.
        tell: Told in a few words what is being done.

    Raises:
        LabFault: contents did not arrive as sent, or there is no space for them.
        devices.errors.DeviceError: the link.
    """
    total = sum(blob.size for blob in blobs)
    hash_timeout_s = ANSWER_S + total / HASH_BYTES_PER_S
    helper.tell({"do": "survey", "blobs": [[b.sha256, b.size] for b in blobs], "large": recipes.large_bytes})
    found = helper.hear(Survey, timeout_s=hash_timeout_s)
    if not {*found.have, *found.bare, *found.parts} <= {*range(len(blobs))}:
        raise LabFault(board, f"{workdir}: the helper tells of contents that it was not asked for")
    took = Took(survey_s=found.hash_s, there={blobs[index].sha256 for index in found.have})
    absent = {index: blob for index, blob in enumerate(blobs) if blob.sha256 not in took.there}
    large = [blob for blob in absent.values() if blob.size >= recipes.large_bytes]
    recipes.only([blob.sha256 for blob in large] + [blobs[index].sha256 for index in found.bare])
    if absent or found.bare:
        helper.tell({"do": "more", "size": len(more())}, more())
    if not absent:
        return took
    require_space(sum(blob.size for blob in absent.values()) - found.held)
    plan = {blob.sha256: _rest(blob, found.parts.get(index, [])) for index, blob in absent.items()}
    if found.chunked:
        in_part = [blob for blob in large if plan[blob.sha256]]
        _fill(helper, board, in_part, recipes, plan, took, hash_timeout_s)
    with recipes.resting():
        _send(helper, list(absent.values()), plan, found.codecs, took, tell)
    received = helper.hear(Received, timeout_s=hash_timeout_s)
    took.receive_s, took.settle_s = received.receive_s, received.settle_s
    took.hash_s, took.sync_s = received.hash_s, received.sync_s
    if received.bad:
        damaged = ", ".join(name[:12] for name in received.bad)
        hint = "the board's disk: dmesg, free space, the SD card's age"
        raise LabFault(board, f"{workdir}/blobs: {damaged} did not arrive as sent", hint=hint)
    return took


def note(helper: Helper, recipes: Recipes) -> None:
    """Leave the board where the large contents are cut that it lacks chunks of: a later version is made of those.

    Raises as :meth:`Helper.send`.
    """
    if recipes.needed:
        found = [(name, recipes.lengths(name)) for name in recipes.needed]
        raw = (struct.pack(f"<{len(lengths)}I", *lengths) for _, lengths in found)
        helper.tell({"do": "note", "lengths": [[name, len(lengths)] for name, lengths in found]}, *raw)


def run_there(
    helper: Helper, blobs: Sequence[Blob], links: Sequence[tuple[str, str]], script: str
) -> tuple[int, str, str]:
    """Put links in place, then run commands on the board; return their status, output and errors.

    The contents are those that :func:`bring` brought, in the same order: their names are known there.
    """
    numbers = {blob.sha256: number for number, blob in enumerate(blobs)}
    numbered = [(path, numbers[target.rpartition("/")[2]]) for path, target in links]
    helper.tell({"do": "run", "links": numbered, "script": script})
    ran = helper.hear(Ran)
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
    helper: Helper,
    board: str,
    large: list[Blob],
    recipes: Recipes,
    plan: dict[str, list[Stretch]],
    took: Took,
    timeout_s: float,
) -> None:
    """Let the board put together what it has of large contents; what it lacks of them becomes the plan."""
    if not large:
        return
    made = {blob.sha256: recipes.whole(blob.sha256) for blob in large}
    helper.tell({"do": "fill", "recipes": [[n, len(r)] for n, r in made.items()]}, *made.values())
    filled = helper.hear(Filled, timeout_s=timeout_s)
    took.fill_s = filled.s
    try:
        for name, recipe in made.items():
            plan[name] = missing(recipe, base64.b64decode(filled.missing[name]))
    except (KeyError, ValueError, binascii.Error) as error:
        raise LabFault(board, f"the helper does not say which chunks it lacks: {error}") from error


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
    raw = (b"".join(_STRETCH.pack(*stretch) for stretch in some) for some in plan.values())
    helper.tell({"do": "receive", "plan": [[n, len(some)] for n, some in plan.items()], "codec": took.codec}, *raw)
    if took.codec == "none":
        _send_plain(helper, stretches)
        took.bytes_on_wire = took.bytes_sent
    else:
        for frame in frames(_pieces(stretches), took.codec):
            helper.send(LENGTH.pack(len(frame)) + frame)
            took.bytes_on_wire += len(frame)
    helper.send(LENGTH.pack(0))


def _send_plain(helper: Helper, stretches: list[tuple[Blob, Stretch]]) -> None:
    """Send each stretch as one frame: every copy that is made of 64 MiB costs a tenth of the way."""
    for blob, (offset, length) in stretches:
        if length:
            helper.send(LENGTH.pack(length))
        for piece in blob.pieces(offset, length):
            helper.send(piece)


def _pieces(stretches: list[tuple[Blob, Stretch]]) -> Iterator[bytes]:
    for blob, (offset, length) in stretches:
        for piece in blob.pieces(offset, length):
            if piece:
                yield piece
