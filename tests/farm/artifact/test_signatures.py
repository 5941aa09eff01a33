"""SSH signatures: all key types, and everything that must not count as one. ssh-keygen itself: tests/system."""

import base64
import hashlib
import json
import os
import struct
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from farm.artifact.allowed_signers import Signers, matches
from farm.artifact.document import canonical
from farm.artifact.signed import NAMESPACE, load_key, sign_artifact, signature_path, signer_of
from farm.artifact.ssh_keys import BadSignature, public_blob, require_signature
from farm.artifact.ssh_keys import sign as sign_bytes
from farm.artifact.ssh_wire import mpint, string
from farm.artifact.sshsig import Signature, sign
from farm.artifact.unpack import read_manifest
from farm.cli.main import main
from farm.errors import Exit, UsageFault
from farm.health.check_plan import planned
from farm.health.policy import load_policy
from farm.lab.inventory import load
from farm.pytest_plugin.trials import Deploy

DATA = b"what is signed"
ALICE = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MALLORY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def line(key, principals: str = "alice@lab", options: str = "") -> str:
    blob = public_blob(key)
    kind = blob[4 : 4 + blob[3]].decode()
    return " ".join([principals, *([options] if options else []), kind, base64.b64encode(blob).decode()])


@pytest.fixture
def signers(tmp_path):
    def load(*lines: str) -> Signers:
        (tmp_path / "allowed_signers").write_text("\n".join(lines) + "\n")
        return Signers.load(tmp_path / "allowed_signers")

    return load


@pytest.fixture
def key_file(tmp_path):
    def write(key, passphrase: str = ""):
        how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
        (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, how))
        return tmp_path / "key"

    return write


