"""farm meter: a meter without an inventory, and captured bytes without a meter."""

import json
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from farm.cli.hex_lines import from_hex
from farm.cli.main import main
from farm.errors import UsageFault
from power.block import Block, Flag
from power.errors import FrameError
from power.registry import load_meter

WIRE = Path(__file__).parents[2] / "wire" / "power"
FRAMES = [bytes.fromhex(one) for one in json.loads((WIRE / "um25c.json").read_text())["answers"]]


class Choosy(BaseModel):
    """Options as drivers have them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resource: str
    volts_range: float = Field(json_schema_extra={"enum": [15.0, 0.5]})
    mode: Literal["RMS", "DC"] = "RMS"
    rate_hz: float = Field(10.0, gt=0, le=50)
    serial_number: str | None = None

    @field_validator("volts_range")
    @classmethod
    def _one_of(cls, value):
        if value not in (15.0, 0.5):
            raise ValueError("the instrument has 15, 0.5")
        return value


class Reachable(BaseModel):
    """A driver that finds its unit by itself, and whose options depend on each other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = "127.0.0.1:1905"
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _in_order(self):
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class Fake:
    """Stands for a UM25C: three readings, one of them without a value."""

    Config = load_meter("um25c").Config
    opened: ClassVar = []

    @classmethod
    def open(cls, _, config):
        cls.opened.append(config)
        return cls()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        return Block.one(5, 5.0, 0.5)

    def stream(self):
        yield Block.join([Block.one(5, 5.0, 0.5), Block.one(7, float("nan"), 0.5, Flag.LOST_BEFORE | Flag.STALE)])
        yield Block.join([Block.one(9, float("nan"), float("nan"), watts=2.5)] * 2)


@pytest.fixture
def choosy(fake, monkeypatch):
    monkeypatch.setattr(Fake, "Config", Choosy)


@pytest.fixture
def fake(monkeypatch):
    Fake.opened.clear()
    monkeypatch.setattr("power.registry.load_meter", lambda _: Fake)


