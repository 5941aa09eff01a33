"""Three variants on two boards, with nothing made up but the boards: twins, real artifacts, real trials."""

import copy
import json
from collections.abc import Iterator

import pytest

from .conftest import MODELS, Whole, lab_of, lent

VARIANTS = ("lenet5-pruned-int8", "lenet-300-100-pruned-int8", "lenet5-float")
HOW = (
    "--model=atom-e3930", "--scenario=fixed-rate", "--rate-hz=10", "--duration-s=1", "--idle-s=0", "--no-bursts",
    "--figures=accuracy,joules_per_inference,size_bytes", "--resolution=20%", "--max-rounds=6", "--max-voids=60",
    "--seed=4",
)  # fmt: skip


@pytest.fixture(scope="module")
def atoms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    """Two Atoms, each with a wall meter of its own."""
    lab = lab_of("atom-01")
    second = copy.deepcopy(lab["boards"]["atom-01"])
    lab["boards"]["atom-02"] = second | {"serial_number": "PICO-E3930-0002", "switch": "relay-2", "meters": ["wall-2"]}
    lab["meters"]["wall-2"] = copy.deepcopy(lab["meters"]["wall-1"])
    lab["switches"]["relay-2"] = copy.deepcopy(lab["switches"]["relay-atom"])
    with lent(tmp_path_factory.mktemp("atoms"), "atom-01", lab) as whole:
        yield whole


def packed(variants=VARIANTS):
    return [str(MODELS / "artifacts" / f"{name}-onnx.tar.zst") for name in variants]


def test_three_variants_run_on_both_boards_until_it_is_certain_who_is_on_the_front(atoms):
    ended = atoms.farm("compare", *packed(), *HOW, "--json", "it.json", "--png", "it.png", timeout_s=280)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads((atoms.folder / "it.json").read_text())
    places = {variant["name"]: (variant["place"], variant["by"]) for variant in told["variants"]}
    assert places["lenet5-pruned-int8-onnx"] == ("front", [])
    assert places["lenet-300-100-pruned-int8-onnx"] == ("front", [])
    assert places["lenet5-float-onnx"][0] == "dominated"
    assert "lenet5-pruned-int8-onnx" in places["lenet5-float-onnx"][1]
    assert told["decided"]
    assert told["made"] == "process twin"
    assert all(rounds >= 2 for rounds in told["rounds"].values())
    assert (atoms.folder / "it.png").read_bytes().startswith(b"\x89PNG")
    again = atoms.farm("compare", "--again", "last")
    assert again.stdout == ended.stdout
    assert "compare" in atoms.farm("results", "list", "--runs").stdout
