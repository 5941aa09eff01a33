"""``farm artifact sign``: put an SSH signature beside a packed model."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import UsageFault
from .output import print_json, say

HELP = "sign with an SSH key, as `ssh-keygen -Y sign` would; FILE.sig lies beside it then"


def arguments(parser: ArgumentParser) -> None:
    """Add the artifacts, the key and its passphrase."""
    parser.add_argument("artifact", type=Path, nargs="+")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="an OpenSSH private key")
    parser.add_argument("--passphrase", metavar="WHERE", help="of the key: env:NAME or file:PATH")


def run(args: Namespace) -> None:
    """Sign each, or none where one of them is no artifact."""
    from ..artifact.signed import load_key, sign_artifact, signature_path
    from ..artifact.unpack import read_manifest
    from ..lab.fields import is_reference
    from ..lab.secret import reveal

    passphrase = None
    if args.passphrase is not None:
        if not is_reference(args.passphrase):
            raise UsageFault("--passphrase: a secret must not stand on a command line; write env:NAME or file:PATH")
        passphrase = reveal(args.passphrase, "--passphrase", Path("farm artifact sign"))
    key = load_key(args.key, passphrase)
    faults: list[str] = []
    for path in args.artifact:
        try:
            read_manifest(path)
        except UsageFault as fault:
            faults += fault.faults
    if faults:
        raise UsageFault(faults)
    signed = [(path, sign_artifact(path, key)) for path in args.artifact]
    if args.json:
        print_json([{"signature": str(signature_path(path)), "key": by.fingerprint} for path, by in signed])
        return
    for path, by in signed:
        say(f"{signature_path(path)}: signed with {by.fingerprint}")
