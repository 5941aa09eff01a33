"""Where a command finds the records of the lab that its line names."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from farm.cli.common import STATE, database, named
from farm.cli.main import main
from farm.errors import LabFault, UsageFault
from farm.lab.inventory import load
from farm.lab.lease import Leases, Wanted
from farm.store.database import Store

SOURCE = "lab: far\nboards:\n  tx2-01: {model: jetson-tx2, console: {port: /dev/ttyUSB0}, ssh: {host: h, user: u}}\n"
RESOLVED = "resolved: {source: /far/inventory.yaml, sha256: '00'}\n"


@pytest.fixture
def far(tmp_path, monkeypatch):
    """Return the inventory of running twins that another folder has, seen from a folder of one's own."""
    running = tmp_path / "far" / ".farm" / "lab" / "inventory.yaml"
    running.parent.mkdir(parents=True)
    running.write_text(SOURCE + RESOLVED)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Path("../far/.farm/lab/inventory.yaml")


def test_records_lie_where_the_leases_of_the_same_lab_do(far):
    source = Path("inventory.yaml")
    source.write_text(SOURCE)
    assert database() == STATE / "results.sqlite"
    assert database(source) == load(source).database(STATE) == database()
    assert database(far) == load(far).database(STATE) == Path("../far/.farm/results.sqlite")


def test_checkouts_that_name_one_state_share_leases_and_records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inventories = [tmp_path / name / "inventory.yaml" for name in ("one", "two")]
    for inventory in inventories:
        inventory.parent.mkdir()
        inventory.write_text(SOURCE + "state: ../shared\n")
    with ExitStack() as stack:
        mine, theirs = (stack.enter_context(Leases.open(load(inventory))) for inventory in inventories)
        stack.enter_context(mine.use(Wanted.parse("tx2-01")))
        with pytest.raises(LabFault, match="in use by process"):
            stack.enter_context(theirs.use(Wanted.parse("tx2-01")))
    monkeypatch.chdir(inventories[1].parent)
    assert database().resolve() == load(inventories[0]).database(STATE).resolve() == tmp_path / "shared/results.sqlite"


def test_a_hint_names_the_lab_only_where_its_records_lie_elsewhere(far):
    Path("inventory.yaml").write_text(SOURCE)
    assert named(None) == named(Path("inventory.yaml")) == ""
    assert named(far) == " --inventory ../far/.farm/lab/inventory.yaml"


def test_an_inventory_that_cannot_be_read_is_never_taken_for_this_folder_s():
    with pytest.raises(UsageFault, match=r"nope\.yaml: cannot be read"):
        database(Path("nope.yaml"))


def test_every_command_that_reads_records_reads_those_of_the_lab_it_is_told(far, capsys, a_record):
    with Store.open(database(far)) as store:
        store.save(a_record(), {})
    told = ["--inventory", str(far)]
    for words, answer in (
        (["results", "list"], "lenet5-int8"),
        (["results", "show", "00c0"], "00c0ffee00c0ffee"),
        (["report", "00c0", "--html", "r.html"], "r.html: "),
        (["__complete", "bash", "results", "show", *told, ""], "00c0ffee00c0ffee"),
        (["doctor"], "../far/.farm/results.sqlite: whole"),
    ):
        main([*words, *(told if words[0] != "__complete" else [])])
        assert answer in capsys.readouterr().out
    assert not STATE.exists()
