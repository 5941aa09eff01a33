"""What the helper on a board answers, written without a library; and what is made of it, should it be another's."""

import hashlib
import json
import zlib
from types import SimpleNamespace
from typing import Any

import pytest

from devices.errors import ConnectionLost
from devices.shell import Line
from farm.artifact.deploy import deploy
from farm.artifact.deploy.by_python import bring
from farm.artifact.deploy.helper import Helper
from farm.artifact.deploy.recipes import Recipes
from farm.artifact.deploy.source import always
from farm.artifact.deploy.wanted import Blob
from farm.errors import LabFault


def written(answer: object) -> bytes:
    helper: dict[str, Any] = {}
    exec(zlib.decompress(always()), helper)  # noqa: S102 -- as the board does
    return helper["written"](answer).encode("utf-8", "replace")


def test_answers_are_json_whatever_a_file_is_called_and_a_program_says():
    answer = {
        "err": 'rm: cannot remove "weights\\1"\r\n\tå 模 \x00\x1f\x7f\N{LINE SEPARATOR}\U0001f60e',
        "missing": [[0, ["a", 1.5e-7]], [], {}],
        "there": True,
        "why": None,
    }
    line = written(answer)
    assert json.loads(line) == answer
    assert b"\n" not in line


def test_a_name_that_is_no_text_and_a_key_that_is_a_number_are_told_too():
    assert json.loads(written({"held": {7: ("a\udcff", False)}})) == {"held": {"7": ["a?", False]}}


class Saying:
    """A stream to something that says what it is told to, and takes anything, or nothing any more."""

    def __init__(self, *said: bytes, takes: bool = True) -> None:
        self.said, self.takes = list(said), takes

    def send(self, data: bytes) -> None:
        if not self.takes:
            raise ConnectionLost("here", "cut")

    def readline(self, *, timeout_s: float) -> Line:
        return Line(0, self.said.pop(0))

    def lines(self, *, idle_timeout_s: float):
        yield from (Line(0, data) for data in self.said)


def helper(*said: bytes, takes: bool = True) -> Helper:
    return Helper(SimpleNamespace(name="here"), "/farm", Saying(*said, takes=takes))


SURVEY = {"have": [], "bare": [], "parts": {}, "held": 0, "chunked": False, "codecs": ["none"], "hash_s": 0.1}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"have": [1]}, "tells of contents that it was not asked for"),
        ({"have": [0], "bare": [-1]}, "tells of contents that it was not asked for"),
        ({"parts": {7: []}}, "tells of contents that it was not asked for"),
        ({"held": -1}, "the helper says"),
        ({"hash_s": float("nan")}, "the helper says"),
    ],
)
def test_an_answer_that_cannot_be_is_a_fault_of_the_board(told, why):
    blob = Blob(hashlib.sha256(b"x").hexdigest(), 1, b"x")
    with Recipes([blob]) as recipes, pytest.raises(LabFault, match=why):
        bring(helper(json.dumps(SURVEY | told).encode()), "here", "/farm", [blob], recipes, print, print)


def test_an_answer_nested_beyond_reading_is_a_fault_of_the_board():
    deep = helper(b"[" * 100_000)
    with pytest.raises(LabFault, match=r"here: /farm: the helper says b'\[\["):
        bring(deep, "here", "/farm", [], Recipes([]), print, print)


def test_a_last_word_that_the_link_cut_off_is_a_broken_link():
    with pytest.raises(LabFault, match="here: /farm: No space left"):
        helper(b'{"error": "No space left", "errno": 28}', takes=False).send(b"more")
    with pytest.raises(ConnectionLost):
        helper(b'{"error": "No sp', takes=False).send(b"more")


def test_what_a_boards_programs_say_besides_is_no_damaged_content(shell, workdir, artifact, dataset, tmp_path):
    shell.before(tmp_path / "chatty", sync="echo done; echo all written")
    assert deploy(shell, workdir, artifact, dataset, by_shell=True).bytes_sent > 0
