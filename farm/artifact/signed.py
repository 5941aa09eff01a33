"""Who signed an artifact, and whether a lab takes it: the one place where that is decided.

The signature lies beside the packed file and is over the canonical manifest: every file's hash stands there, so that
whoever signs the manifest signs them all, and packing anew with another library changes nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from ..errors import UsageFault
from ..lab.inventory import Lab
from .allowed_signers import Signer, Signers, matches
from .document import SIGNATURE, canonical
from .manifest import Manifest
from .ssh_keys import LEAST_RSA_BITS, BadSignature, PrivateKey
from .sshsig import Signature, sign
from .unpack import Artifact, open_artifact, read_manifest, signature_path

NAMESPACE = "edge-test-farm"


def open_accepted(lab: Lab, path: Path, folder: Path) -> Artifact:
    """Unpack what a lab takes; as :func:`open_artifact`, and before anything is unpacked, its signature is proven.

    A lab whose inventory names no ``allowed_signers`` takes all that is whole.

    Raises:
        UsageFault: not an artifact, not what its manifest says, or not signed by whom the inventory allows.
    """
    return open_artifact(path, folder, accept=acceptance(lab))


def acceptance(lab: Lab) -> Callable[[Path, Manifest], None]:
    """Return what raises UsageFault for a packed file that a lab does not take."""
    signers = _signers(lab)
    if signers is None:
        return lambda _path, _manifest: None

    def require_signer(path: Path, manifest: Manifest) -> None:
        signer_of(path, manifest, signers)

    return require_signer


def acceptance_there(lab: Lab) -> Callable[[str, bytes, bytes | None], None]:
    """Return what raises UsageFault for what lies on a board, by its manifest and signature, and a lab does not take.

    That the manifest is the artifact's, and its files those of the manifest, is for others to prove.
    """
    signers = _signers(lab)
    if signers is None:
        return lambda _where, _manifest, _signature: None

    def require_signer(where: str, manifest: bytes, signature: bytes | None) -> None:
        if signature is None:
            raise UsageFault(f"{where}: is not signed there, and this lab takes signed ones alone; nothing was changed")
        where = f"{where}/{SIGNATURE}"
        _proven(where, _parsed(where, signature), manifest, signers)

    return require_signer


def _signers(lab: Lab) -> Signers | None:
    named = lab.artifacts.allowed_signers
    return None if named is None else Signers.load(lab.folder / Path(named).expanduser())


def signer_of(path: Path, manifest: Manifest, signers: Signers, *, identity: str | None = None) -> str:
    """Return who signed a packed file: the principals of the line that allows it.

    Args:
        path: The packed file; its signature lies beside it.
        manifest: Of that very file.
        signers: Whose signatures count.
        identity: Somebody who must have signed; None: any of them.

    Raises:
        UsageFault: nobody did, or nobody who may.
    """
    where = signature_path(path)
    allowed = _proven(str(where), _read(path, where), canonical(manifest), signers)
    if identity is None:
        return allowed[0].principals
    if not any(matches(identity, line.principals) for line in allowed):
        raise UsageFault(f"{where}: signed by {allowed[0].principals}, not by {identity}")
    return identity


def _proven(where: str, signature: Signature, signed: bytes, signers: Signers) -> list[Signer]:
    """Return the lines that allow whoever signed; raises UsageFault where none does."""
    try:
        signature.require(signed, NAMESPACE)
    except BadSignature as error:
        raise UsageFault(f"{where}: {error}; sign this artifact with `farm artifact sign`") from error
    lines = signers.of(signature.key)
    now = datetime.now(UTC)
    allowed = [line for line in lines if not line.refuses(NAMESPACE, now)]
    if not allowed:
        reasons = "; ".join(line.refuses(NAMESPACE, now) for line in lines) or f"is not in {signers.path}"
        raise UsageFault(f"{where}: the key {signature.fingerprint} {reasons}")
    return allowed


def _read(path: Path, where: Path) -> Signature:
    if not where.exists():
        raise UsageFault(f"{path}: is not signed: no {where.name} beside it; `farm artifact sign` makes one")
    if not where.is_file():
        raise UsageFault(f"{where}: not a plain file; want what `farm artifact sign` writes")
    try:
        return _parsed(str(where), where.read_bytes())
    except OSError as error:
        raise UsageFault(f"{where}: {error.strerror}") from error


def _parsed(where: str, text: bytes) -> Signature:
    try:
        return Signature.parse(text)
    except BadSignature as error:
        raise UsageFault(f"{where}: {error}") from error


def sign_artifact(path: Path, key: PrivateKey) -> Signature:
    """Write the signature beside a packed file, in place of any other; raises UsageFault."""
    signature = sign(key, canonical(read_manifest(path)), NAMESPACE)
    where = signature_path(path)
    if where.exists() and not where.is_file():
        raise UsageFault(f"{where}: not a plain file, and would be replaced")
    part = where.with_name(f"{where.name}.part")
    try:
        part.write_bytes(signature.armored())
        part.replace(where)
    except OSError as error:
        raise UsageFault(f"{where}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return signature


def load_key(path: Path, passphrase: str | None = None) -> PrivateKey:
    """Read an OpenSSH private key.

    Raises:
        UsageFault: not there, none, locked by another passphrase, or of a kind that cannot sign here.
    """
    if path.exists() and not path.is_file():
        raise UsageFault(f"{path}: not a plain file; want an OpenSSH private key")
    try:
        key = load_ssh_private_key(path.read_bytes(), passphrase.encode() if passphrase else None)
    except OSError as error:
        raise UsageFault(f"{path}: {error.strerror}; want an OpenSSH private key, e.g. of `ssh-keygen`") from error
    except TypeError as error:  # cryptography's word for a passphrase that is missing, or one too many
        locked = "is not locked; leave --passphrase out" if passphrase else ""
        what = locked or "is locked; name its passphrase with --passphrase env:NAME or file:PATH"
        raise UsageFault(f"{path}: {what}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        what = "its passphrase is another, or it is damaged" if passphrase else "no OpenSSH private key, or damaged"
        raise UsageFault(f"{path}: {what}: {error}") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise UsageFault(f"{path}: keys of this kind are not used here; want Ed25519, ECDSA or RSA")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        raise UsageFault(f"{path}: an RSA key of {key.key_size} bits, which nobody here accepts; want {LEAST_RSA_BITS}")
    return key
