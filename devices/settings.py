"""What can be set on a board and put back as it was: shell scripts as data, one entry a setting.

They run as root in a POSIX shell. ``R`` is the board's root, ``V`` the wanted value.
"""

from dataclasses import dataclass, replace
from shlex import quote

_PRELUDE = "PATH=$PATH:/usr/sbin:/sbin; R={root}; V={value}\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """How one thing is saved, changed and put back."""

    save: str
    """Prints what :attr:`put_back` needs; prints nothing where the board has no such thing."""
    change: str
    put_back: str
    """Reads on standard input what :attr:`save` printed."""
    values: str
    """Regular expression of what may be asked for."""
    until_reboot: bool = True
    """False: it survives a reboot."""
    steady: bool = True
    """Saved again, it says the same; False for what the board moves by itself."""

    @staticmethod
    def script(part: str, root: str, value: str = "") -> str:
        """Return one of the scripts, ready to run."""
        return _PRELUDE.format(root=quote(root.rstrip("/")), value=quote(value)) + part


def files(*patterns: str, values: str, steady: bool = True) -> Setting:
    """Return the setting that lies in files: all that match and can be read get the value."""
    each = " ".join(f'"$R"{pattern}' for pattern in patterns)
    return Setting(
        save=f"""for f in {each}; do
  {{ IFS= read -r v < "$f"; }} 2>/dev/null && printf '%s\\t%s\\n' "${{f#"$R"}}" "$v"
done; :""",
        change=f"""found=; for f in {each}; do
  {{ IFS= read -r v < "$f"; }} 2>/dev/null || continue
  printf '%s\\n' "$V" > "$f" || exit 1; found=1
done; [ -n "$found" ]""",
        put_back="""tab=$(printf '\\t'); while IFS=$tab read -r f v; do printf '%s\\n' "$v" > "$R$f" || exit 1; done""",
        values=values,
        steady=steady,
    )


_GOVERNORS = files("/sys/devices/system/cpu/cpufreq/policy*/scaling_governor", values="[a-z_]+")
_KNOWN = """for f in "$R"/sys/devices/system/cpu/cpufreq/policy*/scaling_available_governors; do
  { IFS= read -r v < "$f"; } 2>/dev/null || continue
  case " $v " in *" $V "*) ;; *) echo "no governor $V; there are $v" >&2; exit 1;; esac
done
"""
"""Afterwards: a kernel loads a governor's module when it is written, and lists it from then on."""
GOVERNOR = replace(_GOVERNORS, change=f"( {_GOVERNORS.change} ); s=$?\n{_KNOWN}exit $s")
"""CPU frequency governor of every policy whose cores are on."""
