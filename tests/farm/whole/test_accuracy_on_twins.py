"""One accuracy by several boards, one of which dies in the middle: the sums are those of one board that does it all."""

import copy
import json
import subprocess
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
import yaml

from farm.artifact.dataset import load_dataset
from farm.store.database import Store
from farm.store.predictions import Predictions

from .conftest import BIN, MODELS, Whole, lab_of, lent

PACKED = MODELS / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst"
DATASET = MODELS / "datasets" / "digits-540"
NAMES = ("atom-01", "atom-02", "atom-03")
_LONGEST_S = 60.0


def three_atoms() -> dict:
    """Return an inventory of three boards of one model; nothing measures them."""
    lab = lab_of("atom-01")
    board, switch = lab["boards"]["atom-01"], lab["switches"][lab["boards"]["atom-01"]["switch"]]
    named = {name: copy.deepcopy(board) for name in NAMES}
    for nth, (name, entry) in enumerate(named.items()):
        entry |= {"switch": f"relay-{name}", "meters": [], "serial_number": f"PICO-E3930-000{nth + 1}"}
    switches = {f"relay-{name}": copy.deepcopy(switch) for name in NAMES}
    return lab | {"boards": named, "switches": switches, "meters": {}}


@pytest.fixture(scope="module")
def atoms(tmp_path_factory) -> Iterator[Whole]:
    with lent(tmp_path_factory.mktemp("atoms"), "atom-01", three_atoms()) as whole:
        yield whole


def accuracy(atoms: Whole, *words: str) -> "subprocess.Popen[str]":
    command = [BIN / "farm", "accuracy", PACKED, "--dataset", DATASET, "--json", *words]
    return subprocess.Popen(
        command, cwd=atoms.folder, env=atoms.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def told(started: "subprocess.Popen[str]") -> tuple[int, dict]:
    out, err = started.communicate(timeout=_LONGEST_S)
    assert out, err
    return started.returncode, json.loads(out)


def predictions(store: Store, run: dict) -> dict[int, tuple[int, float]]:
    """Return image → prediction and margin of all that count; an image that stands twice is a fault."""
    found: dict[int, tuple[int, float]] = {}
    for share in run["accuracy"]["shares"]:
        of: Predictions = store.frames(share["record"]).predictions
        if "check_of" not in share:
            assert not found.keys() & set(of.image.tolist())
            found |= {
                i: (p, m) for i, p, m in zip(of.image.tolist(), of.prediction.tolist(), of.margin.tolist(), strict=True)
            }
    return found


def pull_the_plug(atoms: Whole, board: str) -> None:
    """Switch a board off as a person would, past the farm."""
    up = yaml.safe_load((atoms.folder / ".farm" / "lab" / "inventory.yaml").read_text())
    url = up["switches"][f"relay-{board}"]["options"]["url"]
    with urlopen(f"{url}/relay/0?turn=off", timeout=10) as answer:  # noqa: S310 -- http
        assert not json.load(answer)["ison"]


def wait_for_a_record_of(store: Store, board: str) -> None:
    until_s = time.monotonic() + _LONGEST_S
    while not store.records(board=board):
        assert time.monotonic() < until_s, f"{board} predicted nothing"
        time.sleep(0.02)


def test_a_board_that_dies_in_the_middle_changes_no_image_and_no_sum(atoms):
    alone = accuracy(atoms, "--board", "atom-03")
    with Store.open(atoms.folder / ".farm" / "results.sqlite") as store:
        together = accuracy(atoms, "--board", "atom-01", "--board", "atom-02", "--max-loss", "0.02")
        wait_for_a_record_of(store, "atom-02")
        pull_the_plug(atoms, "atom-02")
        status, by_two = told(together)
        assert told(alone)[0] == 0
        one, two = (store.run(run.id).run.model_dump(mode="json", exclude_none=True) for run in runs(store))
        assert predictions(store, one) == predictions(store, two)
        records = [store.load(share["record"]).record for share in two["accuracy"]["shares"]]
    assert status == 0
    assert by_two["run"] == two
    assert two["accuracy"]["accuracy"] == one["accuracy"]["accuracy"]
    assert two["accuracy"]["accuracy"]["correct"] == two["accuracy"]["expected_correct"] == 526
    (lost,) = two["accuracy"]["lost"]
    assert (lost["board"], lost["redone_by"]) == ("atom-02", "atom-01")
    redone = next(r for r in records if r.scenario.part == (lost["begin"], lost["end"]))
    assert [moved.board for moved in redone.moved] == ["atom-02"]
    assert not any(record.power or record.supply_meter for record in records)
    assert by_two["verdict"]["outcome"] == "pass"
    assert_collected(atoms, two["id"])


def runs(store: Store):
    """Return that of one board, and that of two."""
    return sorted((stored.run for stored in store.runs()), key=lambda run: len(run.accuracy.boards))


def assert_collected(atoms: Whole, run: str) -> None:
    """Collect over SSH from the boards that did it, the living one first."""
    (atoms.folder / "collect.yaml").write_text("misclassified: true\nprivacy: none\n")
    done = atoms.farm("collect", run, "--policy", "collect.yaml", "--out", "hard")
    assert done.returncode == 0, done.stderr
    hard, whole = load_dataset(atoms.folder / "hard"), load_dataset(DATASET)
    indices = hard.manifest.collected.indices
    assert len(indices) == 540 - 526
    assert hard.images.tobytes() == whole.images[indices].tobytes()
    assert hard.labels.tolist() == whole.labels[indices].tolist()
