"""Builds the large nets of the papers with random weights, each as a folder for ``farm artifact pack``.

They are there for speed and watts alone: nothing states an accuracy of them. Without a name: what there is.
"""

import hashlib
import json
import logging
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from large.architectures import ARCHITECTURES
from large.float_model import INPUT, OUTPUT, write_float
from large.graph import Builder, Net
from large.int8_model import CALIBRATION_IMAGES, FACTOR, OFFSET, WEIGHT_MAX, write_int8
from large.onnx_file import Message

from farm.artifact.document import FileFacts, check, identity
from farm.artifact.manifest import Manifest

SIZE = 224
log = logging.getLogger("untrained")


def build(name: str, *, size: int = SIZE, width: float = 1.0) -> Net:
    """Return a net by its name in :data:`ARCHITECTURES`."""
    architecture = ARCHITECTURES[name]
    builder = Builder(size, width)
    architecture.build(builder)
    return builder.net(architecture.title + (f" {width:g}" if width != 1 else ""))


@dataclass(frozen=True)
class Compressed:
    """What was done to a float artifact."""

    parent: str
    """Its identity."""
    form: str

    @property
    def step(self) -> dict[str, Any]:
        """As the manifest tells it."""
        ranges = f"maximum over {CALIBRATION_IMAGES} images of noise"
        weights = {"weights": "int8 per channel, symmetric", "weight_max": WEIGHT_MAX}
        return {"name": "quantise", "parameters": {"form": f"{self.form.upper()} QDQ", **weights, "ranges": ranges}}


def describe(net: Net, name: str, seed: int, model: FileFacts, done: Compressed | None) -> dict[str, Any]:
    """Return the manifest."""
    return {
        "name": name,
        "model": f"{net.title}, random weights (seed {seed})",
        "runtime": "onnx",
        "precision": "int8" if done else "float32",
        "entry": "model.onnx",
        "input": {"name": INPUT, "shape": net.shape, "dtype": "float32", "layout": "NCHW"},
        "output": {"name": OUTPUT, "shape": net.nodes[-1].shape, "dtype": "float32"},
        "preprocess": {"steps": [{"name": "scale", "factor": FACTOR, "offset": OFFSET}]},
        "decode": "argmax",
        "compression": [done.step] if done else [],
        "files": {"model.onnx": model.model_dump(exclude_none=True)},
        **({"parent": done.parent} if done else {}),
    }


def keep(net: Net, model: Message, folder: Path, seed: int, done: Compressed | None = None) -> str:
    """Write a folder for ``farm artifact pack`` and return the identity that its artifact will have."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with (folder / "model.onnx").open("wb") as file:
        for piece in model:
            digest.update(piece)
            file.write(piece)
        size_bytes = file.tell()
    facts = FileFacts(sha256=digest.hexdigest(), size=size_bytes)
    described = describe(net, folder.name, seed, facts, done)
    known = identity(check(Manifest, described, folder.name))
    (folder / "manifest.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    log.info("%s: %s bytes, identity %s", folder, f"{size_bytes:,}", known)
    return known


def overview() -> None:
    """Say what there is."""
    log.info("%-13s %12s %9s  %s", "", "parameters", "million", "")
    log.info("%-13s %12s %9s  %s", "net", "and biases", "MACs", "from")
    for name, architecture in ARCHITECTURES.items():
        net = build(name)
        log.info("%-13s %12s %9s  %s", name, f"{net.parameters:,}", f"{net.macs / 1e6:,.0f}", architecture.source)


def make(arguments: Namespace) -> None:
    """Write the nets that were asked for."""
    for name in arguments.net:
        net = build(name, size=arguments.size, width=arguments.width)
        thin = f"-{arguments.width:g}" if arguments.width != 1 else ""
        folder: Path = arguments.out / (name + thin + (f"-{arguments.size}" if arguments.size != SIZE else ""))
        log.info("%s: %s parameters, %s million MACs", folder.name, f"{net.parameters:,}", f"{net.macs / 1e6:,.1f}")
        parent = keep(net, write_float(net, arguments.seed), folder, arguments.seed)
        for form in arguments.forms:
            done = Compressed(parent, form)
            target = folder.with_name(f"{folder.name}-{done.form}")
            keep(net, write_int8(net, arguments.seed, done.form), target, arguments.seed, done)


def main() -> None:
    """Read the command line and do what it says."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("net", nargs="*", metavar="NET", help=", ".join(ARCHITECTURES))
    parser.add_argument(
        "-o", "--out", type=Path, default=Path(), metavar="DIR", help="a folder for each goes there [.]"
    )
    for flags, form, what in (
        (("--int8", "--s8s8"), "s8s8", "8-bit integers besides; needs onnxruntime"),
        (("--u8s8",), "u8s8", "the same with unsigned activations, which x86 computes"),
    ):
        parser.add_argument(*flags, dest="forms", action="append_const", const=form, default=[], help=what)
    parser.add_argument("--width", type=float, default=1.0, metavar="N", help="times the channels of every layer [1]")
    parser.add_argument("--size", type=int, default=SIZE, metavar="PIXELS", help=f"height and width [{SIZE}]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the weights [0]")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if unknown := [name for name in arguments.net if name not in ARCHITECTURES]:
        parser.error(f"no net {', '.join(unknown)}; there are {', '.join(ARCHITECTURES)}")
    if not 0 < arguments.width <= 4:
        parser.error(f"--width {arguments.width:g}: want more than 0, at most 4")
    if not 64 <= arguments.size <= 1024:
        parser.error(f"--size {arguments.size}: want 64 to 1024")
    if arguments.forms and find_spec("onnxruntime") is None:
        parser.error("8-bit forms need onnxruntime: pip install 'edge-test-farm[onnx]'")
    if arguments.seed < 0:
        parser.error(f"--seed {arguments.seed}: want 0 or more")
    if arguments.net:
        make(arguments)
    else:
        overview()


if __name__ == "__main__":
    main()
