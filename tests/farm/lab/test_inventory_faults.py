"""What `farm check` says of a wrong inventory: everything, at once, a line each."""

import re

import pytest

from devices.registry import known_boards
from farm.errors import UsageFault
from farm.lab.inventory import load

BROKEN = """\
lab: demo lab
labb: 2
meters:
  m1:
    driver: n6705
    rail: 19 V
  m2:
    driver: wt310e
    rail: 12 V
    options:
      resource: TCPIP::192.0.2.21::INSTR
      volts_range: 17
      amps_range: 2
      update_rate: 0.1
  m3:
    driver: um25c
    rial: USB
    options:
      port: twin
  m4:
    driver: tc66c
    rail: 5
    options:
      port: /dev/ttyACM0
  m4:
    driver: tc66c
switches:
  s1:
    driver: shelly
    options:
      url: http://192.0.2.1
      relay: -1
boards:
  tx2-01:
    model: jetson-tx3
    console:
      port: /dev/ttyUSB0
      user: nvidia
      password: hunter2
    ssh:
      host: 192.0.2.11
      port: 70000
      user: nvidia
      key: ~/.ssh/id
    switch: s2
    meters:
      - m2
      - m9
  tx2-02:
    model: jetson-tx2
    consol:
      port: /dev/ttyUSB0
    console:
      port: /dev/ttyUSB0
      baud: fast
    ssh:
      user: 12
      host: 192.0.2.12
      host_key: AAAA
    switch: s1
    meters: m4
  tx2-03:
    model: jetson-tx2
    console: /dev/ttyUSB1
    ssh:
      user: nvidia
      host: twin
    switch: s1
    meters:
      - m2
"""

FOUND = """\
1: lab: not a name; use letters, digits, '.', '_' and '-', and begin with no sign
2: labb: unknown key; did you mean "lab"?
5: meters.m1.driver: no meter driver 'n6705'; did you mean "n6705c"?
12: meters.m2.options.volts_range: the instrument has 15, 30, 60, 150, 300, 600
14: meters.m2.options.update_rate: unknown key; did you mean "update_rate_s"?
15: meters.m3.rail: missing; add `rail:`
17: meters.m3.rial: unknown key; did you mean "rail"?
19: meters.m3.options.port: 'twin' is filled in by `farm lab up` only where the entry has a `twin:`; \
write the address
22: meters.m4.rail: wants text, not a number; write it in quotes
25: meters.m4: stands twice, first on line 20; remove one
32: switches.s1.options.relay: should be greater than or equal to 0
35: boards.tx2-01.model: no board model 'jetson-tx3'; did you mean "jetson-tx2"?
39: boards.tx2-01.console.password: a secret must not stand here; write env:NAME or file:PATH
42: boards.tx2-01.ssh.port: should be less than or equal to 65535
44: boards.tx2-01.ssh.key: a private key is named by its file; write file:PATH
45: boards.tx2-01.switch: no switch 's2'; there are s1
48: boards.tx2-01.meters.1: no meter 'm9'; there are m1, m2, m3, m4
51: boards.tx2-02.consol: unknown key; did you mean "console"?
54: boards.tx2-02.console.port: is the address of 'tx2-01' already; correct one of them
55: boards.tx2-02.console.baud: wants a whole number, not text
57: boards.tx2-02.ssh.user: wants text, not a number; write it in quotes
59: boards.tx2-02.ssh.host_key: not a host key; write it as in known_hosts: 'ssh-ed25519 AAAA…'
61: boards.tx2-02.meters: wants a list, not text; write each on a line of its own, `- ` before it
64: boards.tx2-03.console: wants keys below it, not text; indent them by two more spaces
67: boards.tx2-03.ssh.host: 'twin' is filled in by `farm lab up` only where the entry has a `twin:`; \
write the address
68: boards.tx2-03.switch: 's1' already switches 'tx2-02'; one switch serves one board, once
70: boards.tx2-03.meters.0: 'm2' already measures 'tx2-01'; one meter serves one board, once
"""

