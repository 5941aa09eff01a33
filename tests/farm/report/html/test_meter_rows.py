"""What the report says of one meter."""

from farm.report.html.meter_rows import METER_COLUMNS, meter_row, part_rows


def cells(power):
    return dict(zip(METER_COLUMNS, meter_row(power, 100).cells, strict=True))


def test_a_peak_of_a_slow_meter_is_a_lower_bound_and_what_it_cannot_tell_is_no_number(a_record):
    slow = {"peak_watts": "too slow", "p99_watts": "too slow", "short_term_watts": "too slow"}
    told = cells(a_record(power__0__too_slow_for=slow, power__0__peak_watts=3.0, power__0__u_peak_watts=0.1).power[0])
    assert told["peak, W"] == "≥ 3.00 ± 0.10"
    assert told["p99, W"] == told["highest short-term mean, W"] == "-"


def test_high_watts_say_what_they_are_means_of(a_record):
    short = {"watts": 2.5, "u_watts": 0.1, "over_s": 1.0}
    told = cells(a_record(power__0__short_term=short, power__0__p99={"watts": 2.9, "u_watts": 0.1}).power[0])
    assert told["highest short-term mean, W"] == "2.50 ± 0.10 over 1 s"
    assert told["p99, W"] == "2.90 ± 0.10"


def test_a_meter_says_where_it_sits_what_holds_it_and_whether_it_measures(a_record):
    power = a_record(power__0__kind="rail", power__0__within="jack-1", power__0__how="estimated").power[0]
    assert meter_row(power, 100).rail == "USB 5 V, one rail inside, held by jack-1, estimated, process twin"


def test_stages_have_joules_or_a_reason(a_record):
    infer = {"name": "infer", "seconds": 0.012, "joules": 0.084, "u_joules": 0.004}
    above = {"joules_above_idle": 0.06, "u_joules_above_idle": 0.004}
    power = a_record(
        power__0__parts=[{**infer, **above}], power__0__too_slow_for={"convert": "convert lasts 0.4 ms"}
    ).power[0]
    rows = part_rows(power, {"convert": 0.4, "infer": 12.0})
    assert [(row.name, row.joules, row.above, row.why) for row in rows] == [
        ("convert", "-", "-", "convert lasts 0.4 ms"),
        ("infer", "0.0840 ± 0.0040", "0.0600 ± 0.0040", ""),
    ]


def test_an_older_record_has_no_row_of_stages(a_record):
    assert part_rows(a_record().power[0], {"infer": 12.0}) == []
