"""farm meter record: what spoke is said, nobody's secrets are kept, nothing is overwritten."""

import json
from contextlib import ExitStack, contextmanager

import pytest
from pydantic import BaseModel

from farm.cli.main import main
from power.block import Block
from power.meter import Identity
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply
from power.wire import read


@pytest.fixture
def resource(tmp_path, monkeypatch):
    """A supply's twin, on no board of the inventory: it cannot be told from a real one."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        supply = Supply(PROFILES["coral-dev"], powered=lambda: True, cpu_ns=lambda: 0)
        stack.callback(supply.close)
        twin = TWINS["dp832"]("spare", {}, supply, seed=3)
        stack.callback(twin.close)
        resource = twin.start()["resource"]
        (tmp_path / "inventory.yaml").write_text(
            f"lab: desk\nmeters:\n  spare:\n    driver: dp832\n    rail: 5 V\n    options: {{resource: '{resource}'}}\n"
            "    calibration: {date: 2026-01-10, amps: {gain: 0.95}}\n"
            "boards:\n  one: {model: coral-dev, ssh: {host: h, user: u}}\n"
        )
        yield resource


def test_a_meter_of_the_inventory_is_recorded_as_the_unit_itself_speaks(resource, tmp_path, capsys):
    assert main(["meter", "record", "spare", "--out", str(tmp_path), "--count", "3", "--origin", "bench 4"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/dp832-1.json: 3 readings of RIGOL TECHNOLOGIES DP832; ")
    found = read(tmp_path / "dp832-1.json")
    assert (found.driver, found.made, found.origin) == ("dp832", "instrument", "bench 4")
    assert bytes.fromhex(found.exchange[0][2]) == b"*IDN?\n"
    shown = [
        reading for way in found.exchange if way[1] == "<" for reading in bytes.fromhex(way[2]).decode().split(",")
    ]
    assert f"{found.readings[-1].amps:.4f}" in shown  # not what its calibration makes of them


def test_read_by_its_name_it_is_corrected_and_what_is_against_its_calibration_is_told(resource, tmp_path, capsys):
    path = tmp_path / "inventory.yaml"
    path.write_text(path.read_text().replace("2026-01-10", "2020-01-10"))
    assert main(["meter", "read", "--driver", "dp832", "--resource", resource, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)["readings"][0]["amps"]
    assert main(["meter", "read", "spare", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["readings"][0]["amps"] == pytest.approx(said / 0.95, rel=0.01)
    assert err.startswith("warning: spare: its calibration of 2020-01-10 has expired on")


def test_without_an_inventory_what_speaks_must_be_said(resource, tmp_path, capsys):
    words = ["meter", "record", "--driver", "dp832", "--resource", resource, "--out", str(tmp_path), "--count", "2"]
    assert main(words) == 2
    assert "add --made instrument, or --made twin" in capsys.readouterr().err
    assert main([*words, "--made", "twin", "--anonymous"]) == 0
    text = (tmp_path / "dp832-twin-1.json").read_text()
    found = read(tmp_path / "dp832-twin-1.json")
    assert (found.made, found.anonymous, found.options["resource"]) == ("process twin", True, "/recorded")
    assert found.identity["serial_number"] == "XXXX00000"
    assert resource not in text
    assert main([*words, "--made", "twin"]) == 0
    assert (tmp_path / "dp832-twin-2.json").exists()


def test_a_file_is_not_overwritten_and_a_missing_folder_is_a_fault(resource, tmp_path, capsys):
    (tmp_path / "kept.json").write_text("{}")
    assert main(["meter", "record", "spare", "--out", str(tmp_path / "kept.json"), "--count", "2"]) == 2
    assert "is there already; give the name of a new file" in capsys.readouterr().err
    assert main(["meter", "record", "spare", "--out", str(tmp_path / "no" / "x.json"), "--count", "2"]) == 3
    assert "  try: is the folder there" in capsys.readouterr().err


class OfAFile:
    """A driver that reads files of the kernel."""

    class Config(BaseModel):
        root: str = "/"

    @classmethod
    @contextmanager
    def open(cls, *_):
        yield cls()

    def identity(self):
        return Identity("Intel", "RAPL")

    def stream(self):
        yield Block.join([Block.one(1, 5.0, 0.5), Block.one(2, 5.0, 0.5)])


def test_what_asks_no_port_cannot_be_recorded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("power.registry.load_meter", lambda _: OfAFile)
    words = ["--driver", "rapl", "--made", "instrument", "--out", str(tmp_path / "x.json"), "--count", "2"]
    assert main(["meter", "record", *words]) == 2
    assert "record a meter on a serial line, a socket or USB" in capsys.readouterr().err
    assert not (tmp_path / "x.json").exists()


def test_the_file_is_json_a_piece_a_line(resource, tmp_path):
    assert main(["meter", "record", "spare", "--out", str(tmp_path / "a.json"), "--count", "2"]) == 0
    text = (tmp_path / "a.json").read_text()
    found = json.loads(text)
    assert len(text.splitlines()) > len(found["exchange"]) + len(found["readings"])


def test_of_two_instruments_on_a_rail_each_is_recorded_by_itself(resource, tmp_path, capsys):
    path, other = tmp_path / "inventory.yaml", resource.replace("127.0.0.1", "localhost")
    beside = f"  beside:\n    driver: dp832\n    rail: 5 V\n    options: {{resource: '{other}'}}\nboards:"
    text = path.read_text().replace("    calibration:", "    volts_from: beside\n    calibration:")
    path.write_text(text.replace("boards:", beside))
    assert main(["meter", "record", "spare", "--out", str(tmp_path), "--count", "2"]) == 2
    assert "spare: two instruments tell its watts, and a recording is of one" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))
