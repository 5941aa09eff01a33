"""``python -m devices.twin.qemu.build [ARCH …]``: makes the images that QEMU twins boot, once a recipe.

Nothing is downloaded but Debian packages, by the machine's own apt configuration, and wheels, by pip's. Any user
builds the same: no program of an image runs here, so that what only root may (owners, device nodes) is fakeroot's to
pretend.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from . import uboot
from .images import ARCHES, CONTENTS, RECIPE, SUITE, Arch, Image, cache, image

UBOOT = "u-boot-fastboot"
_DEFAULT: tuple[Arch, ...] = ARCHES
_SBIN = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "sfdisk": "fdisk",
    "modprobe": "kmod",
    "cpio": "cpio",
    "mcopy": "mtools",
    "openssl": "openssl",
    "ssh-keygen": "openssh-client",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    **({"fakeroot": "fakeroot"} if os.geteuid() else {}),
}
"""Program → its Debian package."""
_MMDEBSTRAP = ["fakeroot", "mmdebstrap", "--mode=chrootless"] if os.geteuid() else ["mmdebstrap"]
_LONGEST_S = 900.0
"""For one command: 200 MB of packages over a slow line, and their unpacking (assumed)."""


class BuildFault(Exception):
    """An image could not be made: what is missing, or what a program last said."""


def build(arch: Arch) -> tuple[Image, float]:
    """Make one architecture's image unless it stands; return it and the seconds it took.

    Raises:
        BuildFault: a program is missing or failed.
    """
    began = time.monotonic()
    wanted = image(arch)
    with _alone(wanted):
        if wanted.built:
            return wanted, 0.0
        half = wanted.folder.with_name(wanted.folder.name + ".half")
        shutil.rmtree(half, ignore_errors=True)
        (half / "wheels").mkdir(parents=True)
        log = cache() / f"{arch}.log"
        shutil.copyfile(_key().with_suffix(".pub"), half / "id_ed25519.pub")
        with log.open("wb") as said:
            _run(_pip(arch, half / "wheels"), said.fileno(), log)
            _run(_mmdebstrap(arch, half), said.fileno(), log)
        shutil.rmtree(half / "wheels")
        half.rename(wanted.folder)
    return wanted, time.monotonic() - began


def _pip(arch: Arch, place: Path) -> list[str]:
    contents = CONTENTS[arch]
    if not contents.wheels:
        return ["true"]
    line = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", str(place)]
    line += ["--python-version", "3.11", "--implementation", "cp"]
    line += [word for tag in contents.platforms for word in ("--platform", tag)]
    return [*line, *contents.wheels]


def _mmdebstrap(arch: Arch, out: Path) -> list[str]:
    contents = CONTENTS[arch]
    hook = f'{RECIPE}/dress "$1" {out} {arch}'
    return [
        *_MMDEBSTRAP,
        f"--arch={arch}",
        "--variant=extract",
        "--format=null",
        "--skip=check/qemu,chroot/mount,chroot/start-stop-daemon,chroot/policy-rc.d",
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *(f"--include={package}" for package in (*contents.packages, contents.kernel)),
        f"--extract-hook={hook}",
        '--aptopt=Acquire::Languages "none"',
        SUITE,
        "-",
        f"deb [arch={arch}] {mirror()} {SUITE} main",
    ]


def mirror() -> str:
    """Return the Debian archive that this machine's apt uses."""
    line = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)"]
    told = subprocess.run(line, check=False, capture_output=True, text=True)
    for target in told.stdout.splitlines():
        origin, label, uri = target.split("|", 2)
        if origin == label == "Debian":
            return uri
    raise BuildFault("apt names no Debian archive here; run `apt-get update`, or add one to its sources")


def _run(line: Sequence[str], output: int, log: Path) -> None:
    environment = os.environ | {"PATH": _SBIN, "SOURCE_DATE_EPOCH": "1700000000", "LC_ALL": "C.UTF-8"}
    try:
        ended = subprocess.run(
            line,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        raise BuildFault(f"{line[0]} did not end in {_LONGEST_S:g} s; look at {log}") from None
    if ended.returncode:
        lines = log.read_text("utf-8", "replace").splitlines()
        reasons = [one for one in lines if "rror" in one or one.startswith("E:")]
        raise BuildFault(f"{line[0]} failed: {(reasons or lines or ['it said nothing'])[0].strip()}; look at {log}")


def _key() -> Path:
    """Return the key that opens an image booted by hand; made once a cache. Twins of the farm put their own there."""
    path = cache() / "id_ed25519"
    with _locked(cache() / "key.lock"):
        if not path.exists():
            line = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "edge-test-farm", "-f", str(path)]
            subprocess.run(line, check=True, stdin=subprocess.DEVNULL)
    return path


@contextmanager
def _alone(wanted: Image) -> Generator[None]:
    """Let one process at a time build an image; the next one finds it."""
    with _locked(wanted.folder.with_name(wanted.folder.name + ".lock")):
        yield


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Build what is asked for, all at once; 0 when every image stands."""
    parser = ArgumentParser("twin-images", description="make the images that QEMU twins boot, in " + str(cache()))
    parser.add_argument("arch", nargs="*", help=f"of {', '.join((*ARCHES, UBOOT))}; all of them without")
    named = cast("list[str]", parser.parse_args().arch) or [*_DEFAULT, UBOOT]
    asked: list[Arch] = [one for one in ARCHES if one in set(named)]
    if strange := [arch for arch in named if arch not in (*ARCHES, UBOOT)]:
        parser.error(f"no image for {', '.join(strange)}; there are {', '.join((*ARCHES, UBOOT))}")
    if missing := sorted({package for tool, package in _TOOLS.items() if shutil.which(tool, path=_SBIN) is None}):
        return _say(f"twin-images: cannot build without: apt-get install {' '.join(missing)}", 2)
    cache().mkdir(parents=True, exist_ok=True)
    status = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for arch, future in [(arch, pool.submit(build, arch)) for arch in asked]:
            try:
                made, seconds = future.result()
            except BuildFault as fault:
                status = _say(f"{arch}: {fault}", 3)
            else:
                _say(f"{arch}: {made.folder} ({f'built in {seconds:.0f} s' if seconds else 'stood already'})")
    return max(status, _build_uboot() if UBOOT in named else 0)


def _build_uboot() -> int:
    """After the images: what compiles uses all processors."""
    try:
        return _say(f"{UBOOT}: {uboot.build(mirror())}")
    except (BuildFault, uboot.UBootBuildFault) as fault:
        return _say(f"{UBOOT}: {fault}", 3)


def _say(text: str, status: int = 0) -> int:
    print(text, file=sys.stderr if status else sys.stdout, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
