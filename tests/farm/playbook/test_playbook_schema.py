"""The schema of playbooks takes what the farm takes."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from farm.cli.main import main
from farm.playbook.model import schema

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"
OURS = sorted(path for path in PLAYBOOKS.glob("*.yaml") if path.stem not in ("health", "release"))


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_every_playbook_that_ships_fits(path: Path) -> None:
    Draft202012Validator(schema()).validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_two_steps_in_one_item_and_unknown_keys_do_not_fit() -> None:
    both = {"governor": {"name": "performance"}, "directory": {"path": "workdir"}}
    for step in (both, {"governr": {"name": "performance"}}, {"governor": {"nme": "performance"}}):
        assert list(Draft202012Validator(schema()).iter_errors({"model": "coral-dev", "steps": [step]}))


def test_the_command_prints_it(capsys) -> None:
    assert main(["schema", "--playbook"]) == 0
    assert json.loads(capsys.readouterr().out) == schema()
