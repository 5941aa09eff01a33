"""Each step on a board's files and programs: what it finds, what it changes, what it refuses."""

from pathlib import Path
from typing import Any

import pytest

from devices.errors import CommandFailed
from farm.errors import LabFault
from farm.playbook import StepResult, each_step, target_of
from farm.playbook.model import Playbook

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGrTVf3i2NfD6Q8ZZOBh9yY2Gl45jbaHTyoSX3BofOR/ somebody"


def take(
    place: Any, *steps: dict[str, Any], check: bool = False, folder: Path | None = None, **more: Any
) -> list[StepResult]:
    """Take steps on the board of the test, in a playbook of its model."""
    book = Playbook.model_validate({"model": place.board.model, "steps": list(steps), **more})
    if folder is not None:
        book._path = folder / "playbook.yaml"
    target = target_of(book, place.board, place.shell, workdir=place.workdir, tell=lambda _text: None)
    return list(each_step(book, target, check=check))


def twice(place: Any, step: dict[str, Any], **more: Any) -> str:
    """Take a step, see that it has nothing to do a second time, and return what differed before the first."""
    foreseen, done, again = (take(place, step, check=check, **more)[0] for check in (True, False, False))
    assert foreseen == done
    assert not again.changed, again.detail
    return done.detail if done.changed else ""


def test_a_file_may_hold_any_bytes_of_a_file_beside_the_playbook(place, tmp_path) -> None:
    (tmp_path / "logo.bin").write_bytes(bytes(range(256)))
    assert twice(place, {"file": {"path": "/etc/logo", "source": "logo.bin"}}, folder=tmp_path) == "is not there"
    assert (place.root / "etc/logo").read_bytes() == bytes(range(256))


def test_a_directory_may_be_a_link_to_one(place) -> None:
    (place.root / "data/models").mkdir(parents=True)
    (place.root / "srv").mkdir(exist_ok=True)
    (place.root / "srv/models").symlink_to(place.root / "data/models")
    assert twice(place, {"directory": {"path": "/srv/models", "mode": "0700"}}) == "mode is 755, not 700"
    assert (place.root / "srv/models").is_symlink()


def test_a_directory_that_is_a_link_to_nothing_is_a_lab_fault_that_says_so(place) -> None:
    (place.root / "srv").mkdir(exist_ok=True)
    (place.root / "srv/models").symlink_to("/mnt/card/models")
    with pytest.raises(LabFault, match="directory /srv/models: is a link to /mnt/card/models, and nothing is there"):
        take(place, {"directory": {"path": "/srv/models"}})


def test_a_template_gets_facts_of_the_board_values_and_secrets(place, tmp_path) -> None:
    (tmp_path / "psk").write_text("not for everybody\n", encoding="utf-8")
    content = "${board} ${model} ${serial_number} ${kernel} ${site} ${fast} ${psk} $$5\n"
    twice(
        place,
        {"template": {"path": "/etc/site", "content": content, "mode": "0600"}},
        vars={"site": "north", "fast": True},
        secrets={"psk": "file:psk"},
        folder=tmp_path,
    )
    kernel = place.shell.run("uname -r").text
    text = (place.root / "etc/site").read_text(encoding="utf-8")
    assert text == f"bench-1 coral-dev 0042 {kernel} north true not for everybody $5\n"


def test_a_fact_that_the_board_does_not_tell_is_a_lab_fault(place) -> None:
    (place.root / "proc/device-tree/serial-number").unlink()
    with pytest.raises(LabFault, match="bench-1: does not tell its serial_number"):
        take(place, {"template": {"path": "/etc/site", "content": "${serial_number}"}})


def test_a_line_is_added_to_a_file_that_stays_as_it_is_otherwise(place) -> None:
    config = place.root / "boot/config.txt"
    config.write_text("dtparam=spi=on\ndtparam=audio=on", encoding="utf-8")
    config.chmod(0o640)
    twice(place, {"line": {"path": "/boot/config.txt", "line": "enable_uart=1"}})
    assert config.read_text(encoding="utf-8") == "dtparam=spi=on\ndtparam=audio=on\nenable_uart=1\n"
    twice(place, {"line": {"path": "/boot/config.txt", "line": "dtparam=audio=on", "state": "absent"}})
    assert config.read_text(encoding="utf-8") == "dtparam=spi=on\nenable_uart=1\n"
    assert config.stat().st_mode & 0o777 == 0o640


