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
