"""Facts of a board as ``name<TAB>value`` lines: what gathers them in one round trip, and what reads them back.

The scripts run in any POSIX shell, and read files with the shell's own ``read``: on a Pi Zero each process
that is not started saves 5 ms of the board's only core (assumed).
"""

from shlex import quote

_PRELUDE = r"""
PATH=$PATH:/usr/sbin:/sbin
fact() { [ -z "$2" ] || printf '%s\t%s\n' "$1" "$2"; }
first() { v=; [ -r "$1" ] && { IFS= read -r v < "$1"; } 2>/dev/null; [ -n "$v" ]; }
file() { first "$2" && fact "$1" "$v"; }
"""
"""``first`` succeeds without a newline at the end too: device-tree strings end with a zero byte."""

IDENTITY = r"""
for f in proc/device-tree sys/firmware/devicetree/base; do file serial.tree "$R/$f/serial-number" && break; done
file serial.soc "$R/sys/devices/soc0/serial_number"
for k in product board; do
  f=$R/sys/class/dmi/id/${k}_serial
  [ ! -e "$f" ] || file "serial.$k" "$f" || fact "serial.$k" "$(sudo -n cat "$f" 2>/dev/null)"
done
file machine_id "$R/etc/machine-id"
file boot_id "$R/proc/sys/kernel/random/boot_id"
fact kernel "$(uname -r)"
[ ! -r "$R/etc/os-release" ] || while IFS='=' read -r k v; do
  case $k in PRETTY_NAME) v=${v#\"}; fact os "${v%\"}";; esac
done < "$R/etc/os-release"
fact python "$(python3 --version 2>&1)"
"""
"""Serial numbers: first the board's own, then that of the system on chip, then the PC firmware's (root only)."""

STATE = r"""
for z in "$R"/sys/class/thermal/thermal_zone*; do first "$z/type" && t=$v && file "celsius.${z##*zone}" "$z/temp" &&
  fact "zone.${z##*zone}" "$t"; done
for c in "$R"/sys/devices/system/cpu/cpu[0-9]*; do
  first "$c/online" && [ "$v" = 0 ] || file "khz.${c##*/}" "$c/cpufreq/scaling_cur_freq"; done
for p in "$R"/sys/devices/system/cpu/cpufreq/policy*; do file "governor.${p##*/}" "$p/scaling_governor"; done
file loadavg "$R/proc/loadavg"
[ ! -r "$R/proc/meminfo" ] || while read -r k v _; do
  [ "$k" != MemAvailable: ] || fact memory_kb "$v"; done < "$R/proc/meminfo"
df -kP "$R/" 2>/dev/null | { read -r _; read -r _ _ _ v _; fact disk_kb "$v"; }
"""

WALL = r"""
fact wall_s "$(date +%s 2>/dev/null)"
"""
"""The board's own date, Unix time: whole seconds, for some boards' ``date`` knows no others."""

COOLING = r"""
for d in "$R"/sys/class/thermal/cooling_device*; do first "$d/type" && t=$v && file "cooling.$t" "$d/cur_state"; done
"""
"""Cooling devices; a fan is one, and so is a processor that is clocked down."""

_PLACES = r"""
file() { first "$2" && printf '%s\t\036%s\n' "$1" "$2"; }
"""
"""Prints where a fact lies instead of the fact: for whoever reads it again and again."""

WATCHED = r"""
file memory_kb "$R/proc/meminfo"
file stat "$R/proc/stat"
"""
"""Facts that only :func:`places` is asked for: files of which more than the first line counts, see its reader."""


def places(root: str, *parts: str) -> str:
    """Return a script that prints, of every fact that is a file, ``name<TAB><RS>path`` (RS: byte 30), else the fact."""
    return f"R={quote(root.rstrip('/'))}{_PRELUDE}{_PLACES}{''.join(parts)}:"


def script(root: str, *parts: str) -> str:
    """Return the parts as one script that reads under a root; ends with status 0 whatever is missing."""
    return f"R={quote(root.rstrip('/'))}{_PRELUDE}{''.join(parts)}:"


def parse(output: bytes) -> dict[str, str]:
    """Return fact → value; the first of a name holds, lines that are no facts are skipped."""
    facts: dict[str, str] = {}
    for line in output.decode("utf-8", "replace").splitlines():
        name, tab, value = line.partition("\t")
        if tab and (value := value.strip().strip("\0")):
            facts.setdefault(name, value)
    return facts


def number(facts: dict[str, str], name: str, scale: float = 1.0) -> float | None:
    """Return a fact as a number times ``scale``; None when it is missing or none."""
    try:
        return float(facts[name]) * scale
    except (KeyError, ValueError):
        return None


def integer(facts: dict[str, str], name: str, scale: int = 1) -> int | None:
    """Return a fact as an integer times ``scale``; None when it is missing or none."""
    try:
        return int(facts[name]) * scale
    except (KeyError, ValueError):
        return None


def starting(facts: dict[str, str], prefix: str) -> dict[str, str]:
    """Return the facts whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in facts.items() if name.startswith(prefix)}
