"""SSH signatures of files, as ``ssh-keygen -Y`` writes and reads them: OpenSSH's PROTOCOL.sshsig."""

import base64
import binascii
import hashlib
import textwrap
from dataclasses import dataclass
from typing import Self

from .ssh_keys import BadSignature, PrivateKey, public_blob, require_signature
from .ssh_keys import sign as sign_bytes
from .ssh_wire import Cut, Wire, string

_MAGIC = b"SSHSIG"
_VERSION = 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LINE = 70
"""Letters a line, as ssh-keygen writes."""
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
LARGEST = 64 << 10
"""Bytes of an armored signature, assumed: one by an RSA key of 16384 bits has 6 kB."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, for what purpose, and the proof."""

    key: bytes
    """The public key, as SSH writes it. That it signed is proven by :meth:`require`, that it may is another matter."""
    namespace: str
    hash_name: bytes
    proof: bytes

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read what stands in a ``.sig`` file; :class:`BadSignature` where it is none."""
        if len(text) > LARGEST:
            raise BadSignature(f"{len(text):,} bytes are no signature")
        lines = [line.strip() for line in text.decode("ascii", "replace").strip().splitlines()]
        if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
            raise BadSignature(f"does not stand between {_BEGIN!r} and {_END!r}")
        try:
            return cls._read(Wire(base64.b64decode("".join(lines[1:-1]), validate=True)))
        except (binascii.Error, Cut) as error:
            raise BadSignature(f"damaged: {error}") from error

    @classmethod
    def _read(cls, wire: Wire) -> Self:
        if wire.take(len(_MAGIC)) != _MAGIC:
            raise BadSignature("no SSH signature inside")
        if (version := wire.uint32()) != _VERSION:
            raise BadSignature(f"version {version} of the format; want {_VERSION}")
        key, namespace, _reserved = wire.string(), wire.string(), wire.string()
        hash_name, proof = wire.string(), wire.string()
        wire.end()
        if hash_name not in _HASHES:
            raise BadSignature(f"hashed with {hash_name.decode('ascii', 'replace')}; want sha256 or sha512")
        return cls(key, namespace.decode("utf-8", "replace"), hash_name, proof)

    def armored(self) -> bytes:
        """Return what stands in a ``.sig`` file."""
        fields = [self.key, self.namespace.encode(), b"", self.hash_name, self.proof]
        blob = _MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(string, fields))
        return "\n".join([_BEGIN, *textwrap.wrap(base64.b64encode(blob).decode(), _LINE), _END, ""]).encode()

    def require(self, data: bytes, namespace: str) -> None:
        """Prove that the key signed these bytes for this purpose; raises :class:`BadSignature`."""
        if self.namespace != namespace:
            raise BadSignature(f"signed for {self.namespace!r}, not for {namespace!r}")
        require_signature(self.key, self.proof, _signed(data, namespace, self.hash_name))

    @property
    def fingerprint(self) -> str:
        """The key's, as ``ssh-keygen -l`` prints it."""
        return fingerprint(self.key)


def sign(key: PrivateKey, data: bytes, namespace: str) -> Signature:
    """Sign bytes for a purpose."""
    proof = sign_bytes(key, _signed(data, namespace, b"sha512"))
    return Signature(public_blob(key), namespace, b"sha512", proof)


def fingerprint(key: bytes) -> str:
    """Return a public key's fingerprint: ``SHA256:…``."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _signed(data: bytes, namespace: str, hash_name: bytes) -> bytes:
    fields = [namespace.encode(), b"", hash_name, _HASHES[hash_name](data).digest()]
    return _MAGIC + b"".join(map(string, fields))
