"""Which accelerator a model's runtime needs, and whether the board's kernel knows of one; nothing is sent before.

Where a kernel tells nothing of its buses (a board twin that has none), nobody knows, and the runner finds out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, sleep

from devices.accelerator import CORAL_PCIE, CORAL_USB, LOOK, NCS, read
from devices.facts import starting

from ...errors import LabFault
from ..manifest import Manifest

SCRIPT = (
    LOOK
    + r"""
for b in usb pci; do [ ! -d "$R/sys/bus/$b/devices" ] || fact buses told; done
for d in "$R"/sys/class/apex/apex_*; do [ ! -e "$d" ] || fact "apex.${d##*/}" there; done
for d in "$R"/sys/bus/pci/devices/*; do
  first "$d/class" && [ "${v#0x03}" != "$v" ] && first "$d/vendor" && [ "$v" = 0x8086 ] && fact "gpu.${d##*/}" there
done
[ ! -e "$R/dev/null" ] || fact dev told
[ ! -e "$R/dev/vision_spicomm" ] || fact "bonnet.0" there
"""
)
"""``apex``: an Edge TPU on PCIe whose driver is loaded. Class 03 of vendor 8086: a display controller of Intel's, and
OpenVINO's ``GPU`` is no other. ``vision_spicomm``: what aiyprojects' ``_spicomm.py`` opens."""

_BACK_S = 5.0
"""A stick that a program has let go of starts anew, and hangs on no bus meanwhile (assumed: as OpenVINO resets one)."""
_LOOK_AGAIN_S = 0.5

Facts = dict[str, str]


class NoAccelerator(LabFault):
    """A board has not the accelerator that a model needs; nobody said that it had, so that it stays in use."""


@dataclass(frozen=True, slots=True)
class Need:
    """So many accelerators of one kind."""

    what: str
    kinds: tuple[str, ...]
    """Of :data:`devices.accelerator.KINDS`, or facts of :data:`SCRIPT`."""
    seen_by: str
    """The fact that says whether the board can tell."""
    look: str
    """How a person sees whether it is there."""
    count: int = 1


_EDGE_TPU = {"usb": (CORAL_USB.name,), "pci": (CORAL_PCIE.name, "apex")}
_EDGE_TPU_DEVICE = re.compile(r"(usb|pci)?(?::(\d{1,3}))?")
"""As ``edgetpu.h`` and ``load_delegate`` name them: ``usb``, ``pci``, ``usb:1``, ``:1``."""
_LSUSB, _LSPCI, _EITHER = "`lsusb` on the board", "`lspci` on the board", "`lsusb` or `lspci` on the board"


def need_of(manifest: Manifest, device: str | None) -> Need | None:
    """Return what a model needs beside its board's processor; None for nothing, or nothing that is known here.

    Args:
        manifest: The model's.
        device: Which of the runtime's devices is to run it; None: the manifest's, or the runtime's own choice.
    """
    wanted = device or manifest.device or ""
    if manifest.runtime == "edgetpu" and (match := _EDGE_TPU_DEVICE.fullmatch(wanted)):
        kinds = _EDGE_TPU[match[1]] if match[1] else (*_EDGE_TPU["usb"], *_EDGE_TPU["pci"])
        on, look = {"usb": (" on USB", _LSUSB), "pci": (" on PCIe", _LSPCI), None: ("", _EITHER)}[match[1]]
        return Need(f"Edge TPU{on}", kinds, "buses", look, int(match[2] or 0) + 1)
    if manifest.runtime == "openvino" and wanted.partition(".")[0] == "MYRIAD":
        return Need("Neural Compute Stick", (NCS.name,), "buses", _LSUSB)
    if manifest.runtime == "openvino" and wanted.partition(".")[0] == "GPU":
        return Need("GPU of Intel's", ("gpu",), "buses", _LSPCI)
    if manifest.runtime == "aiy":
        return Need("AIY Vision Bonnet", ("bonnet",), "dev", "`ls /dev/vision_spicomm` on the board")
    return None


def require_there(board: str, name: str, need: Need, facts: Facts, look: Callable[[], Facts]) -> None:
    """Check what the board says by :data:`SCRIPT`, and again for a while where something is missing.

    Args:
        board: Its name.
        name: The model's.
        need: What it needs.
        facts: What the board has said.
        look: Asks it once more.

    Raises:
        NoAccelerator: It has fewer than are needed.
        devices.errors.DeviceError: the board.
    """
    end_s = monotonic() + _BACK_S
    while need.seen_by in facts and (found := _count(need.kinds, facts)) < need.count:
        if monotonic() >= end_s:
            raise _none(board, name, need, found)
        sleep(_LOOK_AGAIN_S)
        facts = look()


def _none(board: str, name: str, need: Need, found: int) -> NoAccelerator:
    has, needs = (f"{found} {need.what}", f"{need.count}") if found or need.count > 1 else (f"no {need.what}", "one")
    hint = (
        f"is it plugged in, powered, its driver loaded? {need.look} tells; else run {name} on a board that has "
        f"{needs} (`accelerators:` in the inventory says which must)"
    )
    return NoAccelerator(board, f"has {has}, and {name} needs {needs}; nothing was sent", hint=hint)


def _count(kinds: Sequence[str], facts: Facts) -> int:
    attached = [one.kind for one in read(facts)]
    by_kind = {kind: attached.count(kind) + len(starting(facts, f"{kind}.")) for kind in kinds}
    if "apex" in by_kind:  # the same devices, by their driver and by their bus
        by_kind[CORAL_PCIE.name] = max(by_kind[CORAL_PCIE.name], by_kind.pop("apex"))
    return sum(by_kind.values())
