"""What docs/meters.md tells a user to type and to write is taken."""

import re
import shlex
from pathlib import Path

import pytest

from farm.cli.main import parser
from farm.lab.inventory import load

PAGE = (Path(__file__).parents[3] / "docs" / "meters.md").read_text(encoding="utf-8")
BLOCKS = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
LINES = [line.partition("  #")[0].strip() for line in BLOCKS.splitlines() if line.startswith("farm ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_is_one(line):
    words = shlex.split(line)[1:]
    assert parser([words[0]]).read(words)


def test_the_calibration_that_it_shows_is_one(tmp_path):
    (shown,) = re.findall(r"```yaml\n(calibration_required.*?)```", PAGE, re.DOTALL)
    (tmp_path / "inventory.yaml").write_text(
        f"lab: shelf\n{shown}boards:\n  one: {{model: coral-dev, ssh: {{host: h, user: u}}}}\n"
    )
    lab = load(tmp_path / "inventory.yaml")
    assert lab.calibration_required
    assert lab.meters["wall-1"].calibration.watts.gain == 1.0004
