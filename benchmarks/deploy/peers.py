"""ssh, scp and rsync over one open connection, scp as it is used as well, and labgrid with its own."""

import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .. import labgrid
from ..ssh.server import Server

CIPHER = "aes128-gcm@openssh.com"
_MOST_S = 300.0


@dataclass(frozen=True, slots=True)
class Peers:
    """Each returns the seconds that it took for one file."""

    server: Server
    options: list[str]
    file: Path
    folder: Path

    def ssh_cat(self) -> float:
        place = self._place()
        with self.file.open("rb") as file:
            return _seconds(["ssh", *self.options, "board", f"cat > {place}"], stdin=file)

    def ssh_true(self) -> float:
        """What of the others' seconds is the start of a program here and one there."""
        return _seconds(["ssh", *self.options, "board", "true"])

    def scp(self) -> float:
        """As it is used: it opens a connection for itself."""
        return _seconds(["scp", "-q", *self.options, "-oControlPath=none", str(self.file), f"board:{self._place()}"])

    def scp_over_open(self) -> float:
        return _seconds(["scp", "-q", *self.options, str(self.file), f"board:{self._place()}"])

    def rsync(self) -> float:
        rsync = str(shutil.which("rsync"))
        shell = " ".join(["ssh", *self.options])
        return _seconds([rsync, "-z", "--rsync-path", rsync, "-e", shell, str(self.file), f"board:{self._place()}"])

    def labgrid(self) -> float:
        words = [labgrid.python(), Path(__file__).with_name("theirs.py"), self.server.user, self.server.key]
        done = subprocess.run(
            [*words, str(self.server.port), self.file, self._place()],
            capture_output=True,
            text=True,
            timeout=_MOST_S,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"benchmark: labgrid's side failed: {done.stderr[-600:]}")
        return float(done.stdout.splitlines()[-1])

    def _place(self) -> Path:
        place = self.folder / "theirs"
        place.unlink(missing_ok=True)
        return place


@contextmanager
def connected(server: Server, file: Path, folder: Path) -> Generator[Peers]:
    """Open the connection that ssh, scp and rsync share."""
    (folder / "known").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n", encoding="utf-8")
    config = folder / "config"
    config.write_text(
        f"Host board\nHostName 127.0.0.1\nPort {server.port}\nUser {server.user}\nIdentityFile {server.key}\n"
        f"UserKnownHostsFile {folder}/known\nCiphers {CIPHER}\nControlPath {folder}/master\nIPQoS none\n",
        encoding="utf-8",
    )
    ssh, options = str(shutil.which("ssh")), ["-F", str(config)]
    subprocess.run([ssh, *options, "-MNf", "board"], check=True, timeout=_MOST_S)
    try:
        yield Peers(server, options, file, folder)
    finally:
        subprocess.run([ssh, *options, "-O", "exit", "board"], check=False, capture_output=True, timeout=_MOST_S)


def _seconds(words: list[str], stdin: IO[bytes] | None = None) -> float:
    begin = time.perf_counter()
    done = subprocess.run(words, stdin=stdin or subprocess.DEVNULL, capture_output=True, timeout=_MOST_S, check=False)
    if done.returncode:
        raise SystemExit(f"benchmark: {words[0]} failed: {done.stderr.decode()[-600:]}")
    return time.perf_counter() - begin
