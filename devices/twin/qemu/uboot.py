"""U-Boot with fastboot, an SD card and an environment that saves: built from Debian's source package, once.

Debian's own ``u-boot-qemu`` has none of these. ``tools/twin-images u-boot-fastboot`` builds it and says where it is.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .images import SUITE, cache

CONFIG = Path(__file__).with_name("uboot.config")
TOOLS = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "apt-get": "apt",
    "bison": "bison",
    "dpkg-source": "dpkg-dev",
    "flex": "flex",
    "gcc": "gcc",
    "make": "make",
}
"""Program → its Debian package; libssl-dev is needed too, for a header."""
_LONGEST_S = 900.0
"""For one command (assumed); the whole took 48 s on two cores."""
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class UBootBuildFault(Exception):
    """U-Boot could not be built: what is missing, or what a program last said."""


def uboot() -> Path:
    """Return where the U-Boot of this very configuration lies, built or not."""
    made_of = hashlib.sha256(f"{SUITE} ".encode() + CONFIG.read_bytes() + Path(__file__).read_bytes())
    return cache() / f"u-boot-fastboot-{made_of.hexdigest()[:16]}.bin"


def build(mirror: str) -> Path:
    """Build it unless it stands; two that build at once both succeed, and the later one's stays.

    Args:
        mirror: the Debian archive to fetch the source from.

    Raises:
        UBootBuildFault: a program is missing or failed.
    """
    if (path := uboot()).exists():
        return path
    if missing := sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None}):
        raise UBootBuildFault(f"U-Boot cannot be built without: apt-get install {' '.join(missing)} libssl-dev")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="u-boot-", dir=path.parent) as name:
        folder = Path(name)
        tree = _source(folder, mirror)
        shutil.copyfile(CONFIG, tree / "farm.config")
        for line in (
            ["make", "-s", "qemu_arm64_defconfig"],
            ["scripts/kconfig/merge_config.sh", "-m", ".config", "farm.config"],
            ["make", "-s", "olddefconfig"],
            ["make", "-s", f"-j{os.cpu_count() or 1}", "CROSS_COMPILE=aarch64-linux-gnu-", "u-boot.bin"],
        ):
            _run(line, tree)
        (tree / "u-boot.bin").rename(folder / "done")
        (folder / "done").rename(path)
    return path


def _source(folder: Path, mirror: str) -> Path:
    """Fetch and unpack the source package, with an apt of its own: the machine's lists are left alone."""
    for place in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / place).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "etc/sources.list").write_text(f"deb-src [signed-by={_KEYRING}] {mirror} {SUITE} main\n")
    (folder / "apt.conf").write_text(
        f'Dir::State "{folder}/state"; Dir::State::status "{folder}/status"; Dir::Cache "{folder}/cache";\n'
        f'Dir::Etc::sourcelist "{folder}/etc/sources.list"; Dir::Etc::sourceparts "-"; APT::Sandbox::User "root";\n'
    )
    _run(["apt-get", "update", "-qq"], folder)
    _run(["apt-get", "source", "-q", "--download-only", "u-boot"], folder)  # apt checks the signature and the hashes
    description = next(folder.glob("u-boot_*.dsc"))
    _run(["dpkg-source", "--no-check", "-x", description.name, "u-boot"], folder)
    return folder / "u-boot"


def _run(line: Sequence[str], folder: Path) -> None:
    environment = os.environ | {"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1700000000"}
    if config := next((place / "apt.conf" for place in (folder, folder.parent) if (place / "apt.conf").exists()), None):
        environment["APT_CONFIG"] = str(config)
    try:
        done = subprocess.run(
            line,
            check=False,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_LONGEST_S,
        )
    except subprocess.TimeoutExpired:
        raise UBootBuildFault(f"{line[0]} did not end in {_LONGEST_S:g} s") from None
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().splitlines()[-8:]
        raise UBootBuildFault("\n  | ".join([f"`{' '.join(line)}` ended with status {done.returncode}:", *said]))
