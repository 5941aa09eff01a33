"""SSH keys: what proves a signature by one, and what makes one.

Formats: RFC 4253 section 6.6 and RFC 8332 (RSA), RFC 5656 (ECDSA), RFC 8709 (Ed25519), and OpenSSH's
PROTOCOL.u2f for keys that live in a security key. ``ssh-rsa`` signatures are SHA-1, and refused.
"""

import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .ssh_wire import Cut, Wire, mpint, string

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

LEAST_RSA_BITS = 2048
"""Assumed: OpenSSH's default is 3072, its own least 1024; NIST SP 800-57 allows none under 2048."""

_CURVES = {
    b"nistp256": (ec.SECP256R1, SHA256),
    b"nistp384": (ec.SECP384R1, SHA384),
    b"nistp521": (ec.SECP521R1, SHA512),
}
_RSA = {b"rsa-sha2-256": SHA256, b"rsa-sha2-512": SHA512}
_TOUCHED = 0x01
"""PROTOCOL.u2f: the flag of a security key that somebody touched it."""


class BadSignature(ValueError):
    """The signature is none of this key over these bytes; says why."""


def require_signature(key: bytes, signature: bytes, data: bytes) -> None:
    """Prove a signature; both as SSH writes them.

    Raises:
        BadSignature: it is not one, or of a kind that is not accepted.
    """
    try:
        kind = Wire(key).string()
        proof = _PROOFS.get(kind)
        if proof is None:
            raise BadSignature(f"keys of type {kind.decode('ascii', 'replace')} are not accepted")
        proof(Wire(key), Wire(signature), data)
    except InvalidSignature:
        raise BadSignature("the signature is not over these bytes") from None
    except (Cut, ValueError, UnsupportedAlgorithm) as error:
        raise error if isinstance(error, BadSignature) else BadSignature(f"damaged: {error}") from error


def _ed25519(key: Wire, signature: Wire, data: bytes) -> None:
    kind, point = key.string(), key.string()
    _require_kind(signature, kind)
    proof = signature.string()
    _ends(key, signature)
    ed25519.Ed25519PublicKey.from_public_bytes(point).verify(proof, data)


def _ecdsa(key: Wire, signature: Wire, data: bytes) -> None:
    kind, name, point = key.string(), key.string(), key.string()
    if name not in _CURVES or kind != b"ecdsa-sha2-" + name:
        raise BadSignature(f"unknown curve {name.decode('ascii', 'replace')}")
    _require_kind(signature, kind)
    proof = _dss(signature)
    _ends(key, signature)
    curve, digest = _CURVES[name]
    ec.EllipticCurvePublicKey.from_encoded_point(curve(), point).verify(proof, data, ec.ECDSA(digest()))


def _rsa(key: Wire, signature: Wire, data: bytes) -> None:
    key.string()
    exponent, modulus = key.mpint(), key.mpint()
    algorithm, proof = signature.string(), signature.string()
    _ends(key, signature)
    if algorithm not in _RSA:
        raise BadSignature(f"{algorithm.decode('ascii', 'replace')} is not accepted; rsa-sha2-256 and -512 are")
    if modulus.bit_length() < LEAST_RSA_BITS:
        raise BadSignature(f"an RSA key of {modulus.bit_length()} bits is not accepted; at least {LEAST_RSA_BITS}")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    public.verify(proof, data, padding.PKCS1v15(), _RSA[algorithm]())


def _sk_ed25519(key: Wire, signature: Wire, data: bytes) -> None:
    kind, point, application = key.string(), key.string(), key.string()
    _require_kind(signature, kind)
    proof = signature.string()
    signed = _touched(signature, application, data)
    _ends(key, signature)
    ed25519.Ed25519PublicKey.from_public_bytes(point).verify(proof, signed)


def _sk_ecdsa(key: Wire, signature: Wire, data: bytes) -> None:
    kind, name, point, application = key.string(), key.string(), key.string(), key.string()
    if name != b"nistp256":
        raise BadSignature(f"unknown curve {name.decode('ascii', 'replace')}")
    _require_kind(signature, kind)
    proof = _dss(signature)
    signed = _touched(signature, application, data)
    _ends(key, signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    public.verify(proof, signed, ec.ECDSA(SHA256()))


def _require_kind(signature: Wire, kind: bytes) -> None:
    if (found := signature.string()) != kind:
        raise BadSignature(f"a signature of type {found.decode('ascii', 'replace')} by a key of {kind.decode()}")


def _dss(signature: Wire) -> bytes:
    pair = Wire(signature.string())
    r, s = pair.mpint(), pair.mpint()
    pair.end()
    return encode_dss_signature(r, s)


def _touched(signature: Wire, application: bytes, data: bytes) -> bytes:
    """Return what a security key really signs; somebody must have touched it."""
    flags, counter = signature.take(1), signature.take(4)
    if not flags[0] & _TOUCHED:
        raise BadSignature("signed by a security key that nobody touched")
    return hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(data).digest()


def _ends(key: Wire, signature: Wire) -> None:
    key.end()
    signature.end()


_PROOFS: dict[bytes, Callable[[Wire, Wire, bytes], None]] = {
    b"ssh-ed25519": _ed25519,
    b"ecdsa-sha2-nistp256": _ecdsa,
    b"ecdsa-sha2-nistp384": _ecdsa,
    b"ecdsa-sha2-nistp521": _ecdsa,
    b"ssh-rsa": _rsa,
    b"sk-ssh-ed25519@openssh.com": _sk_ed25519,
    b"sk-ecdsa-sha2-nistp256@openssh.com": _sk_ecdsa,
}


def public_blob(key: PrivateKey) -> bytes:
    """Return the public half as SSH writes it."""
    import base64

    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def sign(key: PrivateKey, data: bytes) -> bytes:
    """Return a signature as SSH writes it; RSA keys sign with SHA-512."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return string(b"ssh-ed25519") + string(key.sign(data))
    if isinstance(key, rsa.RSAPrivateKey):
        return string(b"rsa-sha2-512") + string(key.sign(data, padding.PKCS1v15(), SHA512()))
    name = next(name for name, (curve, _) in _CURVES.items() if isinstance(key.curve, curve))
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(_CURVES[name][1]())))
    return string(b"ecdsa-sha2-" + name) + string(mpint(r) + mpint(s))