def test_a_package_of_another_version_is_replaced_and_one_that_must_not_be_there_is_removed(place) -> None:
    with (place.root / "var/lib/dpkg/packages").open("a") as packages:
        packages.write("zstd 1.3.0\n")
    assert twice(place, {"packages": {"names": ["zstd=1.4.8+dfsg-2.1"]}}) == "zstd is 1.3.0, not 1.4.8+dfsg-2.1"
    assert twice(place, {"packages": {"names": ["zstd", "curl"], "state": "absent"}}) == "installed: zstd"


def test_a_package_archive_comes_with_its_key_and_gives_what_it_has(place) -> None:
    archive = {
        "name": "coral",
        "uri": "https://packages.cloud.google.com/apt",
        "suite": "coral-edgetpu-stable",
        "key_url": "https://packages.cloud.google.com/apt/doc/apt-key.gpg",
    }
    wanted = {"packages": {"names": ["libedgetpu1-std"]}}
    with pytest.raises(CommandFailed, match="Unable to locate package libedgetpu1-std"):
        take(place, wanted)
    assert twice(place, {"apt_repository": archive}) == "its key is not there"
    entry = (place.root / "etc/apt/sources.list.d/coral.list").read_text(encoding="utf-8")
    assert entry == (
        "deb [signed-by=/etc/apt/keyrings/coral.asc] https://packages.cloud.google.com/apt coral-edgetpu-stable main\n"
    )
    assert take(place, wanted)[0].changed


def test_a_key_that_the_playbook_brings_along_is_held_against_the_boards(place, tmp_path) -> None:
    (tmp_path / "key.gpg").write_bytes(b"\x99\x01binary")
    archive = {"name": "ours", "uri": "https://192.0.2.7/deb", "suite": "stable", "key_file": "key.gpg"}
    twice(place, {"apt_repository": archive}, folder=tmp_path)
    (place.root / "etc/apt/keyrings/ours.gpg").write_bytes(b"exchanged")
    assert twice(place, {"apt_repository": archive}, folder=tmp_path) == "its key is another one"


def test_a_login_gets_its_groups_shell_and_keys_and_keeps_those_it_has(place) -> None:
    user = {"name": "ci", "groups": ["video", "spi"], "login_shell": "/bin/bash", "authorized_keys": [KEY]}
    assert twice(place, {"user": user}) == "is not there"
    assert place.shell.run("getent passwd ci").text.endswith(":/home/ci:/bin/bash")
    keys = place.root / "home/ci/.ssh/authorized_keys"
    assert keys.read_text(encoding="utf-8") == KEY + "\n"
    assert keys.stat().st_mode & 0o777 == 0o600
    keys.write_text(KEY, encoding="utf-8")  # as an editor leaves it: without an end of the line
    other = KEY.replace("BofOR", "BofOQ")
    assert twice(place, {"user": {"name": "ci", "authorized_keys": [other]}}) == "1 of 1 keys do not open it"
    assert keys.read_text(encoding="utf-8") == f"{KEY}\n{other}\n"
    assert twice(place, {"user": {"name": "ci", "state": "absent"}}) == "is there"


def test_a_kernel_setting_holds_now_and_after_the_next_boot(place) -> None:
    setting = place.root / "proc/sys/vm/swappiness"
    assert twice(place, {"sysctl": {"key": "vm.swappiness", "value": 10}}) == "is 60, does not last"
    assert setting.read_text(encoding="utf-8") == "10\n"
    setting.write_text("60\n", encoding="utf-8")
    assert twice(place, {"sysctl": {"key": "vm.swappiness", "value": 10}}) == "is 60"
    with pytest.raises(LabFault, match=r"its kernel has no setting vm\.swapiness"):
        take(place, {"sysctl": {"key": "vm.swapiness", "value": 10}})


