import pytest

from farm.errors import UsageFault
from farm.lab import resolved
from farm.lab.inventory import load
from farm.lab.known_hosts import KnownHosts, fingerprint
from farm.lab.secret import key_path, reveal

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEGtKbGDw1WIL2MbBzDBZhgC055fbyMAn6y1gN6vEwQ+"
OTHER = KEY.replace("BBhg", "BBhh").replace("wQ+", "wQ/")


def test_a_secret_is_read_from_the_environment_or_beside_the_inventory(tmp_path, monkeypatch):
    monkeypatch.setenv("TX2_PASSWORD", "hunter2")
    (tmp_path / "password").write_text("hunter3\n")
    inventory = tmp_path / "lab.yaml"
    assert reveal("env:TX2_PASSWORD", "x", inventory) == "hunter2"
    assert reveal("file:password", "x", inventory) == "hunter3"


@pytest.mark.parametrize(
    ("reference", "remedy"),
    [("env:NO_SUCH", "NO_SUCH is not set"), ("file:none", "No such file"), ("file:empty", "is empty")],
)
def test_a_secret_that_is_not_there_is_a_usage_fault_that_names_who_wants_it(tmp_path, reference, remedy):
    (tmp_path / "empty").touch()
    with pytest.raises(UsageFault, match=rf"boards\.a\.console\.password: .*{remedy}"):
        reveal(reference, "boards.a.console.password", tmp_path / "lab.yaml")


def test_a_meter_gets_the_secret_that_its_options_name(tmp_path, monkeypatch):
    (tmp_path / "lab.yaml").write_text(
        "lab: shelf\nmeters:\n  arc:\n    driver: otii\n    rail: 3.3 V\n"
        "    options: {username: lab, password: 'env:OTII_PASSWORD'}\n"
        "boards:\n  one: {model: coral-dev, ssh: {host: h, user: u}}\n"
    )
    meter = load(tmp_path / "lab.yaml").meters["arc"]
    with pytest.raises(UsageFault, match=r"lab\.yaml: meters\.arc\.options\.password: .*OTII_PASSWORD is not set"):
        meter.config()
    monkeypatch.setenv("OTII_PASSWORD", "hunter2")
    assert meter.config().password.get_secret_value() == "hunter2"


def test_a_key_file_may_be_named_from_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert key_path("file:~/key", tmp_path / "elsewhere" / "lab.yaml") == tmp_path / "key"


def test_the_resolved_copy_names_secrets_as_they_are_seen_from_its_own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/lab")
    source = {"password": "file:plug", "key": "file:~/key", "other": "env:PLUG", "names": ["file:/a", "file", 3]}
    assert resolved._absolute(source, tmp_path) == {
        "password": f"file:{tmp_path}/plug",
        "key": "file:/home/lab/key",
        "other": "env:PLUG",
        "names": ["file:/a", "file", 3],
    }


def test_a_noted_host_key_is_found_by_host_and_port(tmp_path):
    known = KnownHosts(tmp_path / "farm" / "known_hosts")
    assert known.key("192.0.2.1", 22) is None
    known.note("192.0.2.1", 22, KEY)
    known.note("192.0.2.1", 2222, OTHER)
    assert (known.key("192.0.2.1", 22), known.key("192.0.2.1", 2222)) == (KEY, OTHER)
    known.note("192.0.2.1", 22, OTHER)
    assert known.key("192.0.2.1", 22) == OTHER
    assert known.path.read_text().count("192.0.2.1 ") == 1


def test_a_fingerprint_is_the_one_that_ssh_keygen_shows():
    assert fingerprint(KEY + " board").startswith("ssh-ed25519 SHA256:")
    assert fingerprint(KEY) != fingerprint(OTHER)
    assert len(fingerprint(KEY)) == len("ssh-ed25519 SHA256:") + 43