def printed(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_reading_is_printed_as_json(fake, capsys):
    assert main(["meter", "read", "--driver", "um25c", "--resource", "/dev/x", "--json"]) == 0
    assert printed(capsys) == {"readings": [{"t_ns": 5, "volts": 5.0, "amps": 0.5, "watts": 2.5, "flags": []}]}
    assert Fake.opened[0].port == "/dev/x"


def test_as_many_readings_as_wanted_and_what_is_unknown_is_null(fake, capsys):
    assert main(["meter", "read", "--driver", "um25c", "--resource", "x", "--count", "3", "--json"]) == 0
    _, second, third = printed(capsys)["readings"]
    assert second == {"t_ns": 7, "volts": None, "amps": 0.5, "watts": None, "flags": ["LOST_BEFORE", "STALE"]}
    assert third == {"t_ns": 9, "volts": None, "amps": None, "watts": 2.5, "flags": []}


@pytest.mark.parametrize(("faults", "status"), [(3, 0), (4, 3)])
def test_lost_answers_are_told_by_the_next_reading_and_too_many_end_it(faults, status, fake, monkeypatch, capsys):
    script = [Block.one(1, 5.0, 0.5), *[FrameError("um25c", "half a frame")] * faults, Block.one(9, 5.0, 0.5)]

    def stream(_):
        while script:
            said = script.pop(0)
            if isinstance(said, Exception):
                raise said
            yield said

    monkeypatch.setattr(Fake, "stream", stream)
    assert main(["meter", "read", "--driver", "um25c", "--resource", "x", "--count", "2", "--json"]) == status
    out, err = capsys.readouterr()
    if status:
        assert (out, err.splitlines()[0]) == ("", "um25c: half a frame")
        assert err.splitlines()[1].startswith("  try: once more; ")
    else:
        assert [one["flags"] for one in json.loads(out)["readings"]] == [[], ["LOST_BEFORE"]]


def test_without_json_there_is_a_table_and_unknown_is_a_dash(fake, capsys):
    assert main(["meter", "read", "--driver", "um25c", "--resource", "x", "--count", "3"]) == 0
    head, first, second, third = capsys.readouterr().out.splitlines()
    assert head.split() == ["s", "volts", "amps", "watts", "flags"]
    assert first.split() == ["0.000000", "5", "0.5", "2.5", "-"]
    assert second.split() == ["0.000000", "-", "0.5", "-", "LOST_BEFORE", "STALE"]
    assert third.split()[1:4] == ["-", "-", "2.5"]


def refused(capsys, *words):
    assert main(["meter", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_a_wrong_driver_is_told_with_what_was_meant_and_what_there_is(capsys):
    err = refused(capsys, "read", "--driver", "um25", "--resource", "x")
    assert 'did you mean "um25c"? there are ' in err
    assert "wt310e" in err


def choose(capsys, *options):
    given = [word for option in options for word in ("-o", option)]
    return refused(capsys, "read", "--driver", "um25c", "--resource", "x", *given)


def test_a_missing_option_is_told_with_its_choices(choosy, capsys):
    assert choose(capsys, "mode=DC").splitlines() == [
        "um25c: -o volts_range: missing",
        "options of um25c:",
        "  resource: what --resource gives, required",
        "  volts_range: 15, 0.5, required",
        "  mode: RMS, DC [RMS]",
        "  rate_hz: number more than 0 and at most 50 [10.0]",
        "  serial_number: string",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("volts_range=17", "-o volts_range: the instrument has 15, 0.5"),
        ("volts_range=many", "-o volts_range: wants a number, not text"),
        ("mode=AC", "-o mode: should be 'RMS' or 'DC'"),
        ("rate_hz=99", "-o rate_hz: should be less than or equal to 50"),
        ("nonsense=1", "-o nonsense: unknown key; there are mode, rate_hz"),
        ("novalue", "-o novalue: write it as key=value"),
        ("resource=y", "-o resource=y: --resource gives it"),
    ],
)
def test_a_wrong_option_is_told(given, told, choosy, capsys):
    assert told in choose(capsys, "volts_range=15", given)


def test_a_serial_number_of_digits_stays_text_and_a_number_becomes_one(choosy):
    options = ("-o", "volts_range=15", "-o", "serial_number=0123", "-o", "rate_hz=2e1")
    assert main(["meter", "read", "--driver", "um25c", "--resource", "x", *options]) == 0
    assert (Fake.opened[0].serial_number, Fake.opened[0].rate_hz) == ("0123", 20.0)


def test_a_resource_that_the_driver_knows_by_itself_need_not_be_given(fake, monkeypatch, capsys):
    monkeypatch.setattr(Fake, "Config", Reachable)
    assert main(["meter", "read", "--driver", "um25c", "--json"]) == 0
    assert main(["meter", "read", "--driver", "um25c", "--resource", "h:1", "--json"]) == 0
    assert [config.address for config in Fake.opened] == ["127.0.0.1:1905", "h:1"]


def test_a_resource_that_is_needed_and_missing_is_told(choosy, capsys):
    err = refused(capsys, "read", "--driver", "um25c", "-o", "volts_range=15")
    assert err.splitlines()[0] == "um25c: --resource: missing"


def test_a_fault_between_several_options_is_in_none_of_them(fake, monkeypatch, capsys):
    monkeypatch.setattr(Fake, "Config", Reachable)
    err = refused(capsys, "read", "--driver", "um25c", "-o", "low=5", "-o", "high=2")
    assert err.splitlines()[:3] == [
        "um25c: low must be below high",
        "options of um25c:",
        "  address: what --resource gives [127.0.0.1:1905]",
    ]


def test_a_number_of_readings_that_makes_no_sense_is_refused(capsys):
    assert "--count 0" in refused(capsys, "read", "--driver", "um25c", "--resource", "x", "--count", "0")


def test_a_meter_that_is_not_there_is_a_lab_fault(capsys, tmp_path):
    assert main(["meter", "read", "--driver", "um25c", "--resource", str(tmp_path / "tty"), "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("um25c: ")
    assert "try: " in err


def as_lines(frame, between=" ", before=""):
    texts = [between.join(before + f"{byte:02x}" for byte in frame[at : at + 16]) for at in range(0, len(frame), 16)]
    return "\n".join(texts)


def rows(data):
    return [(at, data[at : at + 16].hex(" ")) for at in range(0, len(data), 16)]


def xxd(data):
    groups = (data[at : at + 16] for at in range(0, len(data), 16))
    return "\n".join(f"{at * 16:08x}: {part.hex(' ', 2):39}  {'.' * len(part)}" for at, part in enumerate(groups))


def hexdump(data):
    lines = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        lines.append(f"{at:08x}  {part[:8].hex(' '):23}  {part[8:].hex(' '):23}  |{'.' * len(part)}|")
    return "\n".join([*lines, f"{len(data):08x}"])


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(frame.hex() for frame in FRAMES),
        "\n".join(frame.hex().upper() for frame in FRAMES),
        "# a capture\n\n" + "\n\n".join(as_lines(frame) + "  # a frame" for frame in FRAMES),
        "\n".join(as_lines(frame, ":") for frame in FRAMES),
        "\r\n".join(as_lines(frame, ", ", "0x") for frame in FRAMES),
        "\n".join(as_lines(frame, "", "\\x") for frame in FRAMES),
        xxd(b"".join(FRAMES)),
        hexdump(b"".join(FRAMES)),
        "\n".join(hexdump(frame) for frame in FRAMES),
        "\n".join(f"{at:07o} {part}" for at, part in rows(b"".join(FRAMES))),
        "\n\n".join("\n".join(f"{at:04x}   {part}   {'.' * 16}" for at, part in rows(frame)) for frame in FRAMES),
        "\n".join(f"TX: F0\nRX: {frame.hex(' ')}" for frame in FRAMES),
        "\n".join(f"[12:00:0{n}.123] <- {frame.hex(' ')}" for n, frame in enumerate(FRAMES)),
        "\n".join(f"2026-01-31T12:00:0{n}Z,{frame.hex()}" for n, frame in enumerate(FRAMES)),
        "t,hex\n" + "\n".join(f"{n}.5,{frame.hex()}" for n, frame in enumerate(FRAMES)),
        "\n".join(f"frame {n}: {frame.hex('-')}" for n, frame in enumerate(FRAMES)),
        "\n".join(f"> {frame.hex()}" for frame in FRAMES),
        "uint8_t frames[] = {  // two\n" + ",\n".join(as_lines(frame, ", ", "0x") for frame in FRAMES) + "\n};",
        '["' + '",\n "'.join(frame.hex() for frame in FRAMES) + '"]',
        "\n".join(repr(frame) for frame in FRAMES),
        "\n".join('"' + as_lines(frame, "", "\\x").replace("\n", '" \\\n"') + '"' for frame in FRAMES),
    ],
)
def test_hex_is_taken_however_it_is_written(text):
    assert from_hex(text.encode(), "file").data == b"".join(FRAMES)


@pytest.mark.parametrize("raw", [b"".join(FRAMES), b"", b"Time,12-23-2020 10:26:08.757,Watts,23.37\n", b"\xff\x00"])
def test_what_is_no_hex_is_bytes(raw):
    assert from_hex(raw, "file").data == raw


def test_text_that_holds_no_hex_is_left_to_the_decoder():
    for text in (b"6409-07\n6410-07\n", b"TimeStamp: 003s 000ms, buff 01%\n6409-07\n"):
        assert from_hex(text, "file").data == text


@pytest.mark.parametrize("line", ["09c", "09 cg", "hello", "RX:", "0x0g"])
def test_a_line_among_hex_that_is_none_is_named(line):
    with pytest.raises(UsageFault, match="file: line 3: no hex of whole bytes"):
        from_hex(f"0102\n0304\n{line}\n0506\n".encode(), "file")


@pytest.mark.parametrize("write", [lambda f: b"".join(f), lambda f: "\n".join(one.hex(":") for one in f).encode()])
def test_captured_frames_are_decoded(write, tmp_path, capsys):
    (tmp_path / "capture").write_bytes(write(FRAMES))
    assert main(["meter", "decode", "um25c", str(tmp_path / "capture"), "--json"]) == 0
    first, second = printed(capsys)["readings"]
    assert first == {"t_ns": None, "volts": 5.087, "amps": pytest.approx(0.2311), "watts": 1.176, "flags": []}
    assert second["amps"] == pytest.approx(0.2315)


def test_what_is_no_frame_is_told_with_file_and_line(tmp_path, capsys):
    wrong = tmp_path / "wrong.hex"
    wrong.write_text(f"{FRAMES[0].hex()}\n\n{'00' * 130}\n")
    err = refused(capsys, "decode", "um25c", str(wrong))
    assert str(wrong) in err
    assert "(line 3)" in err
    wrong.write_bytes(b"")
    assert "not one reading" in refused(capsys, "decode", "um25c", str(wrong))


def test_options_of_a_decoder_are_passed_on_and_others_refused(tmp_path, capsys):
    capture = tmp_path / "capture"
    capture.write_bytes(b"".join(FRAMES))
    assert main(["meter", "decode", "um25c", str(capture), "-o", "checksum=ignore"]) == 0
    capsys.readouterr()
    assert "um25c: -o nonsense: there are checksum" in refused(
        capsys, "decode", "um25c", str(capture), "-o", "nonsense=1"
    )


def test_a_decoder_that_is_not_there_is_told_with_those_that_are(tmp_path, capsys):
    err = refused(capsys, "decode", "wt31", str(tmp_path))
    assert "tegrastats" in err
    assert "um25c" in err
    assert "cannot be read" in refused(capsys, "decode", "um25c", str(tmp_path / "absent"))


def test_lines_of_tegrastats_are_decoded(tmp_path, capsys):
    capture = tmp_path / "tegrastats.log"
    capture.write_text("\nRAM 1/2MB (lfb 1x4MB) CPU [2%@345,off] GPU@41C VDD_IN 2003/2658 VDD_SOC 400mW\n")
    assert main(["meter", "decode", "tegrastats", str(capture), "--json"]) == 0
    (line,) = printed(capsys)["lines"]
    assert line["rails"] == {
        "VDD_IN": {"watts": 2.003, "watts_average": 2.658},
        "VDD_SOC": {"watts": 0.4, "watts_average": None},
    }
    assert line["cores"] == [{"percent": 2.0, "mhz": 345.0}, None]
    assert main(["meter", "decode", "tegrastats", str(capture)]) == 0
    assert "VDD_IN" in capsys.readouterr().out
    capture.write_text("RAM 1/2MB CPU [2%@345] VDD_IN 2003/2658\nnothing of the kind\n")
    assert "line 2: no line of tegrastats" in refused(capsys, "decode", "tegrastats", str(capture))
