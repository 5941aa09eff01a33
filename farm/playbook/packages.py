"""Packages of a Debian-like system, and where they come from."""

from collections.abc import Iterator
from shlex import quote
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .files import Source, read_text, write
from .step import Reading, Step, Target

_FETCH_S = 300.0
"""For apt's lists over a slow link (assumed)."""
_INSTALL_S = 1200.0
"""For a package with everything below it on a Pi Zero's card (assumed)."""
_QUIET = "DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=120"
"""Asks nothing, and waits for the updates that an image starts at boot."""
_KEYRINGS = "/etc/apt/keyrings"
_ARMOUR = b"-----BEGIN PGP"

_Component = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
PackageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$")]


class Packages(Step):
    """Debian packages that are installed, or are not."""

    names: Annotated[list[PackageName], Field(min_length=1)]
    """Each a name, or ``name=version`` for just that version."""
    state: Literal["present", "absent"] = "present"
    """Whether they are installed."""

    @model_validator(mode="after")
    def _absent_has_no_version(self) -> "Packages":
        if self.state == "absent" and any("=" in name for name in self.names):
            raise ValueError("a package that is absent has no version; write the name alone")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"packages {'absent: ' * (self.state == 'absent')}{' '.join(self.names)}"

    def differs(self, target: Target) -> str:
        """Ask dpkg, which needs no network."""
        return "; ".join(self._wrong(target).values())

    def change(self, target: Target) -> None:
        """Install or remove what differs; the lists are fetched first, for an image's are old."""
        names = " ".join(self._wrong(target))
        if self.state == "absent":
            target.shell.sudo(f"{_QUIET} remove {names}", timeout_s=_INSTALL_S)
        else:
            install(target, names, "--allow-downgrades" if "=" in names else "")

    def _wrong(self, target: Target) -> dict[str, str]:
        """Return entry → what is wrong with it."""
        found = installed(target, [name.partition("=")[0] for name in self.names])
        wrong: dict[str, str] = {}
        for entry in self.names:
            name, _, version = entry.partition("=")
            if self.state == "absent":
                if name in found:
                    wrong[entry] = f"installed: {name}"
            elif name not in found:
                wrong[entry] = f"not installed: {name}"
            elif version and found[name] != version:
                wrong[entry] = f"{name} is {found[name]}, not {version}"
        return wrong


class AptRepository(Step):
    """A package archive beside the system's own, with the key that signs it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Of its files under ``/etc/apt``."""
    uri: Annotated[str, Field(pattern=r"^(https?|file)://[^\s\[\]]+$")]
    """Where it is."""
    suite: Annotated[str, Field(pattern=r"^[A-Za-z0-9./_-]+$")]
    """As behind the address in a ``deb`` line."""
    components: list[_Component] = Field(default_factory=lambda: ["main"])
    """As behind the suite."""
    key_url: Annotated[str, Field(pattern=r"^https://\S+$")] | None = None
    """Where the board fetches the signing key; either this or ``key_file``."""
    key_file: Source | None = None
    """The signing key as a file, seen from the playbook's folder: needs no network, and nobody can exchange it."""

    @model_validator(mode="after")
    def _has_one_key(self) -> "AptRepository":
        if (self.key_url is None) == (self.key_file is None):
            raise ValueError("wants one of `key_url:` and `key_file:`: without its key apt installs nothing from there")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"package archive {self.name}"

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """See that the key is there."""
        if self.key_file is not None and not (reading.folder / self.key_file).is_file():
            yield "key_file", f"no file {reading.folder / self.key_file}; its name is seen from the playbook's folder"

    def differs(self, target: Target) -> str:
        """Compare the list entry, and the key where the playbook has its bytes; one that was fetched stays trusted."""
        keys = self._keys(target)
        if len(keys) != 1:
            return "its key is not there" if not keys else "two keys lie there"
        if self.key_file is not None and keys[0][1] != (target.folder / self.key_file).read_bytes():
            return "its key is another one"
        entry = read_text(target, self._list())
        if entry is None:
            return "is not there"
        return "" if entry == self._entry(keys[0][0]) else "its list entry differs"

    def change(self, target: Target) -> None:
        """Put the key there first, then the entry that names it."""
        if self.key_file is not None:
            data = (target.folder / self.key_file).read_bytes()
        else:
            data = target.shell.sudo(_fetching(str(self.key_url)), timeout_s=_FETCH_S).stdout
        path = f"{_KEYRINGS}/{self.name}.{'asc' if data.lstrip().startswith(_ARMOUR) else 'gpg'}"
        target.shell.sudo(f"rm -f {' '.join(target.quoted(f'{_KEYRINGS}/{self.name}.{e}') for e in ('asc', 'gpg'))}")
        write(target, path, data, "0644")
        write(target, self._list(), self._entry(path).encode(), "0644")

    def _list(self) -> str:
        return f"/etc/apt/sources.list.d/{self.name}.list"

    def _entry(self, key: str) -> str:
        return f"deb [signed-by={key}] {self.uri} {self.suite} {' '.join(self.components)}\n"

    def _keys(self, target: Target) -> list[tuple[str, bytes]]:
        paths = [f"{_KEYRINGS}/{self.name}.{ending}" for ending in ("asc", "gpg")]
        answers = [(path, target.ask(f"cat {target.quoted(path)}")) for path in paths]
        return [(path, answer.stdout) for path, answer in answers if answer.exit_status == 0]


def installed(target: Target, names: list[str]) -> dict[str, str]:
    """Return name → version of those of the packages that are installed."""
    form = r"${db:Status-Abbrev} ${Package} ${Version}\n"
    answer = target.ask(f"dpkg-query -W -f '{form}' {' '.join(names)}")
    # the second letter is the state, the first what is wanted: a package on hold is installed too (dpkg-query(1))
    rows = [line.split() for line in answer.text.splitlines() if line[1:3] == "i "]
    return {row[1]: row[2] for row in rows}


def install(target: Target, names: str, options: str = "", *, timeout_s: float = _INSTALL_S) -> None:
    """Fetch apt's lists, and install packages with what they need."""
    target.shell.sudo(f"{_QUIET} update", timeout_s=_FETCH_S)
    target.shell.sudo(f"{_QUIET} install --no-install-recommends {options} {names}", timeout_s=timeout_s)


def install_files(target: Target, paths: list[str]) -> None:
    """Install package files that lie on the board; nothing is fetched, so what they need must be there."""
    target.shell.sudo(f"DEBIAN_FRONTEND=noninteractive dpkg -i {' '.join(map(quote, paths))}", timeout_s=_INSTALL_S)


def _fetching(url: str) -> str:
    """Return what prints a page, with whichever of the usual programs is there."""
    return f"if command -v curl >&2; then curl -fsSL {quote(url)}; else wget -qO- {quote(url)}; fi"
