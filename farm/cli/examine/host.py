"""The controller itself: disk, database, clock, load, open files, keys."""

import ctypes
import os
import resource
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ...store.disk import LEAST_FREE_BYTES, free_bytes
from .finding import Finding

if TYPE_CHECKING:
    from ...lab.inventory import Lab

_DISK_WARN_BYTES = 2_000_000_000
"""More than trials need. Assumed: some thousand short ones, and a few artifacts being unpacked."""
_FILES_A_BOARD, _FILES_ELSE = 32, 128
"""Assumed with room to spare: a bench has some 15 files open (console, SSH, meters, lock, database)."""
_CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_GOOD_CLOCKS = ("tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page")
_STA_UNSYNC = 0x40  # linux/timex.h
_TIMEX_BYTES = 208  # sizeof(struct timex) on 64-bit Linux; smaller on others
_TIMEX_STATUS = 5  # modes, offset, freq, maxerror, esterror, status: each in a long's room
_KEY_OTHERS = stat.S_IRWXG | stat.S_IRWXO

_TOPIC = "controller"


def look(
    state: Path, boards: int, database: Path | None = None, least_free_bytes: int = LEAST_FREE_BYTES
) -> Iterator[Finding]:
    """Look at this machine, for so many boards; the database is in the folder unless another is given."""
    yield from _folder(state, (database or state / "results.sqlite").parent, least_free_bytes)
    yield _database(database or state / "results.sqlite")
    yield _clock_source()
    yield _wall_clock()
    yield _load(boards)
    yield _open_files(boards)
    yield _prediction()


def _folder(state: Path, records: Path, least_free_bytes: int) -> Iterator[Finding]:
    """Say whether the farm may write where it keeps things, and has room for records; nothing stays behind."""
    there = next(folder for folder in (state.absolute(), *state.absolute().parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            yield Finding(_TOPIC, str(state), "ok", "may be written" if there == state.absolute() else "can be made")
    except OSError as error:
        yield Finding(_TOPIC, str(state), "fail", f"{there}: {error.strerror}", "work in a folder of your own")
    there, free = records.absolute(), free_bytes(records)
    low = "fail" if free < least_free_bytes else "warn" if free < least_free_bytes + _DISK_WARN_BYTES else "ok"
    remedy = "make room; `farm results prune` drops old records" if low != "ok" else ""
    yield Finding(_TOPIC, "disk", low, f"{free / 1e9:.1f} GB free at {there}", remedy)


def _database(path: Path) -> Finding:
    from ...store.migrate import FIRST, newest

    if not path.exists():
        return Finding(_TOPIC, "database", "ok", f"{path}: none yet; the first trial makes it")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as database:
            damage = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            number = FIRST
            if "alembic_version" in tables:
                number = database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except sqlite3.Error as error:
        return Finding(_TOPIC, "database", "fail", f"{path}: {error}", "restore it from a copy, or move it away")
    if damage != "ok":
        return Finding(_TOPIC, "database", "fail", f"{path}: damaged: {damage}", "restore it from a copy")
    if number > newest():
        found = f"{path}: written by a newer farm (tables {number}, this one knows {newest()})"
        return Finding(_TOPIC, "database", "fail", found, "update edge-test-farm, or use another folder")
    later = "" if number == newest() else f"; brought to {newest()} when it is next used"
    return Finding(_TOPIC, "database", "ok", f"{path}: whole, tables {number}{later}")


def _clock_source() -> Finding:
    try:
        source = _CLOCK_SOURCE.read_text(encoding="ascii").strip()
    except OSError:
        return Finding(_TOPIC, "clock source", "warn", "cannot be told here", "timestamps may be coarse; use Linux")
    good = source in _GOOD_CLOCKS
    remedy = "" if good else "reading it is slow: look in the kernel's log why no counter of the processor is used"
    return Finding(_TOPIC, "clock source", "ok" if good else "warn", source, remedy)


def _wall_clock() -> Finding:
    """Ask the kernel whether something keeps the clock right; no trial depends on it, only times in records do."""
    room = (ctypes.c_long * (_TIMEX_BYTES // ctypes.sizeof(ctypes.c_long)))()  # modes 0: only read
    try:
        asked = ctypes.CDLL(None).adjtimex(room)
    except (OSError, AttributeError):
        asked = -1
    if asked < 0:
        return Finding(_TOPIC, "wall clock", "warn", "whether it is kept by NTP cannot be told here", "look yourself")
    if (room[_TIMEX_STATUS] & 0xFFFFFFFF) & _STA_UNSYNC:
        return Finding(_TOPIC, "wall clock", "warn", "not kept by NTP", "start chrony or systemd-timesyncd")
    return Finding(_TOPIC, "wall clock", "ok", "kept by NTP")


def _load(boards: int) -> Finding:
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    found = f"{load:.1f} on {cores} cores, {boards} boards"
    if load <= cores:
        return Finding(_TOPIC, "load", "ok", found)
    return Finding(_TOPIC, "load", "warn", found, "a busy host voids trials: end what else runs here")


def _open_files(boards: int) -> Finding:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = _FILES_ELSE + _FILES_A_BOARD * boards
    if now == resource.RLIM_INFINITY or now >= need:
        limit = "without limit" if now == resource.RLIM_INFINITY else f"{now} allowed"
        return Finding(_TOPIC, "open files", "ok", f"{limit}, {need} are enough for {boards} boards")
    raised = f"ulimit -n {need}" if most == resource.RLIM_INFINITY or most >= need else "raise nofile in limits.conf"
    return Finding(_TOPIC, "open files", "fail", f"{now} allowed, {boards} boards may need {need}", raised)


def _prediction() -> Finding:
    """Say what could hold a board's limits here; nothing is tried."""
    from ...trial.prediction.cgroup import places
    from ...trial.prediction.mechanism import PLATFORM_HINT, offered

    if found := offered(*places()):
        return Finding(_TOPIC, "prediction", "ok", found)
    return Finding(_TOPIC, "prediction", "warn", "nothing here can hold a board's limits", PLATFORM_HINT)


def keys(lab: "Lab") -> Iterator[Finding]:
    """Look at the private keys that real boards are reached with; none is read."""
    from ...lab.secret import key_path

    by_key: dict[str | None, list[str]] = {}
    for name, board in lab.boards.items():
        if not board.twin and board.ssh is not None and board.ssh.password is None:
            by_key.setdefault(board.ssh.key, []).append(name)
    for key, names in by_key.items():
        yield _agent(names) if key is None else _key(key_path(key, lab.path), names)


def _key(path: Path, names: list[str]) -> Finding:
    name = f"key of {', '.join(names)}"
    if not os.access(path, os.R_OK):
        found = "may not be read" if path.exists() else "is not there"
        return Finding("SSH", name, "fail", f"{path} {found}", "correct ssh.key in the inventory, or its rights")
    if path.stat().st_mode & _KEY_OTHERS:
        return Finding("SSH", name, "warn", f"{path} may be read by others", f"chmod 600 {path}")
    return Finding("SSH", name, "ok", str(path))


def _agent(names: list[str]) -> Finding:
    socket = os.environ.get("SSH_AUTH_SOCK", "")
    if socket and Path(socket).is_socket():
        return Finding("SSH", "agent", "ok", f"{socket}, for {', '.join(names)}")
    found = f"SSH_AUTH_SOCK {'names no socket' if socket else 'is not set'}, and {', '.join(names)} name no key"
    return Finding("SSH", "agent", "fail", found, "start it (`eval $(ssh-agent)`, `ssh-add`), or write ssh.key")
