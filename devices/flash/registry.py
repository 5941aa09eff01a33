"""Ways of flashing → where they live. A new one is one file, one line here, one test class."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .flasher import Flasher

FLASHERS = {
    "fastboot": "devices.flash.fastboot:Fastboot",
    "sd-mux": "devices.flash.sd_mux:SdMux",
    "tegra": "devices.flash.tegra:Tegra",
    "uboot-netboot": "devices.flash.uboot_netboot:UBootNetboot",
}
"""Flashers that ship here. Paths, not classes: loaded on first use."""


@cache
def known_flashers() -> dict[str, str]:
    """Ours, then what installed packages add under ``edge_test_farm.flashers``."""
    theirs = {entry.name: entry.value for entry in entry_points(group="edge_test_farm.flashers")}
    if twice := FLASHERS.keys() & theirs.keys():
        raise ImportError(f"flasher named twice: {', '.join(sorted(twice))}")
    return FLASHERS | theirs


def load_flasher(driver: str) -> "type[Flasher]":
    """Return the class behind a name of :func:`known_flashers`; KeyError for any other."""
    module, _, name = known_flashers()[driver].partition(":")
    return cast("type[Flasher]", getattr(import_module(module), name))
