"""The way back where a lab takes signed artifacts alone: what lies on the board is proven before the switch."""

import base64
import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from farm.artifact.deploy import deploy, roll_back
from farm.artifact.document import MANIFEST, SIGNATURE
from farm.artifact.pack import pack
from farm.artifact.signed import acceptance_there, sign_artifact
from farm.artifact.ssh_keys import public_blob
from farm.artifact.unpack import open_artifact
from farm.errors import LabFault, UsageFault

ALICE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MALLORY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def release(source, tmp_path):
    """``release(content, key)``: an artifact, signed where a key is named."""

    def make(content: bytes, key=None):
        (source / "model.onnx").write_bytes(content)
        packed = tmp_path / f"{content.decode()}.tar.zst"
        pack(source, packed)
        if key is not None:
            sign_artifact(packed, key)
        return open_artifact(packed, tmp_path / "out")

    return make


@pytest.fixture
def accept(tmp_path):
    """What a lab accepts whose inventory names Alice."""
    key = base64.b64encode(public_blob(ALICE)).decode()
    (tmp_path / "allowed_signers").write_text(f"alice@lab ssh-ed25519 {key}\n")
    artifacts = SimpleNamespace(allowed_signers="allowed_signers")
    return acceptance_there(SimpleNamespace(artifacts=artifacts, folder=tmp_path))


@pytest.fixture
def back(shell, workdir, dataset, release, accept):
    """Deploys two, spoils the first, goes back to it, and sees that nothing was switched unless it may."""

    def attempt(key, spoil=lambda _: None) -> None:
        first = release(b"first", key)
        put = deploy(shell, workdir, first, dataset)
        second = deploy(shell, workdir, release(b"second", ALICE), dataset)
        spoil(Path(put.model_path).parent)
        try:
            assert roll_back(shell, workdir, accept=accept).artifact == first.id
        finally:
            current = Path(workdir, "current").resolve()
            attempt.switched = current != Path(second.model_path).parent
        assert current.name == first.id

    attempt.switched = None
    return attempt


def put(path: Path, data: bytes) -> None:
    """Let a name on the board point to another content, under that content's right hash."""
    blob = path.resolve().parent / hashlib.sha256(data).hexdigest()
    blob.write_bytes(data)
    path.unlink()
    path.symlink_to(os.path.relpath(blob, path.parent))


@pytest.mark.usefixtures("way")
def test_what_alice_signed_may_be_gone_back_to(back):
    back(ALICE)
    assert back.switched


@pytest.mark.parametrize(
    ("key", "says"), [(None, "is not signed there.*nothing was changed"), (MALLORY, "the key SHA256:.* is not in")]
)
def test_what_she_did_not_sign_is_refused(back, key, says):
    with pytest.raises(UsageFault, match=says):
        back(key)
    assert not back.switched


def renamed(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    put(folder / MANIFEST, json.dumps(manifest | {"name": "other"}, sort_keys=True, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("spoil", "fault", "says"),
    [
        (renamed, LabFault, "manifest.json is damaged; nothing was changed"),
        (lambda folder: (folder / MANIFEST).unlink(), LabFault, "manifest.json is damaged"),
        (lambda folder: put(folder / "model.onnx", b"evil!"), LabFault, "model.onnx is damaged; nothing was changed"),
        (lambda folder: (folder / "model.onnx").unlink(), LabFault, "model.onnx is damaged"),
        (lambda folder: (folder / SIGNATURE).unlink(), UsageFault, "is not signed there"),
        (lambda folder: put(folder / SIGNATURE, b"-----BEGIN"), UsageFault, "manifest.sig: does not stand between"),
        (
            lambda folder: put(folder / SIGNATURE, (Path(f"{folder}/../../current") / SIGNATURE).read_bytes()),
            UsageFault,
            "not over these bytes",
        ),
    ],
)
def test_what_was_changed_on_the_board_is_refused(back, spoil, fault, says):
    with pytest.raises(fault, match=says):
        back(ALICE, spoil)
    assert not back.switched


def test_a_lab_that_demands_nothing_goes_back_to_anything_whole(shell, workdir, dataset, release):
    first = release(b"first")
    deploy(shell, workdir, first, dataset)
    deploy(shell, workdir, release(b"second"), dataset)
    anything = acceptance_there(SimpleNamespace(artifacts=SimpleNamespace(allowed_signers=None)))
    assert roll_back(shell, workdir, accept=anything).artifact == first.id


def test_a_signature_that_is_made_later_travels_without_the_model(shell, workdir, dataset, release, source, tmp_path):
    deploy(shell, workdir, release(b"first"), dataset)
    packed = tmp_path / "first.tar.zst"
    sign_artifact(packed, ALICE)
    put = deploy(shell, workdir, open_artifact(packed, tmp_path / "out"), dataset)
    assert put.bytes_sent == Path(f"{packed}.sig").stat().st_size
    assert Path(put.manifest_path).with_name(SIGNATURE).read_bytes() == Path(f"{packed}.sig").read_bytes()