RIGHT = """\
lab: shelf
meters:
  m1:
    driver: um25c
    rail: USB 5 V
    twin: process
    options:
      port: twin
switches:
  s1:
    driver: shelly
    twin: process
    options:
      url: twin
boards:
  zero-01:
    model: pi-zero-aiy
    twin: process
    console:
      port: twin
    ssh:
      host: twin
      user: pi
    switch: s1
    meters:
      - m1
"""


def faults(tmp_path, text):
    path = tmp_path / "lab.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageFault) as seen:
        load(path)
    return [line.removeprefix(f"{path}:") for line in seen.value.faults]


def test_every_fault_of_a_badly_broken_inventory_is_told_at_once(tmp_path):
    assert faults(tmp_path, BROKEN) == FOUND.splitlines()


def test_no_fault_repeats_what_may_be_a_secret(tmp_path):
    assert "hunter2" not in "".join(faults(tmp_path, BROKEN))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", ["1: inventory: is empty; begin with `lab:` and `boards:`"]),
        (b"# nothing yet\n", ["1: inventory: is empty; begin with `lab:` and `boards:`"]),
        (b"- a\n", ["1: inventory: wants keys such as `lab:` and `boards:` at the top, not a list"]),
        (b"lab: a\nboards:\n  \xff: 1\n", ["3: inventory: byte 0xff is not UTF-8; save it as UTF-8"]),
        (b"lab: a\nboards: \x01\n", ["2: inventory: not YAML: character U+0001 is not allowed; remove it"]),
        (b"lab: &a x\nboards: *a\n", ["2: inventory: anchors and aliases are not read here; write the value out"]),
        (b"[" * 3000, ["1: inventory: nested too deeply; look at the indentation and the brackets"]),
        (b"lab: a\nboards: {}\n", ["2: boards: is empty; name at least one"]),
    ],
)
def test_a_file_that_is_no_inventory_is_a_fault_with_a_line(tmp_path, text, found):
    assert faults(tmp_path, text) == found


@pytest.mark.parametrize("text", ["lab: [1,\n", "lab: a: b\n", "lab:\n\t- b\n", "lab: a\n---\nlab: b\n", '{"lab":'])
def test_a_syntax_error_is_one_line_with_its_place(tmp_path, text):
    (fault,) = faults(tmp_path, text)
    assert re.fullmatch(r"\d+: inventory: not YAML: .+; look at indentation, colons and quotes", fault)


def test_a_file_that_is_not_there_is_a_fault_too(tmp_path):
    with pytest.raises(UsageFault) as seen:
        load(tmp_path / "none.yaml")
    assert seen.value.faults == [
        f"{tmp_path}/none.yaml:1: inventory: cannot be read: No such file or directory; "
        "name another with --inventory FILE"
    ]


def test_a_line_break_in_a_key_breaks_no_line(tmp_path):
    assert faults(tmp_path, RIGHT + '"some\\nkey": 1\n') == [
        "27: some\\nkey: unknown key; there are artifacts, boards, calibration_required, "
        "lab, least_free_bytes, meters, state, switches"
    ]


REAL = """\
lab: shelf
meters:
  m1:
    driver: um25c
    rail: USB
    options:
      port: /dev/ttyUSB1
switches:
  s1:
    driver: shelly
    options:
      url: http://192.0.2.30
boards:
  a:
    model: jetson-tx2
    console:
      port: /dev/ttyUSB0
    ssh:
      host: 192.0.2.11
      user: nvidia
      key: file:me@lab
      gateway: lab@192.0.2.1:22
  b:
    model: jetson-tx2
    console:
      port: /dev/ttyUSB2
    ssh:
      host: 192.0.2.12
      user: nvidia
"""


def with_accelerator(*lines):
    return "".join(["    accelerators:\n", f"      - {lines[0]}\n", *(f"        {line}\n" for line in lines[1:])])


