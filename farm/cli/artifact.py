"""``farm artifact``: pack a model, look into a packed one, check it."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Exit, UsageFault
from .common import add_json
from .output import print_json, progress, say, table

if TYPE_CHECKING:
    from ..artifact.dataset import Dataset
    from ..artifact.manifest import Manifest

HELP = "pack a model with its manifest, look into a packed one, check it"


def arguments(parser: ArgumentParser) -> None:
    """Add pack, inspect and verify."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    pack = actions.add_parser("pack", help="make one file of a folder that holds a model and its manifest.json")
    pack.add_argument("folder", type=Path)
    pack.add_argument("-o", "--out", type=Path, metavar="FILE", help="[FOLDER.tar.zst beside the folder]")
    pack.set_defaults(action=_pack)
    inspect = actions.add_parser("inspect", help="show the manifest; the model itself is not read")
    inspect.add_argument("artifact", type=Path)
    inspect.set_defaults(action=_inspect)
    verify = actions.add_parser("verify", help="unpack into nowhere and check every hash")
    verify.add_argument("artifact", type=Path, nargs="+")
    verify.add_argument("--dataset", type=Path, metavar="PATH", help="check that this data set, preprocessed, fits too")
    verify.set_defaults(action=_verify)
    for action in (pack, inspect, verify):
        add_json(action)


def run(args: Namespace) -> int:
    """Do the action; wrong input is told with every fault at once."""
    args.action(args)
    return Exit.PASS


def _pack(args: Namespace) -> None:
    from ..artifact.pack import pack

    folder = args.folder.resolve()
    out = args.out or folder.with_name(f"{folder.name}.tar.zst")
    identity = pack(folder, out)
    size_bytes = out.stat().st_size
    if args.json:
        print_json({"id": identity, "path": str(out), "size_bytes": size_bytes})
    else:
        say(f"{out}: {size_bytes:,} bytes, identity {identity}")


def _inspect(args: Namespace) -> None:
    from ..artifact.manifest import identity
    from ..artifact.unpack import read_manifest

    manifest = read_manifest(args.artifact)
    if args.json:
        head = {"id": identity(manifest), "size_bytes": args.artifact.stat().st_size}
        print_json(head | manifest.model_dump(mode="json", exclude_none=True))
        return
    facts = {"identity": identity(manifest), **_facts(manifest)}
    width = max(map(len, facts))
    for name, value in facts.items():
        say(f"{name.ljust(width)}  {value}")


def _facts(manifest: "Manifest") -> dict[str, str]:
    given = manifest.input
    shape = "x".join(map(str, given.shape))
    steps = [f"{step.name}{_parameters(step.model_dump(exclude={'name'}))}" for step in manifest.preprocess.steps]
    return {
        "name": manifest.name,
        "model": f"{manifest.model}, {manifest.precision}, for {manifest.runtime}",
        "input": f"{given.name} {shape} {given.dtype} {given.layout}",
        "made by": ", ".join(steps) or "the image as it is",
        **_scores(manifest),
        "compression": ", then ".join(s.name + _parameters(s.parameters) for s in manifest.compression) or "none",
        "files": ", ".join(f"{name} {facts.size:,} bytes" for name, facts in sorted(manifest.files.items())),
    }


def _scores(manifest: "Manifest") -> dict[str, str]:
    dataset, baseline, expected = manifest.dataset, manifest.baseline, manifest.expected
    if dataset is None or baseline is None or expected is None:
        return {"accuracy": "none is stated: the manifest names no data set"}
    return {
        "data set": f"{dataset.name} {dataset.id[:12]}",
        "accuracy": f"{expected.fraction:.2%} ({expected.correct} of {expected.total})",
        "baseline": f"{baseline.fraction:.2%} ({baseline.artifact}); loss {baseline.fraction - expected.fraction:.2%}",
    }


def _parameters(values: dict[str, Any]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in values.items())})" if values else ""


def _verify(args: Namespace) -> None:
    from ..artifact.dataset import load_dataset

    dataset = load_dataset(args.dataset) if args.dataset else None
    rows: list[tuple[str, str, int, int]] = []
    faults: list[str] = []
    for path in args.artifact:
        progress(f"checking {path}")
        try:
            rows.append(_checked(path, dataset))
        except UsageFault as fault:
            faults += fault.faults
    columns = ("artifact", "identity", "files", "bytes")
    if args.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        table(columns, [(name, identity[:12], files, f"{size:,}") for name, identity, files, size in rows])
    if faults:
        raise UsageFault(faults)


def _checked(path: Path, dataset: "Dataset | None") -> tuple[str, str, int, int]:
    """Return one right artifact's row; UsageFault for a wrong one."""
    from tempfile import TemporaryDirectory

    from ..artifact.preprocess import require_fit
    from ..artifact.unpack import open_artifact

    with TemporaryDirectory(prefix="farm-") as folder:
        artifact = open_artifact(path, Path(folder))
    if dataset is not None:
        require_fit(artifact.manifest, dataset, str(path))
    return artifact.manifest.name, artifact.id, len(artifact.files), artifact.size_bytes
