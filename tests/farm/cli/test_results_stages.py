"""What ``farm results show`` tells of stages and high watts."""

from farm.cli.results_stages import show

SLOW = {
    "peak_watts": "it is slow",
    "p99_watts": "it is slow",
    "frame": "a frame works for 4 ms",
    "infer": "infer lasts 4 ms",
}


def test_what_a_slow_meter_cannot_tell_is_said_once(a_record, capsys):
    short = {"watts": 2.5, "u_watts": 0.1, "over_s": 1.0}
    show(a_record(power__0__too_slow_for=SLOW, power__0__short_term=short))
    out = capsys.readouterr().out
    assert "2.50 ± 0.10 over 1 s" in out
    assert "um25c-1: the peak is a lower bound, no p99: it is slow" in out
    assert "um25c-1: no joules of a frame or its stages: a frame works for 4 ms" in out
    assert "infer lasts" not in out


def test_stages_stand_in_a_table(a_record, capsys):
    infer = {"name": "infer", "seconds": 0.012, "joules": 0.084, "u_joules": 0.004}
    show(
        a_record(
            power__0__parts=[infer],
            power__0__p99={"watts": 2.0, "u_watts": 0.1},
            latency__stages_mean_ms={"convert": 0.4, "infer": 12.0},
            power__0__too_slow_for={"convert": "convert lasts 0.4 ms"},
        )
    )
    out = capsys.readouterr().out
    assert "0.0840 ± 0.0040" in out
    assert "um25c-1: no joules of convert: convert lasts 0.4 ms" in out


def test_an_older_record_has_nothing_of_it(a_record, capsys):
    show(a_record())
    assert capsys.readouterr().out == ""
