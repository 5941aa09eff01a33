"""Signatures of artifacts against OpenSSH's own ``ssh-keygen -Y``, both ways, for every type of key."""

import shutil
import subprocess
from pathlib import Path

import pytest

from farm.artifact.allowed_signers import Signers
from farm.artifact.document import canonical
from farm.artifact.signed import NAMESPACE, load_key, sign_artifact, signature_path, signer_of
from farm.artifact.unpack import read_manifest
from farm.cli.main import main
from farm.errors import Exit, UsageFault

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")

SAMPLE = Path(__file__).parents[1] / "lab" / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst"
KINDS = {
    "ed25519": ["-t", "ed25519"],
    "p256": ["-t", "ecdsa", "-b", "256"],
    "p384": ["-t", "ecdsa", "-b", "384"],
    "p521": ["-t", "ecdsa", "-b", "521"],
    "rsa": ["-t", "rsa", "-b", "2048"],
}


def keygen(*words: str | Path, stdin: bytes = b"", wanted: int = 0) -> bytes:
    done = subprocess.run(["ssh-keygen", *map(str, words)], input=stdin, capture_output=True, timeout=60, check=False)  # noqa: S607
    assert done.returncode == wanted, done.stderr.decode() + done.stdout.decode()
    return done.stdout


@pytest.fixture
def artifact(tmp_path) -> Path:
    return Path(shutil.copy(SAMPLE, tmp_path))


@pytest.fixture(params=KINDS)
def key(request, tmp_path) -> Path:
    keygen("-q", *KINDS[request.param], "-N", "open sesame", "-C", "a comment", "-f", tmp_path / "key")
    (tmp_path / "allowed").write_text(
        f'alice@lab,*@ci namespaces="{NAMESPACE}",valid-after="20200101" {(tmp_path / "key.pub").read_text()}'
    )
    return tmp_path / "key"


def verify(artifact: Path, who: str, *, wanted: int = 0) -> bytes:
    words = [
        "-Y",
        "verify",
        "-f",
        artifact.parent / "allowed",
        "-I",
        who,
        "-n",
        NAMESPACE,
        "-s",
        signature_path(artifact),
    ]
    return keygen(*words, stdin=canonical(read_manifest(artifact)), wanted=wanted)


def test_openssh_believes_what_the_farm_signed(artifact, key):
    signed = sign_artifact(artifact, load_key(key, "open sesame"))
    assert signed.fingerprint.encode() in verify(artifact, "robot@ci")
    verify(artifact, "mallory", wanted=255)
    beside = signature_path(artifact)
    keygen("-Y", "check-novalidate", "-n", NAMESPACE, "-s", beside, stdin=canonical(read_manifest(artifact)))
    keygen("-Y", "check-novalidate", "-n", "git", "-s", beside, stdin=canonical(read_manifest(artifact)), wanted=255)
    found = keygen("-Y", "find-principals", "-s", beside, "-f", artifact.parent / "allowed")
    assert found.split() == [b"alice@lab", b"*@ci"]


def test_the_farm_believes_what_openssh_signed(artifact, key, capsysbinary):
    keygen("-q", "-p", "-P", "open sesame", "-N", "", "-f", key)
    assert main(["artifact", "inspect", "--manifest", str(artifact)]) == Exit.PASS
    manifest = capsysbinary.readouterr().out
    signature_path(artifact).write_bytes(keygen("-Y", "sign", "-q", "-f", key, "-n", NAMESPACE, stdin=manifest))
    signers = Signers.load(artifact.parent / "allowed")
    assert signer_of(artifact, read_manifest(artifact), signers) == "alice@lab,*@ci"
    signature_path(artifact).write_bytes(keygen("-Y", "sign", "-q", "-f", key, "-n", NAMESPACE, stdin=manifest + b"\n"))
    with pytest.raises(UsageFault, match="not over these bytes"):
        signer_of(artifact, read_manifest(artifact), signers)


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_either_hash_that_openssh_offers_counts(artifact, tmp_path, name):
    keygen("-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    (tmp_path / "allowed").write_text(f"alice {(tmp_path / 'key.pub').read_text()}")
    manifest = canonical(read_manifest(artifact))
    words = ["-Y", "sign", "-q", "-O", f"hashalg={name}", "-f", tmp_path / "key", "-n", NAMESPACE]
    signature_path(artifact).write_bytes(keygen(*words, stdin=manifest))
    assert signer_of(artifact, read_manifest(artifact), Signers.load(tmp_path / "allowed")) == "alice"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ('valid-before="20200101"', "was valid before"),
        ('valid-after="20990101Z"', "is valid only after"),
        ('namespaces="git,file"', "may sign for git,file"),
    ],
)
def test_both_refuse_a_signer_whose_line_does_not_allow_it(artifact, tmp_path, options, fault):
    keygen("-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    (tmp_path / "allowed").write_text(f"alice {options} {(tmp_path / 'key.pub').read_text()}")
    sign_artifact(artifact, load_key(tmp_path / "key"))
    verify(artifact, "alice", wanted=255)
    with pytest.raises(UsageFault, match=fault):
        signer_of(artifact, read_manifest(artifact), Signers.load(tmp_path / "allowed"))
