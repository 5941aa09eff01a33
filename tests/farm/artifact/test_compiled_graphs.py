"""Graphs for one chip: what their names and first bytes tell is told, and no more."""

import pytest

from farm.artifact.inspect import inspect
from farm.artifact.manifest import Input, Output
from farm.artifact.model.compiled import told
from farm.artifact.pack_model import pack_model
from farm.artifact.said import Said
from farm.errors import UsageFault

GRAPH = bytearray(264 + 3 * 227 + 1000)
GRAPH[36], GRAPH[240] = 2, 3


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (bytes(GRAPH), "of 3 stages"),
        (bytes(GRAPH[:900]), "with a header that is not known here"),
        (b"", "with a header that is not known here"),
        (bytes(36) + b"\x03" + bytes(2000), "with a header that is not known here"),
        (bytes(36) + b"\x02" + bytes(2000), "with a header that is not known here"),
    ],
)
def test_of_an_ncsdk_graph_the_stages_are_told_where_its_header_has_them(data, known):
    assert told("net.graph", data).startswith(f"a graph {known}, compiled with NCSDK for a Movidius stick")
    assert told("net.bin", data) == ""


def test_an_ncsdk_graph_needs_a_program_that_runs_it(tmp_path):
    folder = tmp_path / "ncs"
    folder.mkdir()
    (folder / "net.graph").write_bytes(GRAPH)
    given = Input(name="x", shape=(1, 1, 8, 8), dtype="float16", layout="NCHW")
    said = {"input": given, "output": Output(name="y", shape=(1, 10), dtype="float16"), "precision": "float16"}
    with pytest.raises(UsageFault, match=r"net\.graph is a graph of 3 stages, .* bring a program, and say --command"):
        pack_model(folder, Said(**said), tmp_path / "ncs.tar.zst")
    (folder / "classify").write_bytes(b"#!/bin/sh\n")
    (folder / "classify").chmod(0o755)
    pack_model(folder, Said(**said, command=["./classify", "{model}", "{images}"]), tmp_path / "ncs.tar.zst")
    seen = inspect(tmp_path / "ncs.tar.zst")
    assert (seen.manifest.entry, seen.net) == ("net.graph", None)
    assert seen.why_no_net.startswith("a graph of 3 stages")
