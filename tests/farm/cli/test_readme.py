"""What the README tells a user to type is taken by the parsers, and what it links to is there."""

import re
import shlex
from pathlib import Path

import pytest

from farm.cli.main import COMMANDS, parser

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def typed():
    """Return every command line of the farm in a block of shell, without its comment."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.partition("   #")[0].strip() for line in lines if line.startswith("farm ")]


@pytest.mark.parametrize("line", typed())
def test_a_command_of_the_readme_is_one(line):
    words = shlex.split(line)[1:]
    assert parser([words[0]]).read(words)


def test_every_command_that_is_named_is_one():
    assert set(re.findall(r"`farm ([a-z]+)", README)) <= set(COMMANDS)


def test_whatever_is_linked_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
