"""Which instructions a model's kernels may use: what can be kept from them, and what cannot."""

from collections.abc import Mapping

SWITCHES: Mapping[str, Mapping[str, str]] = {
    "openvino": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "numpy": {"OPENBLAS_CORETYPE": "Nehalem"},
}
"""Runtime → environment that keeps it from instructions later than SSE4.2. oneDNN: its guide, "CPU Dispatcher Control";
OpenBLAS: its README, "Setting the core type at runtime". onnxruntime and TensorFlow Lite choose kernels by what the
processor says, and know no such switch: their kernels here may be quicker than the board's."""


def environment(runtime: str, more_than_board: list[str]) -> dict[str, str]:
    """Return what is to be set for a runtime; nothing where this machine has no more than the board."""
    return dict(SWITCHES.get(runtime, {})) if more_than_board else {}


def warning(runtime: str, processor: str, more_than_board: list[str]) -> str:
    """Return what a reader must know of a prediction by quicker kernels; empty where nothing is to be said."""
    if not more_than_board or runtime in SWITCHES:
        return ""
    has = ", ".join(more_than_board[:4]) + (f" and {len(more_than_board) - 4} more" if len(more_than_board) > 4 else "")
    return f"kernels: {runtime} may use {has} here, which {processor} has not: the board will be slower than this"
