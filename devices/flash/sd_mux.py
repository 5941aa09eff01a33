"""An SD card between board and host: a multiplexer of the usbsdmux type, written here, read back, given back."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self, cast

from pydantic import BaseModel, Field

from ..errors import BadImage, FlashFault
from . import program
from .block import Card, pieces, spans
from .bmap import Bmap, parse
from .disk import Disk, Mux
from .flasher import WHOLE, Image, Options, Progress, Seat, Written
from .image import content, inspect

_SWITCH_S = 20.0
"""The program talks to one chip over USB (assumed)."""
_CARD_S = 15.0
"""From switching to the host until the reader has read the card's size (assumed)."""
_LOOK_S = 0.1


class SdMuxConfig(Options):
    """How the multiplexer is found, and what card may be in it."""

    serial: str = Field(min_length=1)
    """Printed on it, and part of ``/dev/usb-sd-mux/id-SERIAL``."""
    card_bytes: int | None = Field(default=None, gt=0)
    """The card's size, exactly; absent: any up to ``max_card_bytes``."""
    max_card_bytes: int = Field(default=512_000_000_000, gt=0)
    """What is larger is no card (assumed: SDXC cards of 512 GB are the largest that boards are given)."""
    program: str = Field(default="usbsdmux", min_length=1)
    root: str = Field(default="/", pattern="^/")
    """Where ``/dev``, ``/sys`` and ``/proc`` begin."""


class SdMux:
    """Takes the card from a board that is off, writes it, verifies it by reading it back, and gives it back."""

    Config: ClassVar[type[BaseModel]] = SdMuxConfig

    def __init__(self, name: str, config: SdMuxConfig) -> None:
        """Take the board's name and what the inventory says."""
        self.name, self._config = name, config
        self._mux = Mux(name, config.serial, Path(config.root))

    @classmethod
    def of(cls, name: str, config: BaseModel) -> Self:
        """Return the flasher of a board."""
        return cls(name, cast("SdMuxConfig", config))

    def ties(self) -> str | None:
        """Only this multiplexer is written, and it sits in one board's slot."""
        return f"SD multiplexer {self._config.serial}"

    def plan(self, images: Sequence[Image]) -> list[str]:
        """Read the image to its end and look for the multiplexer; see :class:`devices.flash.flasher.Flasher`."""
        image = self._one(images)
        program.find(self.name, self._config.program, install="usbsdmux (pipx install usbsdmux)")
        self._mux.check()
        facts, bmap = inspect(self.name, image.path), self._bmap(image.path)
        if bmap is None:
            what = f"{facts.size_bytes:,} bytes"
        else:
            if bmap.image_bytes != facts.size_bytes:
                raise self._bad_map(image.path, f"is for an image of {bmap.image_bytes}, not {facts.size_bytes} bytes")
            with content(self.name, image.path) as stream:
                for _ in pieces(self.name, stream, bmap):
                    pass
            what = f"{bmap.mapped_bytes:,} of {facts.size_bytes:,} bytes, by its block map,"
        return [f"write {image.path.name}, {what} to the card of {self.ties()}, and read it back"]

    def write(self, seat: Seat, images: Sequence[Image], progress: Progress) -> Written:
        """See :class:`devices.flash.flasher.Flasher`; the board is switched off, and stays off."""
        image = self._one(images)
        facts, bmap = inspect(self.name, image.path), self._bmap(image.path)
        total = facts.size_bytes if bmap is None else bmap.mapped_bytes
        progress("taking the card from the board", None)
        seat.off()  # a card is not taken from a system that writes to it
        with self._at_host() as disk, seat.writing() as still:
            self._check_size(disk, facts.size_bytes)
            self._mux.check_free(disk)
            with Card.opened(self.name, disk.node) as card:
                with content(self.name, image.path) as stream:
                    card.write(pieces(self.name, stream, bmap), total, progress, still)
                card.verify(spans(facts, bmap), progress)
        return Written(total, "read back from the card")

    def _one(self, images: Sequence[Image]) -> Image:
        if len(images) != 1 or images[0].partition != WHOLE:
            named = ", ".join(image.partition or image.path.name for image in images) or "none"
            raise BadImage(self.name, f"sd-mux writes one image of a whole card, not {named}")
        return images[0]

    def _bmap(self, image: Path) -> Bmap | None:
        """Return the block map that lies beside the image, as bmaptool names it: ``card.bmap`` or ``card.img.bmap``."""
        for path in dict.fromkeys((image.with_name(f"{image.name}.bmap"), *_without_endings(image))):
            if path.exists():
                try:
                    return parse(path.read_bytes())
                except (ValueError, OSError) as error:
                    raise self._bad_map(path, str(error)) from error
        return None

    def _bad_map(self, path: Path, what: str) -> BadImage:
        return BadImage(
            self.name, f"{path}: {what}", hint="`bmaptool create` makes a new one; without one all is written"
        )

    @contextmanager
    def _at_host(self) -> Generator[Disk]:
        """Have the card here; it is the board's again afterwards, whatever happens."""
        self._switch("host")
        try:
            yield self._wait_card()
        finally:
            self._switch("dut")

    def _switch(self, side: str) -> None:
        found = program.find(self.name, self._config.program, install="usbsdmux (pipx install usbsdmux)")
        command = [found, str(self._mux.control), side]
        exit_status, said = program.run(self.name, command, timeout_s=_SWITCH_S)
        if exit_status:
            what = f"{self._config.program} ended with status {exit_status}{program.told(said.splitlines())}"
            raise FlashFault(self.name, what, hint="it needs write access to the multiplexer: its udev rule, or root")

    def _wait_card(self) -> Disk:
        deadline_ns = time.monotonic_ns() + int(_CARD_S * 1e9)
        while not (disk := self._mux.disk()).size_bytes:
            if time.monotonic_ns() > deadline_ns:
                what = f"{self.ties()}: no card is seen within {_CARD_S:g} s ({disk.name} has no size)"
                raise FlashFault(self.name, what, hint="is there a card in it?")
            time.sleep(_LOOK_S)
        return disk

    def _check_size(self, disk: Disk, image_bytes: int) -> None:
        wanted, config = self._config.card_bytes, self._config
        if disk.size_bytes < image_bytes:
            what = f"the image has {image_bytes:,} bytes, the card {disk.size_bytes:,}"
        elif wanted is not None and disk.size_bytes != wanted:
            what = f"{disk.name} has {disk.size_bytes:,} bytes, the inventory says {wanted:,} (`card_bytes`)"
        elif disk.size_bytes > config.max_card_bytes:
            what = f"{disk.name} has {disk.size_bytes:,} bytes: more than a card has (`max_card_bytes`)"
        else:
            return
        raise FlashFault(self.name, f"{what}; it is not written", hint="is it the card, and the right one?")


def _without_endings(image: Path) -> list[Path]:
    """``card.img.gz`` → ``card.img.bmap``, ``card.bmap``."""
    stem, paths = image, list[Path]()
    while stem.suffix:
        stem = stem.with_suffix("")
        paths.append(stem.with_name(f"{stem.name}.bmap"))
    return paths