@pytest.mark.parametrize(
    ("model", "lines", "found"),
    [
        ("jetson-tx2", ["kind: coral-usb", 'port: "2-1"'], []),
        (
            "jetson-tx2",
            ["kind: coral"],
            ["31: boards.b.accelerators.0.kind: no accelerator 'coral'; did you mean \"coral-usb\"?"],
        ),
        (
            "raspberry-pi3",
            ["kind: ncs"],
            ["31: boards.b.accelerators.0: a raspberry-pi3 has USB 2 only, some ten times"],
        ),
        ("raspberry-pi3", ["kind: ncs", "link: usb2"], []),
        (
            "ti-c66x",
            ["kind: ti-c66x", "link: usb3"],
            ["32: boards.b.accelerators.0.link: a ti-c66x has no USB link; remove"],
        ),
    ],
)
def test_an_accelerator_is_of_a_kind_that_there_is_and_on_a_link_that_its_host_has(tmp_path, model, lines, found):
    path = tmp_path / "lab.yaml"
    head, _, tail = REAL.rpartition("jetson-tx2")
    path.write_text(head + model + tail + with_accelerator(*lines))
    seen = []
    try:
        load(path)
    except UsageFault as fault:
        seen = [line.removeprefix(f"{path}:") for line in fault.faults]
    assert len(seen) == len(found)
    assert [line[: len(start)] for line, start in zip(seen, found, strict=True)] == found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("ttyUSB1", "ttyUSB0"), ["7: meters.m1.options.port: is the address of 'a' already; correct one of them"]),
        (
            ("2.12", "2.11\n      port: 22\n      gateway: lab@192.0.2.1:22"),
            ["28: boards.b.ssh.host: is the address of"],
        ),
        (
            ("http://", "http://me:hunter2@"),
            ["12: switches.s1.options.url: a secret must not stand here; write the address without the password"],
        ),
        (("lab@192", "lab:hunter2@192"), ["22: boards.a.ssh.gateway: a secret must not stand here; write the"]),
        (("a", "a"), []),
    ],
)
def test_slips_in_addresses_of_real_devices_are_told(tmp_path, change, found):
    assert change[0] in REAL
    told = faults(tmp_path, REAL.replace(*change)) if found else load_right(tmp_path, REAL)
    assert [one.startswith(begin) for one, begin in zip(told, found, strict=True)] == [True] * len(found)
    assert "hunter2" not in "".join(told)


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ("ttyUSB0", "no console port; write /dev/…, usb:1-1.4.2, serial:NUMBER, socket://host:port or rfc2217://host:"),
        ("usb:1.4", "names no USB adapter; write usb:1-1.4.2, serial:NUMBER, or usb:1-1.4.2:1.1 of several"),
        ("telnet://ser:23", "no console port; write socket://host:port or rfc2217://host:port"),
    ],
)
def test_a_console_port_of_no_known_kind_is_told(tmp_path, port, found):
    (told,) = faults(tmp_path, REAL.replace("/dev/ttyUSB0", port))
    assert f"boards.a.console.port: {found}" in told


def load_right(folder, text):
    (folder / "right.yaml").write_text(text)
    assert load(folder / "right.yaml").lab == "shelf"
    return []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("driver: um25c\n    rail", "driver: um25c\n    rial"), "missing; add `rail:`"),
        (("      port: twin\nswitches", "      port: /dev/rfcomm0\nswitches"), "write `twin` for it"),
        (("    console:\n      port: twin", "    console:\n      port: /dev/ttyS0"), "write `twin`"),
        (("    twin: process\n    console", "    console"), "'m1' is a twin and the board is a real board"),
        (("    meters:\n      - m1\n", ""), "a twin that no board uses"),
        (("  s1:", "  m1:"), "'m1' stands under meters too"),
        (("      user: pi", "      user: pi\n      key: file:id"), "ssh.key: `farm lab up` fills it in for a twin"),
        (("      user: pi", "      user: pi\n      port: 22"), "ssh.port: `farm lab up` sets it for a twin; remove it"),
        (("      port: twin\n    ssh", "      port: twin\n      user: root\n    ssh"), "a twin has one user"),
        (("twin: process\n    console", "twin: cloud\n    console"), "should be 'process' or 'qemu'"),
    ],
)
def test_what_a_twin_cannot_be_is_refused(tmp_path, change, found):
    assert change[0] in RIGHT
    assert found in "".join(faults(tmp_path, RIGHT.replace(*change)))


