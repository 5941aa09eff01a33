"""`farm flash` and the inventory's `flash:`, as far as no board is needed."""

import json

import pytest

from farm.cli.main import main

LAB = """\
lab: shelf
boards:
  coral-01:
    model: coral-dev
    serial_number: "0042"
    console:
      port: /dev/ttyUSB0
    ssh:
      host: 192.0.2.14
      user: mendel
    flash:
      driver: uboot-netboot
      options:
        folder: {folder}
      golden:
        image: golden.img
  bare-01:
    model: coral-dev
    ssh:
      host: 192.0.2.15
      user: mendel
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory.yaml").write_text(LAB.format(folder=tmp_path))
    (tmp_path / "golden.img").write_bytes(b"x" * 1000)
    return tmp_path


def test_a_check_says_what_would_be_done_and_touches_no_board(capsys):
    assert main(["flash", "coral-01", "golden.img", "--check"]) == 0
    assert capsys.readouterr().out == "coral-01: would fetch golden.img, 1,000 bytes, over TFTP into mmc 0\n"
    assert main(["flash", "coral-01", "--golden", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["board"] == "coral-01"


def test_partitions_are_given_by_name(capsys):
    args = ["flash", "coral-01", "--check", "--partition", "initrd=golden.img", "--partition", "kernel=golden.img"]
    assert main(args) == 0
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().out.splitlines()] == ["initrd", "kernel", "memory"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["coral-01"], "name one of IMAGE, --partition NAME=FILE and --golden"),
        (["coral-01", "golden.img", "--golden"], "name one of IMAGE"),
        (["coral-01", "--partition", "boot"], "--partition boot: wants NAME=FILE"),
        (["coral-01", "none.img", "--check"], "none.img: No such file or directory"),
        (["coral-01", "--partition", "boot=golden.img", "--check"], "uboot-netboot takes one image"),
        (["bare-01", "golden.img"], ": boards.bare-01.flash: missing; add it"),
        (["bare-01", "--golden"], "boards.bare-01.flash.golden: missing"),
        (["coral-02", "golden.img"], "no board 'coral-02'"),
    ],
)
def test_what_cannot_be_is_usage(capsys, words, says):
    assert main(["flash", *words]) == 2
    assert says in capsys.readouterr().err


def test_what_this_host_lacks_is_a_fault_of_the_lab(here, capsys):
    (here / "inventory.yaml").write_text(LAB.format(folder=here / "nowhere"))
    assert main(["flash", "coral-01", "golden.img", "--check"]) == 3
    assert "nowhere is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            ("uboot-netboot", "uboot-netbot"),
            ":13: boards.coral-01.flash.driver: no way of flashing 'uboot-netbot'; did",
        ),
        (("folder:", "foldr:"), ":15: boards.coral-01.flash.options.foldr: unknown key; did you mean"),
        (("        folder", "        medium: floppy 0\n        folder"), ":15: boards.coral-01.flash.options.medium: "),
        (("golden:", "goldn:"), "boards.coral-01.flash.goldn: unknown key"),
        (
            ("model: coral-dev\n    serial", "twin: process\n    model: coral-dev\n    serial"),
            "a process twin has no medium",
        ),
        (
            ("model: coral-dev\n    serial", "twin: qemu\n    model: coral-dev\n    serial"),
            ":15: boards.coral-01.flash.options: a twin's address is not known beforehand; write `twin` for it",
        ),
        (
            ("model: coral-dev\n    serial", "twin: qemu\n    model: pi-zero-aiy\n    serial"),
            ":13: boards.coral-01.flash: a qemu twin of 'pi-zero-aiy' has no medium that could be written; remove it",
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_with_its_line(here, capsys, wrong, says):
    text = (here / "inventory.yaml").read_text()
    (here / "inventory.yaml").write_text("# one line more\n" + text.replace(*wrong, 1))
    assert main(["check"]) == 2
    assert says in capsys.readouterr().err


def test_an_editor_learns_the_options_of_each_way(capsys):
    assert main(["schema"]) == 0
    entry = json.loads(capsys.readouterr().out)["$defs"]["FlashEntry"]
    assert entry["properties"]["driver"]["enum"] == ["fastboot", "sd-mux", "tegra", "uboot-netboot"]
    assert len(entry["allOf"]) == 4
    host = entry["allOf"][0]["then"]["properties"]["options"]["properties"]["host"]
    assert {"const": "twin"} in host["anyOf"]  # of a QEMU twin, until `farm lab up` fills it in
