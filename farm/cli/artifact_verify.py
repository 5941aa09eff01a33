"""``farm artifact verify``: is it whole, and signed by whom it should be."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageFault
from .output import ABSENT, print_json, progress, table

if TYPE_CHECKING:
    from ..artifact.allowed_signers import Signers
    from ..artifact.dataset import Dataset

HELP = "unpack into nowhere and check every hash, and the signature"


def arguments(parser: ArgumentParser) -> None:
    """Add the artifacts, a data set and who may sign."""
    parser.add_argument("artifact", type=Path, nargs="+")
    parser.add_argument("--dataset", type=Path, metavar="PATH", help="check that this data set, preprocessed, fits too")
    parser.add_argument(
        "--signers", type=Path, metavar="FILE", help="each must be signed by one of these: OpenSSH's allowed_signers"
    )
    parser.add_argument("--signer", metavar="NAME", help="by this one of them")


def run(args: Namespace) -> None:
    """Tell every wrong one, and still show the right ones."""
    from ..artifact.allowed_signers import Signers
    from ..artifact.dataset import load_dataset

    if args.signer is not None and args.signers is None:
        raise UsageFault("--signer: among whom? Pass --signers FILE too")
    dataset = load_dataset(args.dataset) if args.dataset else None
    signers = Signers.load(args.signers) if args.signers else None
    rows: list[tuple[str, str, int, int, str | None]] = []
    faults: list[str] = []
    for path in args.artifact:
        progress(f"checking {path}")
        try:
            rows.append(_checked(path, dataset, signers, args.signer))
        except UsageFault as fault:
            faults += fault.faults
    columns = ("artifact", "identity", "files", "bytes", "signed by")
    if args.json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        last = None if signers else -1
        shown = [(name, identity[:12], files, f"{size:,}", by or ABSENT) for name, identity, files, size, by in rows]
        table(columns[:last], [row[:last] for row in shown])
    if faults:
        raise UsageFault(faults)


def _checked(
    path: Path, dataset: "Dataset | None", signers: "Signers | None", signer: str | None
) -> tuple[str, str, int, int, str | None]:
    """Return one right artifact's row; UsageFault for a wrong one."""
    from tempfile import TemporaryDirectory

    from ..artifact.preprocess import require_fit
    from ..artifact.signed import signer_of
    from ..artifact.unpack import open_artifact

    with TemporaryDirectory(prefix="farm-") as folder:
        artifact = open_artifact(path, Path(folder))
    by = None if signers is None else signer_of(path, artifact.manifest, signers, identity=signer)
    if dataset is not None:
        require_fit(artifact.manifest, dataset, str(path))
    return artifact.manifest.name, artifact.id, len(artifact.files), artifact.size_bytes, by
