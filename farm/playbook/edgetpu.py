"""The runtime of Coral's Edge TPU."""

from collections.abc import Iterator
from typing import Literal

from pydantic import model_validator

from .files import Source, write
from .packages import AptRepository, install, install_files, installed
from .step import Reading, Step, Target

_VENDOR = AptRepository(
    name="coral-edgetpu",
    uri="https://packages.cloud.google.com/apt",
    suite="coral-edgetpu-stable",
    key_url="https://packages.cloud.google.com/apt/doc/apt-key.gpg",
)
"""Where Coral's own instructions fetch it."""
_CONSENT = "".join(
    f"libedgetpu1-max libedgetpu/{question} boolean true\n" for question in ("accepted-eula", "install-confirm-max")
)
"""What the package of the fast runtime asks while it is installed (debconf)."""


class EdgeTpuRuntime(Step):
    """Coral's runtime for its Edge TPU, from the vendor's package archive, or from a file where there is no network.

    The two speeds are those of the USB accelerator: 250 and 500 MHz; the Dev Board's own runs at 500 MHz with both.
    """

    speed: Literal["std", "max"] = "std"
    """``max`` doubles the USB accelerator's clock; it becomes too hot to touch."""
    accept_licence: bool = False
    """``max`` asks for consent to its licence and its heat: true says that you have given it."""
    deb: Source | None = None
    """The package as a file, seen from the playbook's folder: then neither archive nor network is needed."""

    @model_validator(mode="after")
    def _has_consent(self) -> "EdgeTpuRuntime":
        if self.speed == "max" and not self.accept_licence:
            raise ValueError("libedgetpu1-max asks for consent to its licence and its heat; add `accept_licence: true`")
        return self

    @property
    def title(self) -> str:
        """What it is about."""
        return f"Edge TPU runtime {self._package}"

    def problems(self, reading: Reading) -> Iterator[tuple[str, str]]:
        """See that the file is there."""
        if self.deb is not None and not (reading.folder / self.deb).is_file():
            yield "deb", f"no file {reading.folder / self.deb}; its name is seen from the playbook's folder"

    def differs(self, target: Target) -> str:
        """Ask dpkg."""
        found = installed(target, ["libedgetpu1-std", "libedgetpu1-max"])
        if self._package in found:
            return ""
        return f"{', '.join(found)} is installed instead" if found else "not installed"

    def change(self, target: Target) -> None:
        """Install it; the two exclude each other, so the other one goes."""
        if self.speed == "max":
            target.shell.sudo("debconf-set-selections", stdin=_CONSENT.encode())
        if self.deb is None:
            if _VENDOR.differs(target):
                _VENDOR.change(target)
            install(target, self._package)
            return
        if other := installed(target, [self._other]):
            target.shell.sudo(f"DEBIAN_FRONTEND=noninteractive dpkg -r {' '.join(other)}", timeout_s=120.0)
        path = f"/var/tmp/{self.deb.rpartition('/')[2]}"  # noqa: S108 -- on the board
        write(target, path, (target.folder / self.deb).read_bytes(), "0644")
        install_files(target, [target.path(path)])
        target.shell.sudo(f"rm -f {target.quoted(path)}")

    @property
    def _package(self) -> str:
        return f"libedgetpu1-{self.speed}"

    @property
    def _other(self) -> str:
        return f"libedgetpu1-{'max' if self.speed == 'std' else 'std'}"
