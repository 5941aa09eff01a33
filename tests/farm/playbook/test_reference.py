"""The guide says of every step what the steps say of themselves."""

from pathlib import Path

import yaml

from farm.cli.main import main
from farm.playbook.model import STEPS, Playbook
from farm.playbook.reference import reference
from farm.playbook.values import FROM_BOARD, FROM_INVENTORY

GUIDE = Path(__file__).parents[3] / "docs" / "provisioning.md"


def test_the_guide_ends_with_the_reference() -> None:
    """After a change to a step: put what `farm provision --steps` prints behind `## Steps`."""
    text = GUIDE.read_text(encoding="utf-8")
    assert text.partition("## Steps\n\n")[2].rstrip() == reference().rstrip()


def test_every_step_and_every_field_is_told_in_words() -> None:
    for kind, step in STEPS.items():
        assert step.__doc__, kind
        for name, field in step.model_fields.items():
            assert field.description, f"{kind}.{name}"
            assert f"| `{name}` |" in reference().partition(f"### `{kind}`")[2].partition("###")[0]


def test_the_guides_playbook_is_one() -> None:
    example = GUIDE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    book = Playbook.model_validate(yaml.safe_load(example))
    assert len({entry.kind for entry in book.steps}) == len(book.steps)


def test_a_name_means_one_thing() -> None:
    assert not FROM_INVENTORY.keys() & FROM_BOARD.keys()


def test_the_command_prints_it_without_a_lab(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["provision", "--steps"]) == 0
    assert capsys.readouterr().out.rstrip() == reference().rstrip()
