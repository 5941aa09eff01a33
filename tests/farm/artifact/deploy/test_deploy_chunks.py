"""Chunks are found again wherever an insertion has moved them; frames are unpacked by whatever the board has."""

import os
import random
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.deploy import by_python, deploy
from farm.artifact.deploy.chunks import cuts, missing, recipe_of

CONTENT = random.Random(5).randbytes(1 << 20)
MASK = (1 << 64) - 1


def plainly(data: bytes) -> list[int]:
    """The rule once more, byte by byte."""
    ends, begin = [], 0
    while begin < len(data):
        end = min(begin + (64 << 10), len(data))
        for at in range(begin + (4 << 10), end):
            (window,) = struct.unpack_from("<Q", data, at - 8)
            hashed = (window * 0x9E3779B97F4A7C15 + (1 << 63)) & MASK
            if hashed < (1 << 48 if at < begin + (16 << 10) else 1 << 52):
                end = at
                break
        ends.append(end)
        begin = end
    return ends


@pytest.mark.parametrize("data", [b"", b"x" * 7, CONTENT[:300_001], bytes(200_000), CONTENT[:70_000] * 3])
def test_arrays_cut_where_the_rule_cuts(data):
    assert list(cuts(np.frombuffer(data, np.uint8))) == plainly(data)


def test_an_insertion_costs_the_chunks_beside_it():
    changed = CONTENT[:400_000] + b"inserted" + CONTENT[400_000:]
    known = {recipe_of(CONTENT)[at : at + 20] for at in range(0, len(recipe_of(CONTENT)), 20)}
    recipe = recipe_of(changed)
    chunks = [recipe[at : at + 20] for at in range(0, len(recipe), 20)]
    new = [chunk not in known for chunk in chunks]
    assert 1 <= sum(new) <= 3
    bits = np.packbits(new, bitorder="little").tobytes()
    ((offset, length),) = missing(recipe, bits)
    assert offset <= 400_000 < offset + length < 600_000


def test_too_few_bits_are_no_answer():
    with pytest.raises(ValueError, match="1 bytes of bits"):
        missing(recipe_of(CONTENT), b"\0")


def test_a_file_is_cut_as_its_bytes_are(tmp_path):
    (tmp_path / "x").write_bytes(CONTENT)
    assert recipe_of(tmp_path / "x") == recipe_of(CONTENT)


@pytest.mark.parametrize("codec", ["zstd", "zlib"])
def test_a_changed_content_is_put_together_from_those_that_are_there(
    shell, workdir, dataset, retrain, monkeypatch, tmp_path, codec
):
    monkeypatch.setattr(by_python, "LARGE_BYTES", 50_000)
    if codec == "zlib":
        for name in ("sh", "mkdir", "df", "python3", *"readlink mv ln cat tr ls sed rm".split()):  # noqa: SIM905
            (tmp_path / "bin").mkdir(exist_ok=True)
            (tmp_path / "bin" / name).symlink_to(os.path.realpath(shutil.which(name, path="/usr/bin:/bin") or ""))
        shell.environment["PATH"] = str(tmp_path / "bin")
    elif shutil.which("zstd") is None:
        pytest.skip("no zstd here")
    text = b"".join(b"%d and " % n for n in range(25_000))
    first = deploy(shell, workdir, retrain(text), dataset)
    assert first.took.codec == codec
    assert first.took.bytes_on_wire < 0.6 * first.bytes_sent
    changed = retrain(new := text[:100_000] + b"inserted" + text[100_000:])
    second = deploy(shell, workdir, changed, dataset)
    assert second.bytes_sent < 0.5 * len(text)
    assert Path(second.model_path).read_bytes() == new


def test_chunks_of_a_damaged_content_are_sent_and_never_copied(shell, workdir, dataset, retrain, monkeypatch):
    monkeypatch.setattr(by_python, "LARGE_BYTES", 50_000)
    first = deploy(shell, workdir, retrain(CONTENT[:300_000]), dataset)
    with Path(first.model_path).open("r+b") as file:
        file.seek(150_000)
        file.write(b"rotten")
    second = deploy(shell, workdir, retrain(new := CONTENT[:300_000] + b"more"), dataset)
    assert Path(second.model_path).read_bytes() == new
    assert 5_000 < second.bytes_sent < 200_000