@pytest.mark.parametrize(
    ("place", "loader", "file"),
    [
        ("pi-zero-aiy", "cmdline.txt", "boot/cmdline.txt"),
        ("atom-e3930", "grub", "boot/grub/grub.cfg"),
        ("jetson-tx2", "extlinux", "boot/extlinux/extlinux.conf"),
    ],
    indirect=["place"],
)
def test_kernel_arguments_get_into_what_the_boot_loader_reads(place, loader: str, file: str) -> None:
    twice(place, {"kernel_arguments": {"loader": loader, "present": ["isolcpus=1"], "absent": ["quiet", "rootwait"]}})
    text = (place.root / file).read_text(encoding="utf-8")
    assert "isolcpus=1" in text
    assert "quiet" not in text


def test_a_boot_loader_that_the_board_does_not_have_is_a_lab_fault(place) -> None:
    with pytest.raises(LabFault, match="has no /etc/default/grub"):
        take(place, {"kernel_arguments": {"loader": "grub", "absent": ["quiet"]}})


@pytest.mark.parametrize("place", ["atom-e3930"], indirect=True)
def test_a_menu_that_grub_has_not_made_anew_is_seen(place) -> None:
    """As after a run that broke off between the two."""
    step = {"kernel_arguments": {"loader": "grub", "absent": ["quiet"]}}
    default = place.root / "etc/default/grub"
    default.write_text(default.read_text(encoding="utf-8").replace("quiet", ""), encoding="utf-8")
    assert twice(place, step) == "not so in /boot/grub/grub.cfg"


@pytest.mark.parametrize("place", ["jetson-tx2"], indirect=True)
def test_every_clock_of_a_jetson_is_held_at_its_maximum(place) -> None:
    assert twice(place, {"jetson_clocks": {}}).startswith("free to fall: cpu0, ")
    shown = place.shell.run("jetson_clocks --show").text
    assert "GPU MinFreq=1120000000 MaxFreq=1120000000" in shown


def test_one_edge_tpu_runtime_takes_the_place_of_the_other(place) -> None:
    assert twice(place, {"edgetpu_runtime": {}}) == "not installed"
    fast = {"edgetpu_runtime": {"speed": "max", "accept_licence": True}}
    assert twice(place, fast) == "libedgetpu1-std is installed instead"
    assert "accepted-eula boolean true" in (place.root / "var/lib/dpkg/answers").read_text(encoding="utf-8")


def test_an_edge_tpu_runtime_from_a_file_needs_neither_archive_nor_network(place, tmp_path) -> None:
    (tmp_path / "libedgetpu1-std_16.0_arm64.deb").write_bytes(b"!<arch>\n")
    (place.root / "var/lib/apt/packages").write_text("", encoding="utf-8")
    twice(place, {"edgetpu_runtime": {"deb": "libedgetpu1-std_16.0_arm64.deb"}}, folder=tmp_path)
    assert list((place.root / "var/tmp").iterdir()) == []
    assert not (place.root / "etc/apt/sources.list.d").exists()


@pytest.mark.parametrize("place", ["pi-zero-aiy"], indirect=True)
def test_the_bonnets_driver_and_firmware_are_fetched_from_the_vendor(place) -> None:
    packages = place.root / "var/lib/dpkg/packages"
    assert not take(place, {"aiy_vision": {}})[0].changed
    packages.write_text(
        packages.read_text(encoding="utf-8").replace("firmware 1.2-0", "firmware 1.1-0"), encoding="utf-8"
    )
    assert twice(place, {"aiy_vision": {"firmware": "1.2-0"}}) == "firmware is 1.1-0, not 1.2-0"
    packages.write_text("", encoding="utf-8")
    assert twice(place, {"aiy_vision": {}}) == "not installed: aiy-vision-dkms aiy-vision-firmware"


def test_a_command_runs_until_its_result_is_there(place) -> None:
    ran = {"shell": {"run": 'echo "$site" >> "$root/etc/site"', "creates": "/etc/site"}}
    assert twice(place, ran, vars={"site": "it's north"}) == "/etc/site is not there"
    assert (place.root / "etc/site").read_text(encoding="utf-8") == "it's north\n"
    asked = {"shell": {"run": 'echo more >> "$root/etc/site"', "unless": 'grep -q more "$root/etc/site"'}}
    assert twice(place, asked) == "`unless` ended with status 1"


