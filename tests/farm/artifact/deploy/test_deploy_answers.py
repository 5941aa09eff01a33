"""What the helper on a board answers, written without a library."""

import json
import zlib
from typing import Any

from farm.artifact.deploy.source import always


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
