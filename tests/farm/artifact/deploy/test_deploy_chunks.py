"""Chunks are found again wherever an insertion has moved them; frames are unpacked by whatever the board has."""

import os
import random
import shutil
import struct
from itertools import accumulate
from math import prod
from operator import mul
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.deploy import deploy, recipes
from farm.artifact.deploy.chunks import bytes_of, lengths, missing, recipe

CONTENT = random.Random(5).randbytes(1 << 20)
MASK = (1 << 64) - 1
SUMS = (0x4D, 0x9B, 0x65, 0xD3, 0x2F)
FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)


def recipe_of(source: bytes | Path) -> bytes:
    return recipe(source, lengths(bytes_of(source)))


def plainly(data: bytes) -> list[int]:
    """The rule once more, byte by byte."""
    factors = [prod(f for step, f in enumerate(SUMS) if not n >> step & 1) for n in range(32)]
    halves = [prod(f for step, f in enumerate(SUMS[:4]) if not n >> step & 1) for n in range(16)]
    ends, begin = [], 0
    while begin < len(data):
        end = min(begin + (64 << 10), len(data))
        for at in range(begin + (4 << 10), end):
            before = data[at - 32 : at]
            if sum(map(mul, before, factors)) & 255 != 0x5A or sum(map(mul, before, halves)) & 255 >= 16:
                continue
            hashed = sum(map(mul, struct.unpack("<4Q", before), FACTORS)) & MASK
            if hashed < 1 << 60 or at >= begin + (16 << 10):
                end = at
                break
        ends.append(end)
        begin = end
    return ends


@pytest.mark.parametrize("data", [b"", b"x" * 7, CONTENT[:300_001], bytes(200_000), CONTENT[:70_000] * 3])
def test_arrays_cut_where_the_rule_cuts(data):
    assert list(accumulate(lengths(np.frombuffer(data, np.uint8)))) == plainly(data)


@pytest.mark.parametrize("values", [2, 3, 16, 256])
@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_nets_of_few_distinct_weights_are_cut_too(values, zeros):
    dice = np.random.default_rng(1)
    weights = dice.integers(0, values, 1 << 20, np.uint8)
    weights[dice.random(1 << 20) < zeros] = 0
    chunks = list(lengths(weights))
    assert 10_000 < len(weights) / len(chunks) < 45_000


def test_an_insertion_costs_the_chunks_beside_it():
    changed = CONTENT[:400_000] + b"inserted" + CONTENT[400_000:]
    known = {recipe_of(CONTENT)[at : at + 20] for at in range(0, len(recipe_of(CONTENT)), 20)}
    made = recipe_of(changed)
    chunks = [made[at : at + 20] for at in range(0, len(made), 20)]
    new = [chunk not in known for chunk in chunks]
    assert 1 <= sum(new) <= 3
    bits = np.packbits(new, bitorder="little").tobytes()
    ((offset, length),) = missing(made, bits)
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
    monkeypatch.setattr(recipes, "LARGE_BYTES", 50_000)
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
    monkeypatch.setattr(recipes, "LARGE_BYTES", 50_000)
    first = deploy(shell, workdir, retrain(CONTENT[:300_000]), dataset)
    with Path(first.model_path).open("r+b") as file:
        file.seek(150_000)
        file.write(b"rotten")
    second = deploy(shell, workdir, retrain(new := CONTENT[:300_000] + b"more"), dataset)
    assert Path(second.model_path).read_bytes() == new
    assert 5_000 < second.bytes_sent < 200_000
