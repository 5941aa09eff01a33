"""The board's file system: a folder with the files that the farm reads on such a board."""

import os
import shutil
from pathlib import Path

from . import boot_settings
from .model import CpuFreq, Model, fill, packages

_EMPTIED_AT_BOOT = ("run", "tmp")
_FOLDERS = (
    "boot",
    "dev",
    "mnt",
    "opt",
    "root",
    "usr/local/bin",
    "var/cache",
    "var/log",
    "var/tmp",
    "etc/systemd/system",
)
_CPU = "sys/devices/system/cpu"
_LOGINS = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
_GROUPS = "root:x:0:\ndaemon:x:1:\nsudo:x:27:\ndialout:x:20:\nvideo:x:44:\nplugdev:x:46:\n"
_VENDORS_KEY = "var/lib/web/packages.cloud.google.com/apt/doc/apt-key.gpg"


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that no reader ever finds it empty or half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


def build(root: Path, model: Model, *, user: str, authorized_key: str, serial_number: str) -> None:
    """Make what is on the board's disk. What is there already stays: a disk survives the power."""
    for folder in (*_FOLDERS, *_EMPTIED_AT_BOOT):
        (root / folder).mkdir(parents=True, exist_ok=True)
    values = model.values(serial_number)
    for path, text in model.files.items():
        _put(root / path, fill(text.removeprefix("\n"), values), keep=path.startswith(("boot/", "etc/", "var/")))
    _put(root / "etc/hostname", model.hostname + "\n", keep=True)
    _put(root / "proc/version", f"Linux version {model.kernel} (twin) {model.kernel_version}\n")
    _put(root / "proc/sys/kernel/osrelease", model.kernel + "\n")
    _put(root / "proc/sys/kernel/hostname", model.hostname + "\n")
    if not (firmware := root / "sys/firmware/devicetree/base").is_symlink() and (root / "proc/device-tree").is_dir():
        firmware.parent.mkdir(parents=True, exist_ok=True)
        firmware.symlink_to("../../../proc/device-tree")
    _make_home(root, user, authorized_key)
    _put(root / "etc/passwd", _LOGINS + f"{user}:x:1000:1000::/home/{user}:/bin/bash\n" * (user != "root"), keep=True)
    _put(root / "etc/group", _GROUPS + f"{user}:x:1000:\n" * (user != "root"), keep=True)
    offered = packages()
    mirror = "".join(f"{one.name} {one.version} {one.suite} {one.rival}\n" for one in offered)
    _put(root / "var/lib/apt/packages", mirror)
    fresh = [one for one in offered if one.state == "installed" or one.name in model.installed]
    _put(root / "var/lib/dpkg/packages", "".join(f"{one.name} {one.version}\n" for one in fresh), keep=True)
    _put(root / _VENDORS_KEY, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\ntwin\n-----END PGP PUBLIC KEY BLOCK-----\n")
    for name in model.services:
        _put(root / f"lib/systemd/system/{name}.service", f"[Unit]\nDescription={name}\n", keep=True)
        _enable(root, name)


def boot(root: Path, model: Model) -> None:
    """Make what a kernel and an init make anew at each boot: volatile folders, clocks, zones, services."""
    for folder in _EMPTIED_AT_BOOT:
        shutil.rmtree(root / folder, ignore_errors=True)
        (root / folder).mkdir()
    (root / "tmp").chmod(0o1777)
    for number, cluster in enumerate(model.cpufreq):
        _make_cpus(root, number, cluster)
    for number, zone in enumerate(model.thermal):
        _put(root / f"sys/class/thermal/thermal_zone{number}/type", zone.type + "\n")
    for path in model.throttle:
        _put(root / path, model.files[path].removeprefix("\n"))
    boot_settings.take_over(root, model)
    active = root / "run/active"  # what the systemctl stand-in looks at
    active.mkdir()
    for link in (root / "etc/systemd/system/multi-user.target.wants").glob("*.service"):
        (active / link.name).touch()


def _make_home(root: Path, user: str, authorized_key: str) -> None:
    home = root / "root" if user == "root" else root / "home" / user
    (home / ".ssh").mkdir(parents=True, exist_ok=True)
    (home / ".ssh").chmod(0o700)
    keys = home / ".ssh/authorized_keys"
    known = keys.read_text() if keys.exists() else ""
    if authorized_key.strip() and authorized_key.strip() not in known:
        keys.write_text(known + authorized_key.strip() + "\n")
    if keys.exists():
        keys.chmod(0o600)


def _make_cpus(root: Path, number: int, cluster: CpuFreq) -> None:
    policy = root / _CPU / f"cpufreq/policy{number}"
    figures = {
        "scaling_governor": cluster.governor,
        "scaling_available_governors": cluster.governors,
        "scaling_cur_freq": cluster.min_khz,
        "scaling_min_freq": cluster.min_khz,
        "scaling_max_freq": cluster.limit_khz,
        "cpuinfo_min_freq": cluster.min_khz,
        "cpuinfo_max_freq": cluster.max_khz,
        "related_cpus": " ".join(map(str, cluster.cpus)),
    }
    for name, value in figures.items():
        _put(policy / name, f"{value}\n")
    for cpu in cluster.cpus:
        folder = root / _CPU / f"cpu{cpu}"
        _put(folder / "online", f"{int(cluster.online)}\n")
        if not (folder / "cpufreq").is_symlink():
            (folder / "cpufreq").symlink_to(f"../cpufreq/policy{number}")


def _enable(root: Path, service: str) -> None:
    link = root / f"etc/systemd/system/multi-user.target.wants/{service}.service"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(f"../../../../lib/systemd/system/{service}.service")


def _put(path: Path, text: str, *, keep: bool = False) -> None:
    if keep and os.path.lexists(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, newline="")
