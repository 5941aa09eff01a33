"""A wrong scale shows plausible watts: found by the trial, beside a second meter and beside old records."""

import pytest

from ...held_up import HELD_UP, TRIES
from .conftest import lab_of, lent

OPTIONS = {
    "resource": "twin",
    "volts_query": "MEAS:VOLT?",
    "amps_query": "MEAS:CURR?",
    "rate_hz": 5.0,  # half as often as it has a new value: asked as often, some would be told twice and some never
    "aperture_s": 0.1,
    "age_s": 0.1,
    "of_reading": 0.01,
    "volts_offset": 0.02,
    "amps_offset": 0.005,
    "accuracy_source": "the twin's own",
}


def with_second_meter(amps_scale):
    """Return a lab of one board with two meters on its input, the second with a scale in the inventory."""
    lab = lab_of("atom-01")
    rail = lab["meters"]["wall-1"]["rail"]
    options = OPTIONS | {"amps_scale": amps_scale}
    lab["meters"]["shunt-1"] = {"driver": "scpi", "rail": rail, "twin": "process", "options": options}
    lab["boards"]["atom-01"]["meters"].append("shunt-1")
    return lab


@pytest.mark.parametrize(("amps_scale", "voided"), [(1.1, True), (1.0, False)])
def test_a_second_meter_on_the_rail_finds_a_wrong_scale(tmp_path, amps_scale, voided):
    with lent(tmp_path, "atom-01", with_second_meter(amps_scale)) as lab:
        session = lab.decided(lab.trial(check="max_mean_watts=14"), about="meters: ")
        (listed,) = lab.records()
    voids = [reason for reason in listed["record"]["voids"] if reason.startswith("meters: ")]
    assert bool(voids) == voided, session.output
    if voided:
        assert session.exit == 3, session.output
        assert "shunt-1 tells" in voids[0]
        assert "wall-1" in voids[0]
        assert "both on 12 V input; one of them is off, or its shunt, scale or range is wrong" in voids[0]


def test_a_scale_that_changed_shows_against_the_boards_own_records(tmp_path):
    lab = lab_of("atom-01")
    lab["meters"] = {"shunt-1": with_second_meter(1.0)["meters"]["shunt-1"]}
    lab["boards"]["atom-01"]["meters"] = ["shunt-1"]
    with lent(tmp_path, "atom-01", lab) as whole:
        trial = whole.trial(check="max_mean_watts=14")
        first = whole.decided(trial)
        assert first.exit == 0, first.output
        resolved = whole.folder / ".farm/lab/inventory.yaml"
        resolved.write_text(resolved.read_text().replace("amps_scale: 1.0", "amps_scale: 0.5"))
        for _ in range(TRIES):
            whole.pytest(trial)
            newest, *_, oldest = whole.records()
            if not HELD_UP.search("\n".join(newest["record"].get("voids", []))):
                break
    assert oldest["record"].get("warnings", []) == []
    (warning,) = [one for one in newest["record"]["warnings"] if one.startswith("idle: ")]
    assert f"in record {oldest['record']['id'][:8]}" in warning
    assert "meter's scale" in warning
