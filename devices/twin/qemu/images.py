"""The images that QEMU twins boot: what each is made of, and where it lies once it is built.

An image is known by the hash of what it is made from, so that a changed recipe never meets an old image. The mirror's
state is no part of it: the image in the cache is what pins the versions; ``packages`` beside it lists them.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Arch = Literal["arm64", "amd64", "armel"]
ARCHES: tuple[Arch, ...] = get_args(Arch)

RECIPE = Path(__file__).parent / "recipe"
SUITE = "bookworm"
"""Debian 12: Python 3.11, glibc 2.36."""

_PACKAGES = (
    "?essential",
    "apt",
    "busybox-static",  # the initramfs
    "dbus",  # systemctl for those who are not root
    "iproute2",
    "kmod",
    "login",
    "netbase",
    "openssh-server",
    "openssh-sftp-server",
    "passwd",
    "procps",
    "python3",
    "python3-numpy",
    "sudo",
    "systemd-sysv",
    "udev",
    "zstd",
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into one architecture's image."""

    kernel: str
    """The kernel's package."""
    packages: tuple[str, ...] = _PACKAGES
    wheels: tuple[str, ...] = ()
    """Inference runtimes, from the Python package index; numpy is Debian's."""
    platforms: tuple[str, ...] = ()
    """Wheel tags that the image's glibc can run."""


_WHEELS = ("ai-edge-litert==2.3.0", "onnxruntime==1.31.1")


def _manylinux(machine: str) -> tuple[str, ...]:
    return tuple(f"manylinux_{glibc}_{machine}" for glibc in ("2_17", "2_27", "2_28", "2_34"))


CONTENTS: dict[Arch, Contents] = {
    # not the cloud kernel: that has no SD card controller on PCI
    "arm64": Contents("linux-image-arm64", (*_PACKAGES, "libstdc++6"), _WHEELS, _manylinux("aarch64")),
    "amd64": Contents("linux-image-cloud-amd64", (*_PACKAGES, "libstdc++6"), _WHEELS, _manylinux("x86_64")),
    # ARMv6: neither runtime has a wheel for it
    "armel": Contents("linux-image-rpi"),
}


@dataclass(frozen=True, slots=True)
class Image:
    """One architecture's files; all read-only to those who boot them."""

    arch: Arch
    folder: Path

    @property
    def disk(self) -> Path:
        """A GPT disk, raw and sparse: ``rootfs`` from its first MiB, then ``boot`` (arm64) or ``efi`` (amd64)."""
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        """For machines without a boot loader."""
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        """Our own initramfs, a gzipped cpio archive."""
        return self.folder / "initrd.gz"

    @property
    def dtb(self) -> Path:
        """The board's device tree as Debian ships it; armel only."""
        return self.folder / "board.dtb"

    @property
    def built(self) -> bool:
        """Whether it is there: a folder gets its name when all is in it."""
        return self.folder.is_dir()


def cache() -> Path:
    """Return the folder of all images: ``FARM_IMAGES``, else the user's cache."""
    if named := os.environ.get("FARM_IMAGES"):
        return Path(named)
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "edge-test-farm" / "images"


def image(arch: Arch) -> Image:
    """Return where an architecture's image of this very recipe lies, built or not."""
    made_of = hashlib.sha256(f"{SUITE} {CONTENTS[arch]!r}".encode())
    for file in sorted(RECIPE.iterdir()):
        made_of.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return Image(arch, cache() / f"{arch}-{made_of.hexdigest()[:16]}")
