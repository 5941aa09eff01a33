"""health.yaml: what is wrong is told by file, line, field and remedy, all at once."""

import pytest

from farm.errors import UsageFault
from farm.health.policy import load_policy


def faults(path, text):
    path.write_text(text)
    with pytest.raises(UsageFault) as told:
        load_policy(path)
    return told.value.faults


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    path = tmp_path / "health.yaml"
    found = faults(
        path,
        """\
every_h: 0
models:
  jetson-tx3:
    provisioned: true
  atom-e3930:
    boot:
      within: 60
    rest:
      min_watts: 5
      max_watts: 4
    trial:
      artifact: nowhere.tar.zst
      rate_hz: fast
""",
    )
    assert [line.removeprefix(f"{path}:").partition(":")[0] for line in found] == ["1", "3", "6", "7", "8", "12", "13"]
    told = "\n".join(found)
    assert 'did you mean "jetson-tx2"' in told
    assert 'within: unknown key; did you mean "within_s"' in told
    assert "min_watts 5 is not below max_watts 4" in told
    assert "there is no 'nowhere.tar.zst' beside" in told


def test_a_check_that_looks_at_nothing_is_refused(tmp_path):
    (line,) = faults(tmp_path / "health.yaml", "models:\n  atom-e3930: {}\n")
    assert "looks at nothing" in line


def test_a_model_that_the_file_leaves_out_is_named(tmp_path):
    path = tmp_path / "health.yaml"
    path.write_text("models:\n  atom-e3930: {provisioned: true}\n")
    with pytest.raises(UsageFault, match="nothing for 'coral-dev'; there are atom-e3930"):
        load_policy(path).check_of("coral-dev")
