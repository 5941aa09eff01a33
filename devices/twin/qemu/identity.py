"""What makes an image one certain board."""

import io
import tarfile
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@dataclass(frozen=True, slots=True)
class Identity:
    """A name, a user, keys, a serial number."""

    name: str
    """Its host name."""
    user: str
    password: str
    authorized_key: str
    serial_number: str
    host_key: bytes
    """Private, as OpenSSH writes it."""
    host_key_public: str

    @classmethod
    def new(cls, name: str, *, user: str, password: str, authorized_key: str, serial_number: str) -> Self:
        """Return a board with a host key of its own."""
        key = Ed25519PrivateKey.generate()
        return cls(
            name=name,
            user=user,
            password=password,
            authorized_key=authorized_key,
            serial_number=serial_number,
            host_key=key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
            host_key_public=key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
        )

    def seed(self) -> bytes:
        """Return the tar archive that ``recipe/first-boot`` makes the board of."""
        told = f"USER={self.user}\nPASSWORD={self.password}\nHOST={self.name}\n"
        files = {
            "etc/edge-test-farm/seed": (0o600, told.encode()),
            "etc/edge-test-farm/authorized_keys": (0o600, self.authorized_key.encode() + b"\n"),
            "etc/ssh/ssh_host_ed25519_key": (0o600, self.host_key),
            "etc/ssh/ssh_host_ed25519_key.pub": (0o644, self.host_key_public.encode() + b"\n"),
        }
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, (mode, data) in files.items():
                entry = tarfile.TarInfo(name)
                entry.mode, entry.size = mode, len(data)
                tar.addfile(entry, io.BytesIO(data))
        return archive.getvalue()