@pytest.mark.parametrize("curve", [None, ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_what_a_key_signed_is_proven_and_nothing_else(curve):
    key = ALICE if curve is None else ec.generate_private_key(curve)
    signature = Signature.parse(sign(key, DATA, NAMESPACE).armored())
    signature.require(DATA, NAMESPACE)
    with pytest.raises(BadSignature, match="not over these bytes"):
        signature.require(DATA + b"!", NAMESPACE)
    with pytest.raises(BadSignature, match="signed for 'edge-test-farm', not for 'git'"):
        signature.require(DATA, "git")


def test_rsa_signs_with_sha_512_and_sha_1_never_counts(rsa_key):
    signature = sign(rsa_key, DATA, NAMESPACE)
    signature.require(DATA, NAMESPACE)
    assert b"rsa-sha2-512" in signature.proof
    old = string(b"ssh-rsa") + signature.proof[4 + len(b"rsa-sha2-512") :]
    with pytest.raises(BadSignature, match="ssh-rsa is not accepted"):
        require_signature(public_blob(rsa_key), old, DATA)


def test_a_short_rsa_key_is_refused():
    blob = string(b"ssh-rsa") + mpint(65537) + mpint(1 << 1023 | 1)
    with pytest.raises(BadSignature, match="1024 bits is not accepted"):
        require_signature(blob, string(b"rsa-sha2-256") + string(bytes(128)), DATA)


def test_a_short_rsa_key_signs_nothing(key_file):
    with pytest.raises(UsageFault, match="RSA key of 1024 bits, which nobody here accepts; want 2048"):
        load_key(key_file(rsa.generate_private_key(65537, 1024)))  # noqa: S505 -- short on purpose


def by_security_key(key, *, flags: int = 1) -> tuple[bytes, bytes]:
    """Return public key and signature as a FIDO token makes them."""
    application, tail = b"ssh:", bytes([flags]) + struct.pack(">I", 7)
    signed = hashlib.sha256(application).digest() + tail + hashlib.sha256(DATA).digest()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind = b"sk-ssh-ed25519@openssh.com"
        point = key.public_key().public_bytes_raw()
        return string(kind) + string(point) + string(application), string(kind) + string(key.sign(signed)) + tail
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
    point = public_blob(key)[-65:]
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
    public = string(kind) + string(b"nistp256") + string(point) + string(application)
    return public, string(kind) + string(mpint(r) + mpint(s)) + tail


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_security_keys_count_when_somebody_touched_them(kind):
    key = ALICE if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    require_signature(*by_security_key(key), DATA)
    with pytest.raises(BadSignature, match="not over these bytes"):
        require_signature(*by_security_key(key), DATA + b"!")
    with pytest.raises(BadSignature, match="nobody touched"):
        require_signature(*by_security_key(key, flags=0), DATA)


def test_kinds_of_keys_cannot_be_mixed():
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(BadSignature, match="ecdsa-sha2-nistp256 by a key of ssh-ed25519"):
        require_signature(public_blob(ALICE), sign_bytes(other, DATA), DATA)
    with pytest.raises(BadSignature, match="ssh-dss are not accepted"):
        require_signature(string(b"ssh-dss") + string(b"x"), string(b"ssh-dss"), DATA)


def test_every_cut_and_every_flipped_byte_is_a_bad_signature():
    text = sign(ALICE, DATA, NAMESPACE).armored()
    blob = base64.b64decode(b"".join(text.splitlines()[1:-1]))
    for at in range(len(blob)):
        for bad in (blob[:at], blob[:at] + bytes([blob[at] ^ 0x80]) + blob[at + 1 :]):
            lines = [b"-----BEGIN SSH SIGNATURE-----", base64.b64encode(bad), b"-----END SSH SIGNATURE-----"]
            with pytest.raises(BadSignature):
                require(b"\n".join(lines))


def require(text: bytes) -> None:
    """Raise BadSignature unless Alice signed the data."""
    signature = Signature.parse(text)
    signature.require(DATA, NAMESPACE)
    if signature.key != public_blob(ALICE):
        raise BadSignature("of another key")


@pytest.mark.parametrize("text", [b"", b"-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----", bytes(70_000)])
def test_what_is_no_signature_is_told(text):
    with pytest.raises(BadSignature):
        Signature.parse(text)


@pytest.mark.parametrize(
    ("name", "patterns", "found"),
    [
        ("a@lab", "*@lab", True),
        ("a@lab", "?@lab,b", True),
        ("a@lab", "*@lab,!a@*", False),
        ("a@lab", "!b@lab", False),
        ("a.lab", "a?lab", True),
        ("axlab", "a.lab", False),
    ],
)
def test_principals_are_patterns(name, patterns, found):
    assert matches(name, patterns) is found


def test_a_signer_may_for_some_purposes_and_for_some_time(signers):
    loaded = signers(
        "# who may",
        "",
        line(ALICE, options='namespaces="edge-test-farm,git",valid-after="20200101Z",valid-before="203001011200Z"'),
    )
    (alice,) = loaded.of(public_blob(ALICE))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert alice.refuses(NAMESPACE, now) == ""
    assert alice.refuses("email", now) == "may sign for edge-test-farm,git, not for email"
    assert alice.refuses(NAMESPACE, now.replace(year=2019)) == "is valid only after 2020-01-01 00:00 UTC"
    assert alice.refuses(NAMESPACE, now.replace(year=2031)) == "was valid before 2030-01-01 12:00 UTC"


def test_every_wrong_line_is_told_with_its_number(signers):
    wrong = {
        "alice": "want principals",
        line(ALICE, options="cert-authority"): "cert-authority is not supported; name each signer's own key",
        line(ALICE, options='validity="1"'): "no option 'validity=\"1\"'",
        line(ALICE, options='valid-after="tomorrow"'): "'tomorrow' is no time",
        line(ALICE, options="namespaces"): "namespaces needs a value",
        "alice ssh-ed25519 AAAA!": "the key is damaged",
        line(ALICE).replace("ssh-ed25519", "ssh-rsa"): "the key is of type ssh-ed25519, not ssh-rsa",
        "alice what is": "no option 'what'",
        line(ALICE, options='namespaces="git",namespaces="edge-test-farm"'): "namespaces stands there twice",
        line(ALICE, options='namespaces="edge-test-farm",'): "no option 'namespaces=",
        f'"{line(ALICE)}': "a quote has no end",
    }
    with pytest.raises(UsageFault) as fault:
        signers(line(ALICE), *wrong)
    assert len(fault.value.faults) == len(wrong)
    for number, (told, want) in enumerate(zip(fault.value.faults, wrong.values(), strict=True), 2):
        assert f"allowed_signers:{number}: " in told
        assert want in told


def test_a_signed_artifact_says_by_whom(packed, signers):
    sign_artifact(packed, ALICE)
    allowed = signers(line(MALLORY, "mallory"), line(ALICE, "alice@lab,*@ci"))
    manifest = read_manifest(packed)
    assert signer_of(packed, manifest, allowed) == "alice@lab,*@ci"
    assert signer_of(packed, manifest, allowed, identity="robot@ci") == "robot@ci"
    with pytest.raises(UsageFault, match=r"signed by alice@lab,\*@ci, not by mallory"):
        signer_of(packed, manifest, allowed, identity="mallory")


def test_unsigned_and_wrongly_signed_are_told_apart(packed, signers, tmp_path):
    allowed, manifest, beside = signers(line(ALICE)), read_manifest(packed), signature_path(packed)

    def told() -> str:
        with pytest.raises(UsageFault) as fault:
            signer_of(packed, manifest, allowed)
        return str(fault.value)

    assert "is not signed: no tiny.tar.zst.sig beside it" in told()
    sign_artifact(packed, MALLORY)
    assert "the key SHA256:" in told()
    assert "is not in" in told()
    beside.write_bytes(sign(ALICE, b"another manifest", NAMESPACE).armored())
    assert "not over these bytes" in told()
    beside.write_bytes(sign(ALICE, canonical(manifest), "git").armored())
    assert "signed for 'git'" in told()
    beside.write_bytes(b"hello")
    assert "does not stand between" in told()
    beside.unlink()
    os.mkfifo(beside)
    assert "not a plain file" in told()
    beside.unlink()
    allowed = signers(line(ALICE, options='valid-before="20200101Z"'), line(ALICE, options='namespaces="git"'))
    sign_artifact(packed, ALICE)
    assert "was valid before 2020-01-01 00:00 UTC; may sign for git, not for edge-test-farm" in told()


def test_sign_and_verify_as_a_user_does(packed, signers, key_file, monkeypatch, capsys):
    signers(line(ALICE))
    key = key_file(ALICE, "opensesame")
    assert main(["artifact", "sign", str(packed), "--key", str(key)]) == Exit.USAGE
    assert "is locked; name its passphrase with --passphrase" in capsys.readouterr().err
    assert main(["artifact", "sign", str(packed), "--key", str(key), "--passphrase", "opensesame"]) == Exit.USAGE
    assert "opensesame" not in capsys.readouterr().err
    monkeypatch.setenv("KEY_WORD", "wrong")
    words = ["artifact", "sign", str(packed), "--key", str(key), "--passphrase", "env:KEY_WORD"]
    assert main(words) == Exit.USAGE
    assert "its passphrase is another" in capsys.readouterr().err
    monkeypatch.setenv("KEY_WORD", "opensesame")
    assert main(words) == Exit.PASS
    capsys.readouterr()
    allowed = str(packed.with_name("allowed_signers"))
    assert main(["artifact", "verify", "--json", str(packed), "--signers", allowed]) == Exit.PASS
    assert json.loads(capsys.readouterr().out)[0]["signed by"] == "alice@lab"
    assert main(["artifact", "verify", str(packed), "--signers", allowed, "--signer", "bob"]) == Exit.USAGE
    assert "signed by alice@lab, not by bob" in capsys.readouterr().err
    words[4] = str(key_file(ALICE))
    assert main(words) == Exit.USAGE
    assert "is not locked; leave --passphrase out" in capsys.readouterr().err


def test_nothing_is_signed_where_one_of_them_is_no_artifact(packed, key_file, capsys):
    nothing = [str(packed.with_name(name)) for name in ("a.tar.zst", "b.tar.zst")]
    assert main(["artifact", "sign", str(packed), *nothing, "--key", str(key_file(ALICE))]) == Exit.USAGE
    assert capsys.readouterr().err.count("No such file") == 2
    assert not signature_path(packed).exists()


def test_what_is_no_key_is_told(tmp_path, key_file, packed):
    with pytest.raises(UsageFault, match="No such file"):
        load_key(tmp_path / "nowhere")
    with pytest.raises(UsageFault, match="no OpenSSH private key"):
        load_key(packed)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageFault, match="not a plain file"):
        load_key(tmp_path / "pipe")


INVENTORY = """\
lab: here
boards:
  atom-01: {{model: atom-e3930, ssh: {{host: 127.0.0.1, port: 9, user: nobody}}}}
artifacts: {{allowed_signers: {signers}}}
"""


@pytest.fixture
def demanding(tmp_path):
    """An inventory that takes signed artifacts alone, of a board that nobody can reach."""
    (tmp_path / "inventory.yaml").write_text(INVENTORY.format(signers="keys/allowed_signers"))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "allowed_signers").write_text(line(ALICE) + "\n")
    return tmp_path / "inventory.yaml"


