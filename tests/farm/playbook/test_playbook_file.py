from pathlib import Path

import pytest

from devices.registry import known_boards
from farm.errors import UsageFault
from farm.playbook import load

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"


def faults_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageFault) as seen:
        load(path)
    return [line.removeprefix(f"{path}:") for line in seen.value.faults]


@pytest.mark.parametrize("model", sorted(known_boards()))
def test_every_board_model_has_a_playbook_of_its_own(model: str) -> None:
    assert load(PLAYBOOKS / f"{model}.yaml").model == model


def test_all_faults_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path,
        """\
model: coral-dv
steps:
  - directory:
      path: opt/x
  - servcie:
      name: ssh
  - packages:
      names:
        - python3; rm -rf
  - service:
      name: ssh
  - expect:
      what: anything
      matches: "("
""",
    )
    assert [fault.partition(":")[0] for fault in faults] == ["1", "4", "5", "9", "10", "14"]
    text = "\n".join(faults)
    assert 'did you mean "coral-dev"?' in text
    assert "begins at the top of the board's file system" in text
    assert 'did you mean "service"?' in text
    assert "wants nothing; add `enabled:` or `running:`" in text
    assert "not a regular expression" in text


def test_a_fault_of_form_hides_no_missing_file_and_no_unknown_name(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path,
        """\
model: coral-dev
vars: {site: [north]}
steps:
  - directory: {path: opt/x}
  - file: {path: /etc/a, source: no-such-file}
  - template: {path: /etc/b, content: "${site} ${bord}"}
  - governor: {name: performance}
  - reboot: {when: changed, soon: true}
  - reboot: {when: changed}
""",
    )
    assert [fault.partition(":")[0] for fault in faults] == ["2", "4", "5", "6", "7", "8"]
    assert faults[0] == "2: vars.site: wants text, a whole number, a number or true or false, not a list"
    assert "${site}" not in "".join(faults)


def test_two_steps_in_one_item_are_refused_because_their_order_would_be_unknown(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path,
        "model: coral-dev\nsteps:\n  - governor:\n      name: performance\n    directory:\n      path: workdir\n",
    )
    assert faults == ["3: steps.0: wants one step, not 2; begin each with `- ` of its own"]


def test_a_command_that_names_a_path_is_refused_since_the_boards_root_would_be_passed_by(tmp_path: Path) -> None:
    faults = faults_of(
        tmp_path, "model: coral-dev\nsteps:\n  - expect:\n      what: x\n      command: cat /etc/x\n      matches: x\n"
    )
    assert faults == ["5: steps.0.expect.command: a path stands in `file:`, where it is built from the board's root"]


@pytest.mark.parametrize("path", ["/etc/../../home", "workdir/../x", "workdirs", "etc/x", "~/x"])
def test_no_path_leads_out_of_the_boards_root(tmp_path: Path, path: str) -> None:
    assert faults_of(tmp_path, f"model: coral-dev\nsteps:\n  - directory:\n      path: {path}\n")


def test_a_missing_playbook_is_a_usage_fault(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_template_names_only_what_has_a_value_and_shows_no_secret_to_all(tmp_path: Path) -> None:
    (tmp_path / "site.conf").write_text("${bord} $$ ${psk}", encoding="utf-8")
    faults = faults_of(
        tmp_path,
        """\
model: coral-dev
vars: {site: north, kernel: "5"}
secrets: {psk: env:PSK, site: env:SITE}
steps:
  - template: {path: /etc/a, content: "100 $ and more"}
  - template: {path: /etc/b, source: site.conf}
  - template: {path: /etc/c, source: no-such-file}
""",
    )
    assert [fault.partition(":")[0] for fault in faults] == ["2", "3", "5", "6", "6", "7"]
    text = "\n".join(faults)
    assert "vars.kernel: is the name of another value already" in text
    assert "secrets.site: is the name of another value already" in text
    assert "write $$ for the sign itself" in text
    assert "no value is known as ${bord}; there are board, host, kernel, lab" in text
    assert "whoever logs in there could read a secret; write 0600" in text
    assert "no-such-file; its name is seen from the playbook's folder" in text


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("shell: {run: make}", "wants one of `creates:` and `unless:`"),
        ("shell: {run: 'cat /etc/x', creates: /y}", "a path of the board begins with $root"),
        ("reboot: {}", "would reboot every time"),
        ("kernel_arguments: {loader: grub}", "wants nothing; add `present:` or `absent:`"),
        ("kernel_arguments: {loader: grub, present: [console=ttyS0,115200n8]}", "one with a comma wants quotes"),
        ("kernel_arguments: {loader: lilo, absent: [quiet]}", "should be 'cmdline.txt', 'grub' or 'extlinux'"),
        ("packages: {names: [a0=1], state: absent}", "a package that is absent has no version"),
        ("apt_repository: {name: x, uri: 'https://h/', suite: s}", "wants one of `key_url:` and `key_file:`"),
        ("edgetpu_runtime: {speed: max}", "add `accept_licence: true`"),
        ("user: {name: ci, authorized_keys: [AAAA]}", "not a public key"),
        ("user: {name: ci, authorized_keys: ['file:p.yaml']}", "holds no public key"),
        ("user: {name: ci, state: absent, groups: [video]}", "has neither groups, keys nor shell"),
        ("file: {path: /etc/x}", "wants one of `content:` and `source:`"),
        ("ansible: {playbook: none.yml}", "none.yml; its name is seen from this playbook's folder"),
    ],
)
def test_a_step_that_cannot_be_meant_so_is_refused_with_its_remedy(tmp_path: Path, step: str, told: str) -> None:
    faults = faults_of(tmp_path, f"model: coral-dev\nsteps:\n  - {step}\n")
    assert any(fault.startswith("3: steps.0.") and told in fault for fault in faults), faults


def test_a_secret_has_one_line_and_is_never_the_value_itself(tmp_path: Path) -> None:
    assert (
        "write env:NAME or file:PATH"
        in faults_of(tmp_path, "model: coral-dev\nsecrets: {psk: hunter2}\nsteps:\n  - directory: {path: workdir}\n")[0]
    )
    (tmp_path / "key").write_text("one\ntwo\n", encoding="utf-8")
    path = tmp_path / "p.yaml"
    path.write_text("model: coral-dev\nsecrets: {key: file:key}\nsteps:\n  - directory: {path: workdir}\n")
    with pytest.raises(UsageFault, match="has several lines"):
        load(path).revealed()
