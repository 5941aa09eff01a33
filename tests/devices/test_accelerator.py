"""Accelerators on a host board: found in its sysfs, told apart, and held to their link."""

import pytest

from devices import accelerator
from devices.accelerator import KINDS, Attached, Wanted
from devices.errors import AcceleratorFault
from devices.raspberry_pi3 import RaspberryPi3
from devices.testing import BoardConformance

USB = "/sys/bus/usb/devices"


def usb(port, ident, mbps, serial=None):
    vendor, product = ident.split(":")
    files = {f"{USB}/{port}/idVendor": f"{vendor}\n", f"{USB}/{port}/idProduct": f"{product}\n"}
    files[f"{USB}/{port}/speed"] = f"{mbps}\n"
    return files | ({f"{USB}/{port}/serial": f"{serial}\n"} if serial else {})


@pytest.fixture
def found_on(tmp_path):
    def look(files):
        host = type("Host", (BoardConformance,), {"board_type": RaspberryPi3})()
        folder = tmp_path / "a root"
        folder.mkdir()
        return accelerator.attached(host.board_in(folder, files, {}))

    return look


ROOT_HUB = usb("usb1", "1d6b:0002", 480, "0000:00:14.0")
INTERFACE = {f"{USB}/1-1:1.0/bInterfaceClass": "ff\n"}


def test_accelerators_are_told_from_hubs_keyboards_and_interfaces(found_on):
    found = found_on(ROOT_HUB | INTERFACE | usb("1-1", "046d:c31c", 1.5) | usb("2-1", "18d1:9302", 5000))
    assert found == [Attached("coral-usb", "2-1", 5000)]


def test_a_stick_is_known_before_and_after_its_firmware_is_loaded(found_on):
    found = found_on(usb("2-1", "1a6e:089a", 5000) | usb("1-1.2", "03e7:2150", 480) | usb("1-1.3", "03E7:F63B", 480))
    assert [(one.kind, one.port) for one in found] == [("ncs", "1-1.2"), ("ncs", "1-1.3"), ("coral-usb", "2-1")]


def test_a_card_on_pcie_has_an_address_and_no_link_speed(found_on):
    card = "/sys/bus/pci/devices/0000:04:00.0"
    found = found_on({f"{card}/vendor": "0x104c\n", f"{card}/device": "0xb005\n"})
    assert found == [Attached("ti-c66x", "0000:04:00.0")]
    assert accelerator.check("edge-1", [Wanted("ti-c66x")], found) == found


def test_a_serial_number_with_spaces_stays_whole(found_on):
    assert found_on(usb("2-1", "18d1:9302", 5000, "AB 12 C"))[0].serial_number == "AB 12 C"


def test_a_board_without_any_has_none(found_on):
    assert found_on({}) == []


FAST, SLOW = Attached("coral-usb", "2-1", 5000), Attached("coral-usb", "1-2", 480)


def test_a_usb_2_link_where_usb_3_is_promised_is_a_fault():
    with pytest.raises(AcceleratorFault, match=r"coral-usb on port 1-2 has a link of 480 Mbit/s, and must have usb3"):
        accelerator.check("pc-1", [Wanted("coral-usb")], [SLOW])


def test_a_link_that_the_host_does_not_tell_is_not_taken_for_the_right_one():
    with pytest.raises(AcceleratorFault, match="unknown speed"):
        accelerator.check("pc-1", [Wanted("coral-usb")], [Attached("coral-usb", "2-1", None)])


def test_a_slow_link_that_is_meant_is_right_and_a_fast_one_then_is_not():
    assert accelerator.check("pi-1", [Wanted("coral-usb", "usb2")], [SLOW]) == [SLOW]
    with pytest.raises(AcceleratorFault, match="must have usb2"):
        accelerator.check("pi-1", [Wanted("coral-usb", "usb2")], [FAST])


def test_a_missing_one_is_named_with_where_others_are():
    with pytest.raises(AcceleratorFault, match=r"^pc-1: no coral-usb on port 2-4; there is one on 2-1\n  try: "):
        accelerator.check("pc-1", [Wanted("coral-usb", port="2-4")], [FAST])
    with pytest.raises(AcceleratorFault, match=r"^pc-1: no ncs\n"):
        accelerator.check("pc-1", [Wanted("ncs")], [FAST])


def test_no_two_wishes_get_the_same_stick():
    both = [Wanted("coral-usb", "usb2"), Wanted("coral-usb")]
    assert accelerator.check("pc-1", both, [FAST, SLOW]) == [SLOW, FAST]
    with pytest.raises(AcceleratorFault, match="no coral-usb"):
        accelerator.check("pc-1", [Wanted("coral-usb"), Wanted("coral-usb")], [FAST])


def test_a_stick_that_is_tied_to_a_port_is_left_to_who_asked_for_it():
    again = Attached("coral-usb", "2-2", 5000)
    assert accelerator.check("pc-1", [Wanted("coral-usb"), Wanted("coral-usb", port="2-1")], [FAST, again]) == [
        again,
        FAST,
    ]


def test_every_kind_says_how_it_is_known():
    for name, kind in KINDS.items():
        assert (kind.name, bool(kind.ids), bool(kind.source)) == (name, True, True)
        assert (kind.link is None) == (kind.bus == "pci")
