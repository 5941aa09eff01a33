"""What docs/deploying.md tells a user to type is taken by the parser, and what is no deployment is refused."""

import re
import shlex
from pathlib import Path

import pytest

from farm.cli.main import main, parser

PAGE = (Path(__file__).parents[3] / "docs" / "deploying.md").read_text(encoding="utf-8")
BLOCKS = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
LINES = [line.partition("  #")[0].strip() for line in BLOCKS.splitlines() if line.startswith("farm ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_is_one(line):
    words = shlex.split(line)[1:]
    assert parser([words[0]]).read(words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.tar.zst"], "which board"),
        (["x.tar.zst", "--board", "b", "--keep", "0"], "1 or more"),
        (["atom-01", "--list", "--board", "b"], "the board alone"),
        (["atom-01", "--rollback", "--keep", "2"], "the board alone"),
    ],
)
def test_half_a_command_says_what_it_lacks(words, said, capsys):
    assert main(["deploy", *words]) == 2
    assert said in capsys.readouterr().err
