import json
import os

import pytest

from farm.artifact.document import identity
from farm.artifact.preprocess import tensor_sha256
from farm.artifact.unpack import read_manifest
from farm.cli.main import main
from farm.errors import Exit


@pytest.fixture
def fitting(source, described, dataset, packed, tmp_path):
    """The sample artifact with the right tensor hash."""
    described["preprocess"]["sha256"] = tensor_sha256(dataset.images, read_manifest(packed))
    (source / "manifest.json").write_text(json.dumps(described))
    out = tmp_path / "fitting.tar.zst"
    assert main(["artifact", "pack", str(source), "-o", str(out)]) == Exit.PASS
    return out


def test_pack_puts_the_file_beside_the_folder_and_says_its_identity(source, capsys):
    assert main(["artifact", "pack", str(source)]) == Exit.PASS
    out = source.with_name("source.tar.zst")
    assert identity(read_manifest(out)) in capsys.readouterr().out


def test_inspect_shows_what_the_model_is_and_how_well_it_does(packed, capsys):
    assert main(["artifact", "inspect", str(packed)]) == Exit.PASS
    shown = capsys.readouterr().out
    assert "Tiny, float32, for onnx" in shown
    assert "upscale-nearest (height 16, width 16), scale (factor 0.0625, offset 0.0)" in shown
    assert "100.00% (3 of 3)" in shown


def test_what_a_stranger_wrote_into_a_manifest_begins_no_line(source, described, packed, tmp_path, capsys):
    for word in ("model", "precision"):
        (source / "manifest.json").write_text(json.dumps(described | {word: "x\nidentity     all is well"}))
        main(["artifact", "pack", str(source), "-o", str(tmp_path / "odd.tar.zst")])
        for action in (["inspect"], ["diff", str(packed)]):
            capsys.readouterr()
            assert main(["artifact", *action, str(tmp_path / "odd.tar.zst")]) == Exit.PASS
            assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("identity     all")]


def test_inspect_gives_the_manifest_to_programs(packed, capsys):
    assert main(["artifact", "inspect", "--json", str(packed)]) == Exit.PASS
    value = json.loads(capsys.readouterr().out)
    assert value["id"] == identity(read_manifest(packed))
    assert value["input"]["shape"] == [1, 1, 16, 16]
    assert value["size_bytes"] == packed.stat().st_size


def test_verify_accepts_what_is_whole_and_fits(fitting, dataset, capsys):
    capsys.readouterr()
    assert main(["artifact", "verify", "--json", str(fitting), "--dataset", str(dataset.folder)]) == Exit.PASS
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["artifact"], row["files"]) == ("tiny", 2)


def test_verify_refuses_preprocessing_that_gives_other_tensors(packed, dataset, capsys):
    assert main(["artifact", "verify", str(packed), "--dataset", str(dataset.folder)]) == Exit.USAGE
    assert "preprocess.sha256: the steps give" in capsys.readouterr().err


def test_verify_refuses_steps_that_do_not_give_the_models_input(source, described, dataset, tmp_path, capsys):
    del described["preprocess"]["steps"][0]
    (source / "manifest.json").write_text(json.dumps(described))
    main(["artifact", "pack", str(source), "-o", str(tmp_path / "b.tar.zst")])
    status = main(["artifact", "verify", str(tmp_path / "b.tar.zst"), "--dataset", str(dataset.folder)])
    assert status == Exit.USAGE
    assert "do not give input.shape" in capsys.readouterr().err


def test_verify_refuses_another_data_set(fitting, dataset, capsys):
    facts = json.loads((dataset.folder / "dataset.json").read_text())
    (dataset.folder / "dataset.json").write_text(json.dumps(facts | {"name": "other"}))
    assert main(["artifact", "verify", str(fitting), "--dataset", str(dataset.folder)]) == Exit.USAGE
    assert "dataset.id: " in capsys.readouterr().err


def test_verify_tells_every_wrong_file_and_still_shows_the_right_ones(packed, tmp_path, capsys):
    wrong = [tmp_path / "one.tar.zst", tmp_path / "two.tar.zst"]
    for path in wrong:
        path.write_bytes(packed.read_bytes()[:-30])
    assert main(["artifact", "verify", str(wrong[0]), str(packed), str(wrong[1])]) == Exit.USAGE
    told = capsys.readouterr()
    assert "tiny" in told.out
    assert [str(path) in told.err for path in wrong] == [True, True]


def test_a_pipe_and_a_device_are_refused_and_not_waited_for(packed, dataset, source, tmp_path, capsys):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for words in (
        ["verify", str(pipe), "/dev/zero", str(packed)],
        ["inspect", str(pipe)],
        ["pack", str(source), "--out", str(pipe)],
    ):
        assert main(["artifact", *words]) == Exit.USAGE
        assert f"{pipe}: not a plain file" in capsys.readouterr().err
    (dataset.folder / "images.idx").unlink()
    os.mkfifo(dataset.folder / "images.idx")
    assert main(["artifact", "verify", str(packed), "--dataset", str(dataset.folder)]) == Exit.USAGE
    assert "images.idx: not a plain file" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--command", "./classify '{model}"], ["--step", "prune 'by hand"]])
def test_a_quote_without_its_end_is_wrong_input(tmp_path, capsys, words):
    (tmp_path / "net.onnx").write_bytes(b"")
    assert main(["artifact", "pack", str(tmp_path / "net.onnx"), *words]) == Exit.USAGE
    assert " ".join(words) in capsys.readouterr().err
