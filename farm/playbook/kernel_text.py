"""Kernel arguments in the files of boot loaders: text in, text out, no board."""

import re
from collections.abc import Callable, Sequence

REPEATED = ("console", "earlycon", "earlyprintk", "cma", "video", "memmap", "blacklist")
"""May stand several times, each with a meaning of its own (kernel documentation, kernel-parameters); of any other
name the last one wins, so a second one would only hide the first."""

_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')
"""An argument; blanks inside double quotes belong to it."""
_GRUB = re.compile(r"^(GRUB_CMDLINE_LINUX(?:_DEFAULT)?)=(.*)$", re.MULTILINE)
_APPEND = re.compile(r"^([ \t]*APPEND[ \t]+)(.*)$", re.MULTILINE | re.IGNORECASE)
_LINUX = re.compile(r"^\s*linux(?:efi|16)?\s+\S*(?:vmlinuz|[iI]mage)\S*[ \t]*(.*)$", re.MULTILINE)

Edit = Callable[[str, Sequence[str], Sequence[str]], str]


class NotEditable(ValueError):
    """The file is of a form in which nothing is changed from here."""


def words(line: str) -> list[str]:
    """Return the arguments of a command line."""
    return _WORD.findall(line)


def edited(line: str, present: Sequence[str], absent: Sequence[str]) -> str:
    """Return a command line that holds the one and not the other.

    An argument ``name=value`` takes the place of another value of the name, unless the name may stand several times.
    An absent one without ``=`` means every value of the name.
    """
    kept = [word for word in words(line) if not _is_any_of(word, absent)]
    for wanted in present:
        name, equals, _ = wanted.partition("=")
        if equals and name not in REPEATED:
            rivals = [n for n, word in enumerate(kept) if word.partition("=")[0] == name]
            if rivals:
                kept[rivals[0]] = wanted
                kept = [word for n, word in enumerate(kept) if n not in rivals[1:]]
                continue
        if wanted not in kept:
            kept.append(wanted)
    return line if kept == words(line) else " ".join(kept)


def edited_cmdline(text: str, present: Sequence[str], absent: Sequence[str]) -> str:
    """Return a Raspberry Pi's ``cmdline.txt``: the firmware reads its first line alone."""
    first, newline, rest = text.partition("\n")
    return edited(first.strip(), present, absent) + (newline or "\n") + rest if first.strip() else _nothing("is empty")


def edited_grub(text: str, present: Sequence[str], absent: Sequence[str]) -> str:
    """Return ``/etc/default/grub``: absent from both its lines, present in the one that every menu entry gets.

    Raises:
        NotEditable: a line computes its value.
    """
    every = "GRUB_CMDLINE_LINUX"
    found = {match[1]: _unquoted(match[2]) for match in _GRUB.finditer(text)}
    rivals = [arg.partition("=")[0] for arg in present if "=" in arg and arg.partition("=")[0] not in REPEATED]
    wanted = {
        name: edited(value, present if name == every else (), [*absent, *(rivals if name != every else ())])
        for name, value in ({every: ""} | found).items()
    }

    def put(match: re.Match[str]) -> str:
        name = match[1]
        return match[0] if wanted[name] == found[name] else f'{name}="{_quoted(wanted[name])}"'

    out = _GRUB.sub(put, text)
    if every not in found and wanted[every]:
        out += ("" if out.endswith("\n") or not out else "\n") + f'{every}="{_quoted(wanted[every])}"\n'
    return out


def edited_extlinux(text: str, present: Sequence[str], absent: Sequence[str]) -> str:
    """Return ``extlinux.conf`` with every entry's ``APPEND`` edited, so that a backup entry boots alike.

    Raises:
        NotEditable: no entry has one.
    """
    if not _APPEND.search(text):
        return _nothing("has no APPEND line")
    return _APPEND.sub(lambda match: match[1] + edited(match[2].strip(), present, absent), text)


def lacking(grub_cfg: str, present: Sequence[str], absent: Sequence[str]) -> bool:
    """Return whether an entry of a generated ``grub.cfg`` would boot otherwise: ``update-grub`` is still to run."""
    lines = [words(match[1]) for match in _LINUX.finditer(grub_cfg)]
    return (
        any(not set(present) <= set(line) or any(_is_any_of(word, absent) for word in line) for line in lines)
        or not lines
    )


def _is_any_of(word: str, absent: Sequence[str]) -> bool:
    return word in absent or word.partition("=")[0] in absent


def _unquoted(value: str) -> str:
    value = value.strip()
    if value[:1] == "'" and value.endswith("'") and len(value) > 1:
        return value[1:-1]
    if value[:1] == '"' and value.endswith('"') and len(value) > 1:
        value = value[1:-1].replace('\\"', '"')
    if re.search(r"[$`\\']", value):
        return _nothing(f"computes its kernel arguments: {value}")
    return value


def _quoted(value: str) -> str:
    return value.replace('"', '\\"')


def _nothing(why: str) -> str:
    raise NotEditable(why)