POLICY = "provision: false\nmodels: {atom-e3930: {scenario: {rate_hz: 10, duration_s: 1}}}\nlimits: {min_fps: 1}\n"


@pytest.mark.parametrize("command", ["deploy", "run", "gate"])
def test_a_lab_that_demands_signatures_refuses_before_it_touches_a_board(command, demanding, packed, capsys, tmp_path):
    sign_artifact(packed, MALLORY)
    (tmp_path / "policy.yaml").write_text(POLICY)
    words = {
        "deploy": ["deploy", str(packed), "--board", "atom-01"],
        "run": ["run", str(packed), "--board", "atom-01"],
        "gate": ["gate", str(tmp_path / "policy.yaml"), "--candidate", str(packed)],
    }[command]
    assert main([*words, "--inventory", str(demanding)]) == Exit.USAGE
    assert "tiny.tar.zst.sig: the key SHA256:" in capsys.readouterr().err


def test_the_deploy_fixture_and_a_health_check_refuse_too(demanding, packed, tmp_path):
    lab = load(demanding)
    item = SimpleNamespace(nodeid="test_it", path=tmp_path / "test_it.py", stash={}, get_closest_marker=lambda _: None)
    with pytest.raises(UsageFault, match="is not signed"):
        Deploy(lab, SimpleNamespace(shell=None), item, tmp_path / "unpacked")(packed)
    assert not (tmp_path / "unpacked").exists()
    policy = f"models: {{atom-e3930: {{trial: {{artifact: {packed.name}, rate_hz: 10, duration_s: 1}}}}}}\n"
    (tmp_path / "health.yaml").write_text(policy)
    with (
        pytest.raises(UsageFault, match="is not signed"),
        planned(load_policy(tmp_path / "health.yaml"), lab, ["atom-01"]),
    ):
        pass


def test_check_tells_of_signers_that_cannot_be_read(demanding, capsys):
    assert main(["check", "--inventory", str(demanding)]) == Exit.PASS
    (demanding.parent / "keys" / "allowed_signers").write_text("alice\n")
    assert main(["check", "--inventory", str(demanding)]) == Exit.USAGE
    assert "allowed_signers:1: want principals" in capsys.readouterr().err


def test_a_signer_file_that_cannot_be_read_is_a_usage_fault(demanding, packed, capsys):
    (demanding.parent / "keys" / "allowed_signers").unlink()
    assert main(["deploy", str(packed), "--board", "atom-01", "--inventory", str(demanding)]) == Exit.USAGE
    assert "keys/allowed_signers: No such file" in capsys.readouterr().err
