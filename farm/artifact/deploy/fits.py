"""Compares what a model is bound to or cannot run without with what a board says of itself, before anything is sent."""

from functools import partial
from shlex import quote

from devices import facts
from devices.shell import Shell

from ...errors import UsageFault
from ..bound import mismatches
from ..manifest import Manifest
from . import needs

_ANSWER_S = 60.0
"""Importing TensorRT or OpenVINO to hear its version takes a Jetson Nano ten seconds (assumed)."""

_ARCHITECTURE = 'fact architecture "$(uname -m)"\n'
_BOUND = r"""
debian() { dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$@" 2>/dev/null |
  sed -n 's/^installed \([0-9]*:\)\{0,1\}//p' | head -n 1; }
python() { python3 -c "import $1; print($1.__version__)" 2>/dev/null; }
soc() { tr '\0' '\n' < "$R/proc/device-tree/compatible" 2>/dev/null | grep -qx "nvidia,$1"; }
gpu() { nvidia-smi "--query-gpu=$1" --format=csv,noheader 2>/dev/null | head -n 1; }
tegra() { fact gpu "$1"; fact compute_capability "$2"; }
fact gpu "$(gpu name)"
fact compute_capability "$(gpu compute_cap)"
soc tegra210 && tegra 'NVIDIA Tegra X1' 5.3
soc tegra186 && tegra 'NVIDIA Tegra X2' 6.2
soc tegra194 && tegra Xavier 7.2
soc tegra234 && tegra Orin 8.7
"""
"""A Jetson's GPU is part of its chip: name as CUDA's deviceQuery prints it, capability from NVIDIA's table of them."""

_VERSIONS = {
    "tensorrt": 'fact tensorrt "$(debian \'libnvinfer[0-9]*\')"; fact tensorrt "$(python tensorrt)"\n',
    "edgetpu_runtime": "fact edgetpu_runtime \"$(debian 'libedgetpu1-*')\"\n",
    "openvino": 'fact openvino "$(debian openvino)"; fact openvino "$(python openvino)"\n',
}


def require_fit(shell: Shell, root: str, manifest: Manifest, device: str | None = None) -> None:
    """Ask the board, where the manifest wants anything of it.

    Args:
        shell: The board.
        root: Where every path on it begins.
        manifest: The model's.
        device: Which of the runtime's devices is to run it, in place of the manifest's.

    Raises:
        UsageFault: the model does not run there; every difference on a line, with both sides.
        NoAccelerator: what is to run it does not hang on the board.
        devices.errors.DeviceError: the board.
    """
    bound, need = manifest.bound_to, needs.need_of(manifest, device)
    if manifest.architecture is None and bound is None and need is None:
        return
    wanted = bound.model_dump(exclude_none=True) if bound else {}
    parts = [_ARCHITECTURE, _BOUND if wanted else "", *(text for name, text in _VERSIONS.items() if name in wanted)]
    parts += [needs.SCRIPT] if need else []
    board = _ask(shell, root, *parts)
    faults = list(mismatches(bound, board)) if bound else []
    found = board.get("architecture", "nothing")
    if manifest.architecture is not None and found != manifest.architecture:
        faults.insert(0, f"architecture: wants {manifest.architecture}, the board has {found}")
    if faults:
        raise UsageFault([f"{manifest.name}: does not run on {shell.name}: {fault}" for fault in faults])
    if need:
        needs.require_there(shell.name, manifest.name, need, board, partial(_ask, shell, root, needs.SCRIPT))


def _ask(shell: Shell, root: str, *parts: str) -> dict[str, str]:
    script = facts.script(root, *parts)
    return facts.parse(shell.run(f"sh -c {quote(script)}", timeout_s=_ANSWER_S).stdout)
