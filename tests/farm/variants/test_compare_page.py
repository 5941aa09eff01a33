"""The guide names the options that there are, and every one of the comparison's own."""

import re
from pathlib import Path

from farm.cli.main import parser
from farm.verdict.variants.compared import COMPARABLE

PAGE = (Path(__file__).parents[3] / "docs" / "compare.md").read_text(encoding="utf-8")
SHARED = {"--help", "--quiet", "--verbose", "--debug", "--inventory", "--dataset"}
"""Of all commands, or told with the artifacts."""


def options(name):
    taken = parser([name]).subcommands[name].takes
    return {flag for action in taken for flag in action.option_strings if flag.startswith("--")}


def test_every_option_that_is_named_is_one_and_every_own_one_is_named():
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named <= options("compare")
    assert options("compare") - options("run") - SHARED <= named


def test_the_figures_that_are_named_are_those_that_can_be_compared():
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| `--figures`")]
    named = {name for group in re.findall(r"`([a-z0-9_,]+)`", row) for name in group.split(",")}
    assert named == set(COMPARABLE)
