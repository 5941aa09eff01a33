import pytest

from farm.lab.yaml_lines import dump, read


@pytest.fixture
def value(tmp_path):
    def of(text):
        (tmp_path / "a.yaml").write_text(text)
        return read(tmp_path / "a.yaml").value

    return of


@pytest.mark.parametrize("text", ["on", "no", "12:30", "0421318012345", "2026-01-01", "0o17", ".inf", "1_000"])
def test_what_only_yaml_1_1_takes_for_something_else_is_text(value, text):
    assert value(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "meant"), [("7", 7), ("-3", -3), ("0x1f", 31), ("1.5", 1.5), ("2e3", 2e3), ("true", True), ("~", None)]
)
def test_numbers_and_truths_are_what_they_look_like(value, text, meant):
    found = value(f"a: {text}")["a"]
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("text", ["0421", "1e3", "on", "null", "", "a: b", "- x", "°C", "line\nbreak", "7"])
def test_text_that_is_written_is_read_back_as_text(value, text):
    assert value(dump({"a": text})) == {"a": text}


def test_every_value_has_a_line_and_what_is_missing_has_its_neighbour_s(tmp_path):
    (tmp_path / "a.yaml").write_text("a:\n  b:\n    - x\n    - y\n")
    document = read(tmp_path / "a.yaml")
    assert [document.line(where) for where in [("a",), ("a", "b"), ("a", "b", 1), ("a", "c"), ("z",)]] == [
        1,
        2,
        4,
        1,
        1,
    ]


@pytest.mark.parametrize("text", ["a: !!python/name:os.system x", "a: !!int x", "a: " + "9" * 5000])
def test_a_value_that_cannot_be_built_is_a_fault_and_nothing_runs(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    document = read(tmp_path / "a.yaml")
    assert [(fault.where, fault.line) for fault in document.faults] == [(("a",), 1)]
