"""labgrid, the peer that others measure against, in an environment of its own: its pins must not become ours."""

import subprocess
import sys
from pathlib import Path

VERSION = "26.0.1"
_HOME = Path(".farm/benchmarks") / f"labgrid-{VERSION}"
_INSTALL_S = 600.0


def python() -> Path:
    """Return the Python that has it, installed at the first call.

    Raises:
        SystemExit: it cannot be installed; says why.
    """
    found = _HOME / "bin" / "python"
    ready = _HOME / "ready"
    if not ready.exists():
        print(f"installing labgrid {VERSION} into {_HOME}", file=sys.stderr, flush=True)
        try:
            subprocess.run([sys.executable, "-m", "venv", _HOME], check=True, timeout=_INSTALL_S)
            pip = [found, "-m", "pip", "install", "-q", f"labgrid=={VERSION}"]
            subprocess.run(pip, check=True, timeout=_INSTALL_S, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"benchmark: labgrid {VERSION} cannot be installed: {error.stderr}") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise SystemExit(f"benchmark: labgrid {VERSION} cannot be installed: {error}") from error
        ready.touch()
    return found.absolute()
