"""Brings contents to a board that has nothing but a shell: busybox will do.

Contents travel in pieces of at most a MiB, each a member of one tar stream under its hash: what has arrived whole is
known again after a dropped link. No chunks are looked for: that takes more than a shell.
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from devices.errors import ConnectionLost
from devices.shell import Shell, Stream

from ...errors import LabFault
from ..fence import fenced
from .codec import chosen, frames
from .helper import Took
from .lock import alone, takeover_told
from .names import require_done
from .opening import ANSWER_S
from .wanted import Blob

_PIECE_BYTES = 1 << 20
_UNPACK = {"zstd": "zstd -dcq |", "gzip": "gunzip -c |", "none": ""}
_MOST_PIECES = 256
"""Their hashes stand in a command line, which Linux limits to 128 KiB."""
_NO_SUCH_COMMAND = 127
"""POSIX shell: exit status of a command that was not found."""

_SURVEY = """\
set +e
rm -f incoming/whole*
for program in zstd gunzip; do command -v $program; done
command -v sha256sum || exit {none}
set -- {names}
echo blobs
cd blobs && sha256sum "$@" 2>/dev/null
echo incoming
cd ../incoming && sha256sum "$@" {pieces} 2>/dev/null
echo end
"""
_RECEIVE = """\
whole=incoming/whole.$$
said=$({unpack} LC_ALL=C tar -xf - -C incoming 2>&1) || {{
  s=$?
  case $said in *"No space"*) rm -rf incoming/* ;; esac # what else runs on the board needs it
  echo "$said" >&2
  exit $s
}}
while read -r blob pieces; do
  for piece in $pieces; do [ -f "incoming/$piece" ] || continue 2; done
  for piece in $pieces; do cat "incoming/$piece"; done > $whole || {{ s=$?; rm -rf incoming/*; exit $s; }}
  if [ "$(sha256sum < $whole | cut -c 1-64)" = "$blob" ]; then
    mv -f $whole "incoming/$blob"
    for piece in $pieces; do [ "$piece" = "$blob" ] || rm -f "incoming/$piece"; done
  else
    rm -f $whole
    echo "bad $blob"
  fi
done <<end
{blobs}
end
sync
for blob in {names}; do [ ! -f "incoming/$blob" ] || mv -f "incoming/$blob" blobs/; done
"""


@dataclass(frozen=True, slots=True)
class _Piece:
    blob: Blob
    sha256: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Survey:
    programs: list[str]
    blobs: set[str]
    incoming: set[str]


def bring_by_shell(
    shell: Shell,
    workdir: str,
    blobs: Sequence[Blob],
    require_space: Callable[[int], None],
    tell: Callable[[str], None],
    *,
    deployer: str,
    timeout_s: float,
) -> Took:
    """See that a board holds every content; raises, and is told, as :func:`farm.artifact.deploy.by_python.bring`.

    ``deployer`` names the deployment; from here on it is the last one, and whichever came before does nothing more.
    """
    with takeover_told(shell, workdir, deployer):
        pieces = {blob.sha256: list(_pieces(blob)) for blob in blobs}
        parts = {piece.sha256 for some in pieces.values() for piece in some} - pieces.keys()
        found = _survey(shell, workdir, pieces, sorted(parts), deployer, timeout_s)
        took = Took(there=found.blobs)
        absent = [blob for blob in blobs if blob.sha256 not in found.blobs]
        if not absent:
            return took
        for blob in absent:
            if blob.sha256 in found.incoming:
                pieces[blob.sha256] = [_Piece(blob, blob.sha256, 0, blob.size)]
        wanted = {piece.sha256: piece for blob in absent for piece in pieces[blob.sha256]}
        missing = [piece for name, piece in wanted.items() if name not in found.incoming]
        require_space(sum(piece.length for piece in missing) + max(blob.size for blob in absent))
        offered = [{"gunzip": "gzip"}.get(program, program) for program in found.programs]
        stretches = [(piece.blob, (piece.offset, piece.length)) for piece in missing]
        took.codec, took.bytes_sent = chosen(offered, stretches), sum(piece.length for piece in missing)
        tell(f"sending {took.bytes_sent:,} bytes of {len(absent)} files, by the board's shell alone")
        lines = "\n".join(" ".join([blob.sha256, *(one.sha256 for one in pieces[blob.sha256])]) for blob in absent)
        receive = _RECEIVE.format(
            unpack=_UNPACK[took.codec],
            blobs=lines,
            names=" ".join(blob.sha256 for blob in absent),
        )
        script = f"cd {quote(workdir)} || exit 1\n{alone(deployer, 'may be ended', receive)}"
        with shell.stream(script, timeout_s=timeout_s) as stream:
            _send(shell, workdir, stream, missing, took)
            told = [line.data.split() for line in stream.lines(idle_timeout_s=timeout_s)]
            _require_received(shell, workdir, stream)
        if bad := [words[1].decode("ascii", "replace") for words in told if words[:1] == [b"bad"] and len(words) == 2]:
            damaged = ", ".join(name[:12] for name in bad)
            hint = "the board's disk: dmesg, free space, the SD card's age"
            raise LabFault(shell.name, f"{workdir}/blobs: {damaged} did not arrive as sent", hint=hint)
        return took


def _pieces(blob: Blob) -> Iterator[_Piece]:
    """Cut a content where every deployment of it cuts it."""
    most = max(_PIECE_BYTES, -(-blob.size // _MOST_PIECES))
    if blob.size <= most:
        yield _Piece(blob, blob.sha256, 0, blob.size)
        return
    for offset in range(0, blob.size, most):
        length, digest = min(most, blob.size - offset), hashlib.sha256()
        for data in blob.pieces(offset, length):
            digest.update(data)
        yield _Piece(blob, digest.hexdigest(), offset, length)


def _survey(
    shell: Shell, workdir: str, blobs: Iterable[str], pieces: list[str], deployer: str, timeout_s: float
) -> _Survey:
    survey = _SURVEY.format(names=" ".join(blobs), pieces=" ".join(pieces), none=_NO_SUCH_COMMAND)
    script = fenced(shell, workdir, alone(deployer, "first", survey))
    done = shell.run(script, timeout_s=timeout_s, check=False)
    if done.exit_status == _NO_SUCH_COMMAND:
        raise LabFault(shell.name, "has no sha256sum", hint="install coreutils, or a busybox that has it")
    require_done(shell, workdir, done.exit_status, done.text, done.stderr.decode("utf-8", "replace"))
    programs, _, rest = done.text.partition("\nblobs\n")
    there, _, arrived = rest.partition("incoming\n")
    return _Survey([line.rpartition("/")[2] for line in programs.splitlines()], _intact(there), _intact(arrived))


def _intact(listing: str) -> set[str]:
    lines = (line.split() for line in listing.splitlines())
    return {words[0] for words in lines if len(words) == 2 and words[0] == words[1]}


def _send(shell: Shell, workdir: str, stream: Stream, missing: list[_Piece], took: Took) -> None:
    try:
        for frame in frames(_tar(missing), took.codec):
            stream.send(frame)
            took.bytes_on_wire += len(frame)
        stream.send_eof()
    except ConnectionLost:
        _require_received(shell, workdir, stream)
        raise


def _require_received(shell: Shell, workdir: str, stream: Stream) -> None:
    status = stream.exit_status(timeout_s=ANSWER_S)
    require_done(shell, workdir, status, "", stream.stderr().decode("utf-8", "replace"))


def _tar(pieces: Iterable[_Piece]) -> Iterator[bytes]:
    for piece in pieces:
        member = tarfile.TarInfo(piece.sha256)
        member.size = piece.length
        yield member.tobuf(tarfile.USTAR_FORMAT)
        yield from piece.blob.pieces(piece.offset, piece.length)
        yield bytes(-piece.length % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)
