"""What docs/traces.md tells a user to type is taken by the parsers."""

import json
import re
import shlex
from pathlib import Path

import pytest

from farm.cli.main import main, parser

PAGE = (Path(__file__).parents[3] / "docs" / "traces.md").read_text(encoding="utf-8")
BLOCKS = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
LINES = [line.partition("  #")[0].strip() for line in BLOCKS.splitlines() if line.startswith("farm ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_is_one(line):
    words = shlex.split(line)[1:]
    assert parser([words[0]]).read(words)


def test_the_keys_of_the_answer_are_those_of_the_page(capsys):
    log = Path(__file__).parents[2] / "wire" / "traces" / "mlperf-testing.txt"
    main(["trace", "energy", str(log), "--from", "2020-12-23T10:21:55Z", "--to", "2020-12-23T10:22:05Z", "--json"])
    keys = json.loads(capsys.readouterr().out)
    table = re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE, re.MULTILINE)
    assert {key.strip("` ") for cell in table for key in cell.split(",")} == set(keys)