def test_a_board_model_without_a_power_profile_has_no_twin(tmp_path, monkeypatch):
    monkeypatch.setattr("farm.lab.twins.PROFILES", {"jetson-tx2": None})
    assert faults(tmp_path, RIGHT) == [
        "17: boards.zero-01.model: no process twin of 'pi-zero-aiy'; there are twins of jetson-tx2"
    ]


def test_a_driver_whose_library_is_missing_is_named_with_its_line(tmp_path, monkeypatch):
    def missing(_driver):
        raise ImportError("No module named 'serial'")

    monkeypatch.setattr("farm.lab.checks.load_meter", missing)
    assert faults(tmp_path, RIGHT) == [
        "4: meters.m1.driver: 'um25c' does not load: No module named 'serial'; install what it needs"
    ]


def test_a_right_one_says_what_is_there(tmp_path):
    path = tmp_path / "lab.yaml"
    path.write_text(RIGHT)
    lab = load(path)
    assert (lab.twins, lab.boards["zero-01"].workdir, lab.path) == (["zero-01"], "/opt/edge-test-farm", path)


def test_who_names_no_channel_means_the_first(tmp_path):
    """Else two boards' volts would be set on one output, 19 V on the one that bears 5."""
    output = "{driver: scpi-output, options: {resource: 'TCPIP::192.0.2.20::5025::SOCKET', volts: %s%s}}"
    relay = "{driver: serial-relay, options: {port: /dev/ttyUSB0, board: lcus-status%s}}"
    path = tmp_path / "inventory.yaml"
    path.write_text(
        f"lab: a\nswitches:\n  s1: {output % (5, '')}\n  s2: {output % (19, ', channel: 1')}\n"
        f"  s3: {output % (5, ', channel: 2')}\n  r1: {relay % ''}\n  r2: {relay % ', channel: 1'}\n"
        "boards:\n  b: {model: coral-dev, ssh: {host: h, user: u}}\n",
        encoding="utf-8",
    )
    with pytest.raises(UsageFault) as seen:
        load(path)
    assert seen.value.faults == [
        f"{path}:4: switches.s2.options: is the address of 's1' already; correct one of them",
        f"{path}:7: switches.r2.options.port: is the address of 'r1' already; correct one of them",
    ]


def test_a_model_whose_package_does_not_load_is_a_line_and_no_crash(tmp_path, monkeypatch):
    monkeypatch.setitem(known_boards(), "phone", "farm_phone_that_is_not_there:Phone")
    path = tmp_path / "inventory.yaml"
    path.write_text("lab: a\nboards:\n  b: {model: phone, ssh: {host: h, user: u}}\n", encoding="utf-8")
    with pytest.raises(UsageFault, match=r"boards\.b\.model: 'phone' does not load: .*; install what it needs"):
        load(path)


def test_a_fault_that_is_found_later_names_the_line_of_what_people_wrote(tmp_path):
    path = tmp_path / "inventory.yaml"
    path.write_text("lab: x\nboards:\n  a:\n    model: atom-e3930\n    ssh: {host: 192.0.2.7, user: farm}\n")
    lab = load(path)
    assert str(lab.fault(("boards", "a", "flash"), "missing")) == f"{path}:3: boards.a.flash: missing"
    assert str(lab.fault(("boards", "a", "ssh", "key"), "missing")) == f"{path}:5: boards.a.ssh.key: missing"