def test_a_command_that_fails_or_leaves_no_result_is_a_lab_fault(place) -> None:
    with pytest.raises(LabFault, match="ended with status 3; it last said: no such thing"):
        take(place, {"shell": {"run": "echo no such thing >&2; exit 3", "creates": "/etc/x"}})
    with pytest.raises(LabFault, match="shell true: changed, and still /etc/x is not there"):
        take(place, {"shell": {"run": "true", "creates": "/etc/x"}})
    with pytest.raises(LabFault, match="unset_name"):
        take(place, {"shell": {"run": 'echo "$unset_name"', "creates": "/etc/x"}})


def test_a_secret_is_in_no_command_line_and_in_nothing_that_is_told(place, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PSK", "hunter2hunter2")
    seen: list[str] = []
    run = place.shell.run

    def noting(command: str, **more: Any) -> Any:
        seen.append(command)
        return run(command, **more)

    monkeypatch.setattr(place.shell, "run", noting)
    secrets = {"psk": "env:PSK"}
    took = {"shell": {"run": 'printf %s "$psk" > "$root/etc/psk"', "creates": "/etc/psk"}}
    take(place, took, {"template": {"path": "/etc/wifi", "content": "$psk", "mode": "0600"}}, secrets=secrets)
    assert (place.root / "etc/psk").read_text(encoding="utf-8") == "hunter2hunter2"
    with pytest.raises(LabFault) as fault:
        take(place, {"shell": {"run": 'echo "refused: $psk" >&2; false', "creates": "/x"}}, secrets=secrets)
    assert "refused: ********" in str(fault.value)
    assert not [command for command in seen if "hunter2" in command]


class _Cut:
    """A shell whose link breaks in the middle of what it sends: the board's shell sees the end of its input."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.name = shell.name
        self.run = shell.run

    def sudo(self, command: str, *, stdin: bytes = b"", **more: Any) -> Any:
        return self._shell.sudo(command, stdin=stdin[: len(stdin) // 2], **more)


@pytest.mark.parametrize(
    "step",
    [
        {"file": {"path": "/etc/whole", "content": "all of it\n"}},
        {"line": {"path": "/etc/whole", "line": "one more"}},
    ],
)
def test_half_a_file_takes_the_place_of_none(place, step) -> None:
    file = place.root / "etc/whole"
    file.write_text("as it was\n", encoding="utf-8")
    with pytest.raises(CommandFailed):
        take(place._replace(shell=_Cut(place.shell)), step)
    assert file.read_text(encoding="utf-8") == "as it was\n"


def test_a_file_with_a_secret_is_never_readable_for_others_not_even_while_it_is_written(place) -> None:
    beside = place.root / "etc/psk.new"
    beside.write_text("of a run that broke off", encoding="utf-8")
    beside.chmod(0o644)
    modes: list[int] = []
    sudo = place.shell.sudo

    def looking(command: str, **more: Any) -> Any:
        return sudo(command.replace(" && chmod ", f" && stat -c %a {beside} >&2 && chmod "), **more)

    class Shell:
        name, run = place.shell.name, place.shell.run

        def sudo(self, command: str, **more: Any) -> Any:
            answer = looking(command, **more)
            modes.extend(int(line, 8) for line in answer.stderr.decode().split() if line.isdigit())
            return answer

    take(place._replace(shell=Shell()), {"file": {"path": "/etc/psk", "content": "x\n", "mode": "0600"}})
    assert modes == [0o600]


def test_a_package_on_hold_is_installed(place) -> None:
    class Held:
        name, sudo = place.shell.name, place.shell.sudo

        def run(self, command: str, **more: Any) -> Any:
            return place.shell.run(command.replace("${db:Status-Abbrev}", "hi "), **more)

    installed = (place.root / "var/lib/dpkg/packages").read_text(encoding="utf-8").split()[0]
    (done,) = take(place._replace(shell=Held()), {"packages": {"names": [installed]}}, check=True)
    assert not done.changed, done.detail
